# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Every backbone of the shelf: counts of its card, maps, gradients, export, determinism.

The short tests take one variant of each family, the slow ones all.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import onnxruntime  # noqa: E402

from test.models.backbones.randomised import randomise  # noqa: E402
from vit_perception.compression.quantization.noise import quantized_with_noise  # noqa: E402
from vit_perception.export.backbone import backbone_graph  # noqa: E402
from vit_perception.models.macs import multiply_adds  # noqa: E402
from vit_perception.models.shelf import (  # noqa: E402
    BackboneError,
    Variant,
    create_backbone,
    create_classifier,
    families,
    find,
    for_inference,
    shelf,
)

# After our package, which makes it importable beside any build of torch.
timm = pytest.importorskip("timm")

pytestmark = pytest.mark.torch

SIZES = ((416, 416), (96, 128), (160, 224))
LARGE_SIZES = ((480, 640), (720, 1280))
#: Those whose tests at full size take too much memory or time are looked at smaller.
SMALL_SIZES = ((96, 128), (128, 128), (160, 224))
#: Those for crops have so many tokens that larger pictures take minutes.
CROPS = ((32, 32), (48, 64), (64, 96))
LARGE, SMALL = 15e6, 6e6


def variants(limit: float = math.inf) -> list[object]:
    """All of them; what stands for its family is not slow, up to a number of parameters."""
    return [
        pytest.param(
            each,
            id=name,
            marks=() if each.representative and each.parameters < limit else pytest.mark.slow,
        )
        for name, each in shelf().items()
    ]


each_variant = pytest.mark.parametrize("variant", variants())
each_light_variant = pytest.mark.parametrize("variant", variants(LARGE))
"""Of the large ones the short tests look at counts and maps."""
each_small_variant = pytest.mark.parametrize("variant", variants(SMALL))
"""Calibration runs a graph often."""


def trainable(model: torch.nn.Module) -> int:
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def sizes(variant: Variant) -> tuple[tuple[int, int], ...]:
    if max(variant.input) <= 64:
        return CROPS
    return SIZES if variant.representative and variant.parameters < LARGE else SMALL_SIZES


def test_each_family_has_one_that_stands_for_it() -> None:
    for name, family in families().items():
        assert sum(each.representative for each in family.VARIANTS) == 1, name


def test_names_are_unique_and_known_to_timm() -> None:
    names = [each.name for family in families().values() for each in family.VARIANTS]
    assert len(names) == len(set(names)) == len(shelf())
    assert all(timm.is_model(name) for name in names)


def test_an_unknown_name_is_refused_with_near_ones() -> None:
    with pytest.raises(BackboneError, match="expected one of .*shvit_s1.*, found 'shvit_s9'"):
        find("shvit_s9")


@each_variant
def test_counts_of_the_card(variant: Variant) -> None:
    model = create_classifier(variant.name, variant.input).eval()
    tolerance = 0.005 if variant.published else 0.0
    assert trainable(model) == pytest.approx(variant.parameters, rel=tolerance, abs=0)
    # Cards count folded branches once.
    counted_form = model if variant.fused is None else for_inference(model)
    counted = multiply_adds(counted_form, torch.zeros(1, 3, *variant.input))
    assert counted == pytest.approx(variant.macs, rel=0.02)
    if variant.fused is not None:
        fused = sum(p.numel() for p in for_inference(model).parameters())
        assert fused == variant.fused


@each_variant
def test_maps_of_any_size(variant: Variant) -> None:
    check_maps(variant, sizes(variant))


@pytest.mark.slow
@each_variant
def test_maps_of_large_pictures(variant: Variant) -> None:
    if variant.parameters >= LARGE or max(variant.input) <= 64:
        pytest.skip("takes too much memory")
    check_maps(variant, LARGE_SIZES)


