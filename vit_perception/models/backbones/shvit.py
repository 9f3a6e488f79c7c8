# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""SHViT: Single-Head Vision Transformer (arXiv 2401.16456, card 68), as timm has it.

Maps begin at stride 16; sides round up. `shelf.for_inference` folds every BatchNorm and turns the
residual depthwise convolutions into plain ones (card 68, Mechanism 6).
"""

from __future__ import annotations

from vit_perception.models.shelf import Variant

REDUCTIONS = (16, 32, 64)

VARIANTS: tuple[Variant, ...] = (
    Variant(
        name="shvit_s1",
        card=68,
        parameters=6_330_808,
        macs=0.241e9,
        input=(224, 224),
        channels=(128, 224, 320),
        reductions=REDUCTIONS,
        top1=72.8,
        dynamic=True,
        representative=True,
        fused=6_308_660,
    ),
    Variant(
        name="shvit_s2",
        card=68,
        parameters=11_483_072,
        macs=0.365e9,
        input=(224, 224),
        channels=(128, 308, 448),
        reductions=REDUCTIONS,
        top1=75.2,
        dynamic=True,
        fused=11_453_508,
    ),
    Variant(
        name="shvit_s3",
        card=68,
        parameters=14_245_273,
        macs=0.601e9,
        input=(224, 224),
        channels=(192, 352, 448),
        reductions=REDUCTIONS,
        top1=77.4,
        dynamic=True,
        fused=14_210_010,
    ),
    Variant(
        name="shvit_s4",
        card=68,
        parameters=16_588_484,
        macs=0.986e9,
        input=(256, 256),
        channels=(224, 336, 448),
        reductions=REDUCTIONS,
        top1=79.4,
        dynamic=True,
        fused=16_546_248,
    ),
)
