# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""TinyViT: Fast Pretraining Distillation for Small Vision Transformers (2207.10666, card 35).

`tiny_vit_NAME_dense` is timm's `tiny_vit_NAME` with a head of 1000 classes by default (timm's
224 pixel models have 21841), and with bias tables that are gathered anew in each pass.

Any size works: maps that windows of 7 or 14 cells (12 or 24, 16 or 32) do not divide are padded.
For training from scratch, `window_sizes` may choose windows that divide them, such as
(7, 10, 10, 5) for 480x640.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from timm.models import tiny_vit as timm_tiny_vit
from torch import nn

from vit_perception.models.dense_forms import dense_variant, gather_biases_anew
from vit_perception.models.shelf import Variant


def _build(entrypoint: Callable[..., nn.Module], pretrained: bool, **options: Any) -> nn.Module:
    if not pretrained:
        options.setdefault("num_classes", 1000)
    return gather_biases_anew(entrypoint(pretrained, **options))


_variant = partial(dense_variant, _build, card=35)

VARIANTS: tuple[Variant, ...] = (
    _variant(
        timm_tiny_vit.tiny_vit_5m_224,
        5_392_764,
        1.26,
        (64, 128, 160, 320),
        79.1,
        representative=True,
    ),
    _variant(timm_tiny_vit.tiny_vit_11m_224, 10_996_972, 2.02, (64, 128, 256, 448), 81.5),
    _variant(timm_tiny_vit.tiny_vit_21m_224, 21_198_568, 4.25, (96, 192, 384, 576), 83.1),
    _variant(
        timm_tiny_vit.tiny_vit_21m_384, 21_230_488, 13.70, (96, 192, 384, 576), input=(384, 384)
    ),
    _variant(
        timm_tiny_vit.tiny_vit_21m_512, 21_268_120, 26.88, (96, 192, 384, 576), input=(512, 512)
    ),
)
