# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""EfficientNet-Lite: EfficientNet (arXiv 1905.11946) without squeeze-excite, with ReLU6.

The figures of top-1 are of Google's release (tensorflow/tpu, models/official/efficientnet/lite);
there is no paper. `tf_efficientnet_liteN_dense` is timm's `tf_efficientnet_liteN` with its SAME
padding as an attribute of the convolutions: timm's makes a Pad of each. Weights of timm's fit.
Their pixels are x * 2 - 1 of pixels 0 to 1.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from timm.layers import Conv2dSame
from timm.models import efficientnet as timm_efficientnet
from torch import nn

from vit_perception.models.dense_forms import dense_variant
from vit_perception.models.same_padding import SameConv2d
from vit_perception.models.shelf import Variant


def _build(entrypoint: Callable[..., nn.Module], pretrained: bool, **options: Any) -> nn.Module:
    return pad_by_attribute(entrypoint(pretrained, **options))


def pad_by_attribute(model: nn.Module) -> nn.Module:
    """Puts `SameConv2d` with the same weights for timm's `Conv2dSame`, and returns the model."""
    for parent in list(model.modules()):
        for name, layer in parent.named_children():
            if isinstance(layer, Conv2dSame):
                made = SameConv2d(
                    layer.in_channels,
                    layer.out_channels,
                    layer.kernel_size[0],
                    layer.stride[0],
                    groups=layer.groups,
                    bias=layer.bias is not None,
                )
                made.weight, made.bias = layer.weight, layer.bias
                setattr(parent, name, made)
    return model


_variant = partial(dense_variant, _build, card=0, pixels=(0.5, 0.5), dynamic=True)

VARIANTS: tuple[Variant, ...] = (
    _variant(
        timm_efficientnet.tf_efficientnet_lite0,
        4_652_008,
        0.385,
        (24, 40, 112, 320),
        75.1,
        representative=True,
    ),
    _variant(
        timm_efficientnet.tf_efficientnet_lite1,
        5_416_680,
        0.600,
        (24, 40, 112, 320),
        76.7,
        input=(240, 240),
    ),
    _variant(
        timm_efficientnet.tf_efficientnet_lite2,
        6_092_072,
        0.860,
        (24, 48, 120, 352),
        77.6,
        input=(260, 260),
    ),
    _variant(
        timm_efficientnet.tf_efficientnet_lite3,
        8_197_096,
        1.383,
        (32, 48, 136, 384),
        79.8,
        input=(280, 280),
    ),
    _variant(
        timm_efficientnet.tf_efficientnet_lite4,
        13_006_568,
        2.553,
        (32, 56, 160, 448),
        81.5,
        input=(300, 300),
    ),
)
