# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""One scale for every tensor: which activations, which ranges, and what outliers cost."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

from test.compression.quantization.tiny import (  # noqa: E402
    of_timm,
    pictures,
    tiny_swin,
    tiny_vit,
)
from vit_perception.compression.quantization.methods.every_tensor import (  # noqa: E402
    EveryTensor,
    Everywhere,
    every_tensor,
)
from vit_perception.compression.quantization.simulation.quantizers import (  # noqa: E402
    Uniform,
    signal_to_noise,
)
from vit_perception.models.head_gates import Gates  # noqa: E402
from vit_perception.models.quantizable_attention import (  # noqa: E402
    Clip,
    Quantizable,
    make_quantizable,
)

pytestmark = pytest.mark.torch

A_BLOCK = 12
"""Norm, qkv, scores, softmax, context, proj, sum; norm, fc1, GELU, fc2, sum."""
AROUND = 4
"""Image, patches, sum with positions, last norm; the head is float."""


def vit(options: Quantizable = Quantizable()) -> nn.Module:  # noqa: B008
    model = tiny_vit()
    make_quantizable(model, options)
    return model.eval()


@torch.no_grad()
def ratio(model: nn.Module, config: EveryTensor, side: int = 32) -> float:
    """Returns the signal-to-noise ratio of the logits in decibels."""
    images = pictures(16, side, seed=1)
    found = every_tensor(model, config, pictures(16, side))
    return signal_to_noise(model(images), found(images))


@pytest.mark.parametrize(
    ("options", "more"),
    [
        (Quantizable(), 0),
        (Quantizable(clip=Clip()), 0),
        (Quantizable(gates=Gates()), 2 * 3),  # linear, sigmoid, product
        (Quantizable(embed_norm=True), 1),
    ],
    ids=["vanilla", "clipped", "gated", "embed_norm"],
)
def test_each_activation_has_a_scale(options: Quantizable, more: int) -> None:
    found = every_tensor(vit(options), EveryTensor(), pictures(4))
    assert len(found.quantizers) == 2 * A_BLOCK + AROUND + more
    assert all(each.scale.numel() == 1 and not each.signed for each in found.quantizers)


def test_the_outputs_of_all_layers_are_rounded() -> None:
    found = every_tensor(vit(), EveryTensor(activation=4), pictures(16))
    seen: list[torch.Tensor] = []
    block = found.model.blocks[0]
    for module in (block.norm1, block.attn.qkv, block.attn.proj, block.mlp.act, block.norm2):
        module.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    found(pictures(2, seed=1))
    assert len(seen) == 5
    assert all(x.unique().numel() <= 16 for x in seen)


def test_sums_of_residual_branches_are_rounded() -> None:
    """What a block passes on is of few values, and not only what a layer reads of it."""
    found = every_tensor(vit(), EveryTensor(activation=4), pictures(16))
    seen: list[torch.Tensor] = []
    found.model.blocks[0].register_forward_hook(lambda *args: seen.append(args[2]))
    found(pictures(2, seed=1))
    assert seen[0].unique().numel() <= 16


def test_weights_have_one_symmetric_scale() -> None:
    model = vit()
    found = every_tensor(model, EveryTensor(weight=4), pictures(4)).model
    for name, module in model.named_modules():
        if not isinstance(module, (nn.Linear, nn.Conv2d)):
            continue
        made = found.get_submodule(name).weight
        if name == "head":
            assert torch.equal(made, module.weight)
            continue
        step = module.weight.abs().max() / 7
        codes = made / step
        torch.testing.assert_close(codes, codes.round(), atol=1e-4, rtol=0)
        assert codes.abs().max() <= 7.001
        assert (made - module.weight).abs().max() <= step / 2 * 1.001


def test_the_last_layer_is_quantized_if_asked() -> None:
    found = every_tensor(vit(), EveryTensor(weight=4, last=True), pictures(4))
    assert len(found.quantizers) == 2 * A_BLOCK + AROUND + 1
    assert found.model.head.weight.unique().numel() <= 15


