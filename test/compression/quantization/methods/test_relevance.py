# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Relevance propagation: card 48, "How to verify", and each rule by hand."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from test.compression.quantization.methods import slow_relevance  # noqa: E402
from test.compression.quantization.tiny import (  # noqa: E402
    pictures,
    tiny_swin,
    tiny_vit,
)
from vit_perception.compression.quantization.methods.relevance import (  # noqa: E402
    Rules,
    relevances,
)
from vit_perception.compression.quantization.methods.relevance_rules import (  # noqa: E402
    of_image,
    of_linear,
    of_mean,
    of_product,
    of_sum,
)
from vit_perception.compression.quantization.simulation.layers import layers_of  # noqa: E402
from vit_perception.compression.quantization.simulation.wrapped import wrap  # noqa: E402

pytestmark = pytest.mark.torch

linear = torch.nn.functional.linear


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


# Rules


def test_a_positive_linear_layer_conserves_relevance() -> None:
    x, weight, relevance = (
        noise(5, 8).abs().float(),
        noise(6, 8).abs().float(),
        noise(5, 6).float(),
    )
    found = of_linear(linear, x, weight, relevance)
    torch.testing.assert_close(found.sum(1), relevance.sum(1), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("alpha", [1.0, 2.0])
def test_linear_layers_take_the_agreeing_contributions(alpha: float) -> None:
    x, weight, relevance = noise(5, 8), noise(6, 8, seed=1), noise(5, 6, seed=2)
    found = of_linear(linear, x, weight, relevance, alpha)
    wanted = slow_relevance.linear(x, weight, relevance, alpha)
    torch.testing.assert_close(found, wanted, rtol=1e-7, atol=1e-9)
    convolved = of_linear(
        torch.nn.functional.conv2d,
        x.T.reshape(1, 8, 5, 1),
        weight.reshape(6, 8, 1, 1),
        relevance.T.reshape(1, 6, 5, 1),
        alpha,
    )
    torch.testing.assert_close(convolved.reshape(8, 5).T, wanted, rtol=1e-7, atol=1e-9)


def test_an_image_has_the_rule_of_its_bounds() -> None:
    x, weight, relevance = noise(1, 12), noise(6, 12, seed=1), noise(1, 6, seed=2)
    found = of_image(linear, x, weight, relevance)
    torch.testing.assert_close(found, slow_relevance.patches(x, weight, relevance))
    torch.testing.assert_close(found.sum(), relevance.sum())


def test_sums_share_by_image() -> None:
    a, b, relevance = noise(4, 3, 5), noise(4, 3, 5, seed=1), noise(4, 3, 5, seed=2)
    found = of_sum(a, b, relevance, images=2)
    for image in (slice(0, 2), slice(2, 4)):
        wanted = slow_relevance.added(a[image], b[image], relevance[image])
        torch.testing.assert_close((found[0][image], found[1][image]), wanted)
    torch.testing.assert_close(found[0].sum() + found[1].sum(), relevance.sum())
    # What is shared by the images sums over them.
    part = of_sum(a, b[:1], relevance, images=4)[1]
    torch.testing.assert_close(
        part, of_sum(a, b[:1].expand(4, 3, 5), relevance, 4)[1].sum(0)[None]
    )


def test_products_share_in_halves_and_means_in_whole() -> None:
    a, b, relevance = noise(5, 3), noise(3, 6, seed=1), noise(5, 6, seed=2)
    found = of_product(torch.matmul, a, b, relevance)
    torch.testing.assert_close(found, slow_relevance.product(a, b, relevance))
    torch.testing.assert_close(found[0].sum() + found[1].sum(), relevance.sum())
    mean = of_mean(lambda x: x.mean(1), a, relevance[:, 0])
    torch.testing.assert_close(mean, a / a.sum(1, keepdim=True) * relevance[:, :1])


def test_what_adds_up_to_nothing_gets_nothing() -> None:
    zero = torch.zeros(2, 3)
    assert not of_linear(linear, zero, torch.ones(4, 3), torch.ones(2, 4)).any()
    for found in (of_sum(zero, zero, torch.ones(2, 3), 1), of_sum(-zero, zero, zero, 2)):
        assert not any(x.any() for x in found)
    assert not any(x.any() for x in of_product(torch.mul, zero, zero, torch.ones(2, 3)))


# Networks


def test_a_vit_of_two_blocks_equals_the_formulas_written_out() -> None:
    vit, images = tiny_vit().double(), pictures(3).double()
    names = [layer.place.name for layer in layers_of(wrap(vit, images[:1]))]
    names += ["blocks.0", "blocks.1"]
    found = relevances(wrap(vit, images[:1]), images, names)
    for number, image in enumerate(images):
        wanted = slow_relevance.of_vit(vit, image)
        assert set(wanted) == set(names)
        for name in names:
            for ours, theirs in zip(found[name], wanted[name], strict=True):
                error = float((ours[number] - theirs).norm() / theirs.norm())
                assert error < 1e-4, (name, error)


@pytest.mark.parametrize("name", ["vit", "swin"])
def test_each_block_gets_the_relevance_of_the_output(name: str) -> None:
    images = pictures(4).abs()
    model = wrap(tiny_vit() if name == "vit" else tiny_swin(), images[:1])
    blocks = {
        "vit": ["blocks.0", "blocks.1"],
        "swin": [f"layers.{stage}.blocks.{block}" for stage in (0, 1) for block in (0, 1)],
    }[name]
    found = relevances(model, images, blocks)
    for block in blocks:
        totals = found[block][0].flatten(1).sum(1)
        torch.testing.assert_close(totals, torch.ones(4), rtol=0.05, atol=0)


def test_batches_do_not_matter() -> None:
    images = pictures(4)
    model = wrap(tiny_swin().double(), images[:1].double())
    names = [layer.place.name for layer in layers_of(model)]
    whole = relevances(model, images.double(), names)
    parts = [relevances(model, part.double(), names) for part in images.split(1)]
    for name in names:
        for at, x in enumerate(whole[name]):
            torch.testing.assert_close(x, torch.cat([part[name][at] for part in parts]))


def test_more_classes_are_more_relevance_and_other_results_are_reached() -> None:
    class Detector(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.vit = tiny_vit()

        def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"logits": self.vit(x)}

    images = pictures(2).abs()
    found = relevances(
        wrap(Detector(), images[:1]),
        images,
        ["vit.blocks.0"],
        top=3,
        logits=lambda result: result["logits"],
    )["vit.blocks.0"]
    torch.testing.assert_close(
        found[0].flatten(1).sum(1), torch.full((2,), 3.0), rtol=0.05, atol=0
    )


def test_an_operator_without_a_rule_is_told() -> None:
    for operator in (lambda x: x.cumsum(1), lambda x: x / (x + 1), lambda x: x.sort(1).values):
        images = pictures(1).requires_grad_()
        with (
            pytest.raises(ValueError, match="expected operators with a rule, found"),
            Rules(images),
        ):
            operator(images)
