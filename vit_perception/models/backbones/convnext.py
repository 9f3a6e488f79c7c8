# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""ConvNeXt: A ConvNet for the 2020s (arXiv 2201.03545, card 05), through timm.

`convnext_NAME_dense` is timm's `convnext_NAME` with its MLPs as 1x1 convolutions, which keeps
[B, C, H, W] throughout, and with a LayerNorm after each of the four maps when it is made with
`features_only=True` (card 05, Mechanism 5). Any size of 32 pixels and more; odd sides round down.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from timm.models import convnext as timm_convnext
from torch import nn

from vit_perception.models.dense_forms import NormedMaps, dense_variant
from vit_perception.models.shelf import Variant


def _build(entrypoint: Callable[..., nn.Module], pretrained: bool, **options: Any) -> nn.Module:
    """Returns the network for maps; `conv_mlp=False` keeps linear layers on [B, H, W, C]."""
    options.setdefault("conv_mlp", True)
    if options.get("features_only"):
        options.setdefault("feature_cls", NormedMaps)
    return entrypoint(pretrained, **options)


_variant = partial(dense_variant, _build, card=5, dynamic=True)

VARIANTS: tuple[Variant, ...] = (
    _variant(
        timm_convnext.convnext_atto, 3_695_520, 0.547, (40, 80, 160, 320), representative=True
    ),
    _variant(timm_convnext.convnext_femto, 5_217_784, 0.780, (48, 96, 192, 384)),
    _variant(timm_convnext.convnext_pico, 9_045_672, 1.367, (64, 128, 256, 512)),
    _variant(timm_convnext.convnext_nano, 15_593_560, 2.446, (80, 160, 320, 640)),
    _variant(timm_convnext.convnext_tiny, 28_589_128, 4.456, (96, 192, 384, 768), 82.1),
    _variant(timm_convnext.convnext_small, 50_223_688, 8.684, (96, 192, 384, 768), 83.1),
    _variant(timm_convnext.convnext_base, 88_591_464, 15.355, (128, 256, 512, 1024), 83.8),
    _variant(timm_convnext.convnext_large, 197_767_336, 34.361, (192, 384, 768, 1536), 84.3),
    _variant(timm_convnext.convnext_xlarge, 350_196_968, 60.921, (256, 512, 1024, 2048)),
)