def check_maps(variant: Variant, pictures: Sequence[tuple[int, int]]) -> None:
    for height, width in pictures:
        backbone = create_backbone(variant.name, (height, width)).eval()
        assert backbone.channels == variant.channels
        assert backbone.reductions == variant.reductions
        batch = 2 if (height, width) == pictures[1] else 1
        with torch.no_grad():
            maps = backbone(torch.rand(batch, 3, height, width))
        shapes = [tuple(x.shape) for x in maps]
        for shape, channels, stride in zip(
            shapes, variant.channels, variant.reductions, strict=True
        ):
            assert shape[:2] == (batch, channels)
            for side, pixels in zip(shape[2:], (height, width), strict=True):
                # Some families round an odd side down, most up.
                assert side in (pixels // stride, math.ceil(pixels / stride)), shapes


@each_light_variant
def test_pictures_of_a_batch_do_not_meet(variant: Variant) -> None:
    size = SMALL_SIZES[0]
    torch.manual_seed(7)
    backbone = randomise(create_backbone(variant.name, size))
    images = pixels(picture(8, *size))
    with torch.no_grad():
        together, alone = backbone(images), backbone(images[5:6])
    for found, wanted in zip(together, alone, strict=True):
        assert_close(found[5:6].numpy(), wanted.numpy(), 1e-4)


@each_light_variant
def test_each_parameter_has_a_gradient(variant: Variant) -> None:
    model = randomise(create_classifier(variant.name, variant.input, classes=10)).train()
    torch.manual_seed(1)
    image = torch.rand(2, 3, *variant.input)
    loss = model(image).square().sum()
    if hasattr(model, "forward_intermediates"):
        # Behind a class token, the last block's map is for dense use alone.
        maps = model.forward_intermediates(image, intermediates_only=True)
        loss = loss + sum(x.square().sum() for x in maps)
    loss.backward()
    without = [
        name
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and (parameter.grad is None or not parameter.grad.any())
    ]
    assert not without


@each_light_variant
def test_a_state_dict_goes_round(variant: Variant) -> None:
    height, width = variant.input
    image = torch.rand(1, 3, height, width)
    first = randomise(create_classifier(variant.name, variant.input, classes=10), seed=1)
    second = create_classifier(variant.name, variant.input, classes=10).eval()
    with torch.no_grad():
        wanted = first(image)
        assert torch.equal(first(image), wanted), "not deterministic"
        assert not torch.equal(second(image), wanted)
        second.load_state_dict(first.state_dict())
        assert torch.equal(second(image), wanted)


@each_light_variant
def test_the_form_for_inference_is_the_same_network(variant: Variant) -> None:
    torch.manual_seed(2)
    size = sizes(variant)[1]
    backbone = randomise(create_backbone(variant.name, size))
    image = torch.rand(1, 3, *size)
    with torch.no_grad():
        once = for_inference(backbone)
        for ours, wanted in zip(once(image), backbone(image), strict=True):
            assert_close(ours.numpy(), wanted.numpy(), 1e-4)
        for again, ours in zip(for_inference(once)(image), once(image), strict=True):
            assert_close(again.numpy(), ours.numpy(), 1e-5)


@each_light_variant
def test_the_graph_equals_torch(variant: Variant) -> None:
    size = sizes(variant)[0] if variant.parameters < LARGE else SMALL_SIZES[0]
    torch.manual_seed(3)
    backbone = randomise(create_backbone(variant.name, size))
    image = picture(1, *size)
    with torch.no_grad():
        wanted = backbone(pixels(image))
    for found, expected in zip(run(backbone_graph(backbone, size), image), wanted, strict=True):
        assert_close(found, expected.numpy(), 1e-4)


@each_light_variant
def test_a_graph_with_free_height_and_width(variant: Variant) -> None:
    if not variant.dynamic:
        pytest.skip("its card ties the graph to one size")
    first, second = SMALL_SIZES[0], SMALL_SIZES[2]
    torch.manual_seed(4)
    backbone = randomise(create_backbone(variant.name, first))
    image = picture(1, *second)
    with torch.no_grad():
        wanted = backbone(pixels(image))
    graph = backbone_graph(backbone, first, dynamic=True)
    for found, expected in zip(run(graph, image), wanted, strict=True):
        assert_close(found, expected.numpy(), 1e-4)


@each_small_variant
def test_eight_bits_run_and_mean_the_same(variant: Variant) -> None:
    """Plain quantization after training, ranges by noise: no figure of accuracy."""
    size = SMALL_SIZES[0]
    torch.manual_seed(6)
    graph = backbone_graph(randomise(create_backbone(variant.name, size)), size)
    image = picture(1, *size)
    eight = run(quantized_with_noise(graph, size), image)
    for found, wanted in zip(eight, run(graph, image), strict=True):
        product = (found * wanted).sum() / np.sqrt((found**2).sum() * (wanted**2).sum())
        assert product > 0.8


def picture(batch: int, height: int, width: int) -> np.ndarray:
    """Pictures as the graph contract has them, uint8 [B, H, W, 3]."""
    return np.random.default_rng(5).integers(0, 256, (batch, height, width, 3), np.uint8)


def pixels(image: np.ndarray) -> torch.Tensor:
    """The same as torch has them, float [B, 3, H, W] in [0, 1]."""
    return torch.from_numpy(image).permute(0, 3, 1, 2).float() / 255


def run(graph: bytes, image: np.ndarray) -> Iterator[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    yield from session.run(None, {"image": image})


def assert_close(found: np.ndarray, wanted: np.ndarray, relative: float) -> None:
    """Largest difference against the largest value, as single values pass through 0."""
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= relative * np.abs(wanted).max()
