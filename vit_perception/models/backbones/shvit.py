# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""SHViT: Single-Head Vision Transformer (arXiv 2401.16456, card 68), as timm has it.

Maps begin at stride 16; sides round up. `shelf.for_inference` folds every BatchNorm and turns the
residual depthwise convolutions into plain ones (card 68, Mechanism 6).
"""

from __future__ import annotations

from typing import Any

from vit_perception.models.shelf import Variant


def _variant(
    name: str, parameters: int, fused: int, macs: float, channels: tuple[int, ...], **more: Any
) -> Variant:
    return Variant(
        name,
        card=68,
        parameters=parameters,
        fused=fused,
        macs=macs,
        channels=channels,
        reductions=(16, 32, 64),
        dynamic=True,
        **more,
    )


VARIANTS: tuple[Variant, ...] = (
    _variant(
        "shvit_s1", 6_330_808, 6_308_660, 0.241e9, (128, 224, 320), top1=72.8, representative=True
    ),
    _variant("shvit_s2", 11_483_072, 11_453_508, 0.365e9, (128, 308, 448), top1=75.2),
    _variant("shvit_s3", 14_245_273, 14_210_010, 0.601e9, (192, 352, 448), top1=77.4),
    _variant(
        "shvit_s4", 16_588_484, 16_546_248, 0.986e9, (224, 336, 448), top1=79.4, input=(256, 256)
    ),
)
