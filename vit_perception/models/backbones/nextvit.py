# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Next-ViT (arXiv 2207.05501, card 57), as timm has it.

`shelf.for_inference` merges every BatchNorm before a linear layer into it (card 57, Mechanism 9).

Attention of stage 2 uses means of 16 consecutive tokens, that of stage 3 means of 4. Tokens left
over at the end of the map are ignored, so choose sizes with a multiple of 16 cells at stride 8 and
of 4 at stride 16, such as 480x640, 416x416 and 720x1280.
"""

from __future__ import annotations

from functools import partial

from vit_perception.models.shelf import Variant

_variant = partial(Variant, card=57, channels=(96, 256, 512, 1024), dynamic=True)

VARIANTS: tuple[Variant, ...] = (
    _variant(
        "nextvit_small",
        parameters=31_763_368,
        fused=31_742_440,
        macs=5.794e9,
        top1=82.5,
        representative=True,
    ),
    _variant("nextvit_base", parameters=44_818_856, macs=8.274e9, top1=83.2),
    _variant("nextvit_large", parameters=57_874_344, macs=10.753e9, top1=83.6),
)
