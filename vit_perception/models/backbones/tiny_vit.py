# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""TinyViT: Fast Pretraining Distillation for Small Vision Transformers (2207.10666, card 35).

`tiny_vit_NAME_dense` is timm's `tiny_vit_NAME` with a head of 1000 classes by default, where
timm's 224 pixel models come with 21841, and with bias tables that are read anew each time.

Any size: maps that windows of 7 or 14 cells (12 or 24, 16 or 32) do not divide are padded. For
training from nothing, `window_sizes` may name windows that divide them, such as (7, 10, 10, 5) for
480x640.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from timm.models import tiny_vit as timm_tiny_vit
from torch import nn

from vit_perception.models.dense_forms import gather_biases_anew, register_dense
from vit_perception.models.shelf import Variant

REDUCTIONS = (4, 8, 16, 32)


def _build(entrypoint: Callable[..., nn.Module], pretrained: bool, **options: Any) -> nn.Module:
    if not pretrained:
        options.setdefault("num_classes", 1000)
    return gather_biases_anew(entrypoint(pretrained, **options))


def _variant(
    name: str,
    parameters: int,
    gmacs: float,
    channels: tuple[int, ...],
    top1: float | None = None,
    side: int = 224,
    representative: bool = False,
) -> Variant:
    register_dense(getattr(timm_tiny_vit, name), _build)
    return Variant(
        name=f"{name}_dense",
        card=35,
        parameters=parameters,
        macs=gmacs * 1e9,
        input=(side, side),
        channels=channels,
        reductions=REDUCTIONS,
        representative=representative,
        top1=top1,
    )


VARIANTS: tuple[Variant, ...] = (
    _variant("tiny_vit_5m_224", 5_392_764, 1.26, (64, 128, 160, 320), 79.1, representative=True),
    _variant("tiny_vit_11m_224", 10_996_972, 2.02, (64, 128, 256, 448), 81.5),
    _variant("tiny_vit_21m_224", 21_198_568, 4.25, (96, 192, 384, 576), 83.1),
    _variant("tiny_vit_21m_384", 21_230_488, 13.70, (96, 192, 384, 576), side=384),
    _variant("tiny_vit_21m_512", 21_268_120, 26.88, (96, 192, 384, 576), side=512),
)
