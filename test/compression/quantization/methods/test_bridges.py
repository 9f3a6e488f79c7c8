# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Where tokens are formed, by the rule, against what card 08 decodes from the official indices."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from test.compression.quantization.tiny import (  # noqa: E402
    of_timm,
    pictures,
    tiny_swin,
    tiny_vit,
)
from vit_perception.compression.quantization.methods.bridges import bridges_of  # noqa: E402
from vit_perception.compression.quantization.simulation.layers import layers_of  # noqa: E402
from vit_perception.compression.quantization.simulation.wrapped import wrap  # noqa: E402

pytestmark = pytest.mark.torch


def bridges(model: torch.nn.Module, side: int) -> tuple[torch.nn.Module, list[tuple[str, ...]]]:
    images = pictures(1, side)
    wrapped = wrap(model, images)
    return wrapped, list(bridges_of(wrapped, images))


@pytest.mark.parametrize("side", [64, 72])
def test_mobilevit_s_has_the_six_layers_of_the_official_indices(side: int) -> None:
    # A side of 72 is no multiple of the patches, so an interpolation hides the convolution.
    wrapped, found = bridges(of_timm("mobilevit_s"), side)
    names = [layer.place.name for layer in layers_of(wrapped)]
    assert len(names) == 90
    assert [tuple(names.index(each) for each in bridge) for bridge in found] == [
        (17, 18),
        (36, 37),
        (67, 68),
    ]
    assert found == [
        (f"stages.{stage}.1.conv_1x1", f"stages.{stage}.1.transformer.0.attn.qkv")
        for stage in (2, 3, 4)
    ]


def test_efficientformer_l1_has_the_three_layers_of_the_official_indices() -> None:
    wrapped, found = bridges(of_timm("efficientformer_l1"), 224)
    names = [layer.place.name for layer in layers_of(wrapped)]
    assert [tuple(names.index(each) for each in bridge) for bridge in found] == [(26, 27, 28)]
    first = "stages.3.blocks.0.mlp"
    assert found == [("stages.3.downsample.conv", f"{first}.fc1", f"{first}.fc2")]


def test_mobilevitv2_has_its_projection_and_first_qkv() -> None:
    _, found = bridges(of_timm("mobilevitv2_050"), 64)
    assert found == [
        (f"stages.{stage}.1.conv_1x1", f"stages.{stage}.1.transformer.0.attn.qkv_proj")
        for stage in (2, 3, 4)
    ]


def test_efficientformerv2_has_what_begins_both_stages_with_attention() -> None:
    _, found = bridges(of_timm("efficientformerv2_s0"), 224)
    parts = ("fc1", "mid", "fc2")
    third = tuple(f"stages.2.blocks.0.mlp.{part}.conv" for part in parts)
    # The last downsampling sums a convolution and an attention, which both begin the stream.
    begun = ("stages.3.downsample.conv.conv", "stages.3.downsample.attn.proj.conv")
    last = tuple(f"stages.3.blocks.0.mlp.{part}.conv" for part in parts)
    assert found == [("stages.2.downsample.conv.conv", *third), begun + last]


def test_networks_of_tokens_alone_have_the_embedding() -> None:
    assert bridges(tiny_vit(), 32)[1] == [("patch_embed.proj", "blocks.0.attn.qkv")]
    assert bridges(tiny_swin(), 32)[1] == [("patch_embed.proj", "layers.0.blocks.0.attn.qkv")]


def test_networks_without_attention_have_none() -> None:
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Conv2d(4, 4, 1))
    assert bridges(net, 8)[1] == []