def test_ranges_follow_batches_with_momentum() -> None:
    batches = [pictures(2, seed=n) * (n + 1) for n in range(3)]
    found = every_tensor(vit(), EveryTensor(momentum=0.9), batches)
    low, high = (getattr(batches[0], end)() for end in ("amin", "amax"))
    for batch in batches[1:]:
        low, high = 0.9 * low + 0.1 * batch.amin(), 0.9 * high + 0.1 * batch.amax()
    image = found.quantizers[0]
    assert isinstance(image, Uniform)
    assert image.scale.item() == pytest.approx((high - low).item() / 255, rel=1e-5)
    assert image.zero_point.item() == round((-low / image.scale).item())


def test_images_are_split_into_sixteen_batches() -> None:
    images = pictures(32)
    split = every_tensor(vit(), EveryTensor(), images)
    told = every_tensor(vit(), EveryTensor(), list(images.split(2)))
    scales = [torch.stack([q.scale for q in each.quantizers]) for each in (split, told)]
    assert torch.equal(*scales)


def test_more_bits_are_better() -> None:
    found = [ratio(vit(), EveryTensor(bits, bits)) for bits in (4, 6, 8)]
    assert found == sorted(found)
    # Extremes that run behind clip what is rare.
    assert ratio(vit(), EveryTensor(16, 16, momentum=0.0), 32) > 20


@pytest.mark.parametrize("name", ["swin", "mobilevit_xxs"])
def test_other_networks_run(name: str) -> None:
    model = tiny_swin() if name == "swin" else of_timm(name)
    assert ratio(model, EveryTensor(), 32 if name == "swin" else 64) > 5


class Masked(nn.Module):
    """Attention among the pixels of a picture, some of which are hidden."""

    def __init__(self, mask: torch.Tensor | None, causal: bool) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(3)
        self.mask = mask
        self.causal = causal

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = self.norm(images.flatten(2).transpose(1, 2)[:, :9])
        return F.scaled_dot_product_attention(x, x, x, self.mask, is_causal=self.causal)


@pytest.mark.parametrize("kind", ["bool", "float", "causal"])
def test_masks_of_attention_hide_and_cost_no_range(kind: str) -> None:
    seen = torch.rand(9, 9, generator=torch.Generator().manual_seed(0)) > 0.5
    seen.fill_diagonal_(True)
    hidden = torch.where(seen, 0.0, -torch.inf)
    masks = {"bool": seen, "float": hidden, "causal": None}
    model = Masked(masks[kind], kind == "causal").eval()
    images = pictures(4)
    found = every_tensor(model, EveryTensor(), images)
    assert len(found.quantizers) == 5  # picture, norm, scores, softmax, context
    with torch.no_grad():
        assert signal_to_noise(model(images), found(images)) > 25


@torch.no_grad()
def test_an_outlier_channel_costs_all_others() -> None:
    """One scale must hold it in the sums; what differs between images is lost in its steps."""
    images = pictures(16, seed=1)
    ratios = []
    for outlier in (0.0, 100.0):
        model = vit()
        model.blocks[0].mlp.fc2.bias[7] += outlier
        found = every_tensor(model, EveryTensor(), pictures(16))(images)
        wanted = model(images)
        ratios.append(signal_to_noise(wanted - wanted.mean(0), found - found.mean(0)))
    assert ratios[1] < ratios[0] - 10


def test_the_network_given_stays_as_it_is() -> None:
    model = vit()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    wanted = model(pictures(2))
    every_tensor(model, EveryTensor(), pictures(4))
    assert all(torch.equal(before[name], each) for name, each in model.state_dict().items())
    assert torch.equal(model(pictures(2)), wanted)


def test_states_can_be_stored() -> None:
    found = every_tensor(vit(), EveryTensor(), pictures(4))
    state = found.state_dict()
    assert sum(name.startswith("quantizers.") for name in state) == 2 * len(found.quantizers)
    assert isinstance(found, Everywhere)


def test_nothing_to_calibrate_with_is_refused() -> None:
    with pytest.raises(ValueError, match="expected at least one image"):
        every_tensor(vit(), EveryTensor(), pictures(0))
