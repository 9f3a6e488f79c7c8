# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""VoVNet (arXiv 1904.09730) and VoVNetV2 (arXiv 1911.06667), card 44, through timm.

timm has all but the small `vovnet27_slim`, which is registered here. Its V2 networks (`ese_…`) put
eSE on the last block of a stage only. Pools round sides up.
"""

from __future__ import annotations

from typing import Any

from timm.models import VovNet, register_model
from torch import nn

from vit_perception.models.shelf import Variant
from vit_perception.models.staged import build


@register_model
def vovnet27_slim(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns VoVNet-27-slim: v1, without residuals."""
    cfg = {
        "stem_chs": [64, 64, 128],
        "stage_conv_chs": [64, 80, 96, 112],
        "stage_out_chs": [128, 256, 384, 512],
        "layer_per_block": 5,
        "block_per_stage": [1, 1, 1, 1],
        "residual": False,
        "depthwise": False,
        "attn": "",
    }
    return build(VovNet, "vovnet27_slim", pretrained, cfg=cfg, **options)


def _variant(
    name: str,
    parameters: int,
    gmacs: float,
    channels: tuple[int, ...] = (256, 512, 768, 1024),
    **more: Any,
) -> Variant:
    return Variant(name, 44, parameters, gmacs * 1e9, channels, dynamic=True, **more)


VARIANTS: tuple[Variant, ...] = (
    _variant("ese_vovnet19b_slim_dw", 1_897_752, 0.398, (112, 256, 384, 512), representative=True),
    _variant("ese_vovnet19b_slim", 3_166_136, 1.680, (112, 256, 384, 512)),
    _variant("vovnet27_slim", 3_525_736, 2.177, (128, 256, 384, 512)),
    _variant("ese_vovnet19b_dw", 6_543_080, 1.333),
    _variant("vovnet39a", 22_600_296, 7.072, top1=76.77),
    _variant("ese_vovnet39b", 24_568_936, 7.074),
    _variant("vovnet57a", 36_640_296, 8.930, top1=77.73),
    _variant("ese_vovnet57b", 38_608_936, 8.932),
    _variant("ese_vovnet99b", 63_199_272, 16.488),
)
