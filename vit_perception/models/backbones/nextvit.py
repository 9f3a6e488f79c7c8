# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Next-ViT (arXiv 2207.05501, card 57), as timm has it.

`shelf.for_inference` merges every BatchNorm before a linear layer into it (card 57, Mechanism 9).

Attention of stage 2 looks at means of 16 consecutive tokens, that of stage 3 at means of 4. Tokens
that are left over at the end of the map are not looked at: choose sizes with a multiple of 16
cells at stride 8 and of 4 at stride 16. 480x640, 416x416 and 720x1280 are such.
"""

from __future__ import annotations

from vit_perception.models.shelf import Variant

CHANNELS = (96, 256, 512, 1024)
REDUCTIONS = (4, 8, 16, 32)

VARIANTS: tuple[Variant, ...] = (
    Variant(
        name="nextvit_small",
        card=57,
        parameters=31_763_368,
        macs=5.794e9,
        input=(224, 224),
        channels=CHANNELS,
        reductions=REDUCTIONS,
        top1=82.5,
        dynamic=True,
        representative=True,
        fused=31_742_440,
    ),
    Variant(
        name="nextvit_base",
        card=57,
        parameters=44_818_856,
        macs=8.274e9,
        input=(224, 224),
        channels=CHANNELS,
        reductions=REDUCTIONS,
        top1=83.2,
        dynamic=True,
    ),
    Variant(
        name="nextvit_large",
        card=57,
        parameters=57_874_344,
        macs=10.753e9,
        input=(224, 224),
        channels=CHANNELS,
        reductions=REDUCTIONS,
        top1=83.6,
        dynamic=True,
    ),
)
