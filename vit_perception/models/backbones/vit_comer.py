# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""ViT-CoMer: four maps of a plain ViT and convolutions beside it (arXiv 2403.07392, card 40).

`vit_comer_SIZE` has attention in windows in most blocks, as the detectors of the paper;
`vit_comer_SIZE_seg` has none, and a wider pyramid. `comer_NAME` is a plain ViT of the shelf with
patches of 16 px, such as `comer_wide_vit_6_6`, in the same way, its attention unchanged. Sides of
pictures are padded to multiples of 32. `network.trunk.load` takes weights of timm's ViTs. The
paper trains with stochastic depth of 0.1 (tiny), 0.2 (small) and 0.3; it is 0 here unless it is
asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import timm
import torch
from timm.layers import to_2tuple
from timm.models import is_model, register_model
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F

from vit_perception.models.comer import (
    EXTRA,
    LEVELS,
    ConvolutionStem,
    Interaction,
    Pyramid,
    initialise,
    joined,
)
from vit_perception.models.joint_maps import JointMaps
from vit_perception.models.plain import SteppedBackbone
from vit_perception.models.shelf import Variant, shelf
from vit_perception.models.staged import build
from vit_perception.models.vit_trunk import VitTrunk

PATCH, GROUPS = 16, 4
"""Side of a patch in px, and interactions."""
REDUCTIONS = (4, 8, 16, 32)
WIDE, HEAD = 768, 64
"""From which width on values are halved, and channels of a head where the paper gives none."""
PREFIX = "comer_"


def _groups(depth: int) -> list[list[int]]:
    """Returns the indices of the blocks inside each interaction."""
    return [list(each) for each in np.array_split(range(depth), min(GROUPS, depth))]


class ViTCoMer(JointMaps):
    """Maps of strides 4 to 32, all as wide as the tokens.

    Args:
        trunk: makes a plain network with patches of 16 px from `img_size` (if that is given),
            `in_chans`, `drop_path_rate` and `num_classes`; or one of timm's ViTs.
        heads, ratio: of deformable attention; None for the paper's at this width.
        hidden: of the pyramid's convolutions, in terms of the tokens' width.
        windowed: whether attention of timm's ViT is in windows, but for the last block of each
            interaction.
        img_size: for the trunk; its positions are resized for other pictures.
        drop_path_rate: of the last block and all interactions, in training.
        in_chans, num_classes: see timm.
    """

    def __init__(
        self,
        trunk: Callable[..., nn.Module],
        heads: int | None = None,
        ratio: float | None = None,
        hidden: float = 0.5,
        windowed: bool = False,
        img_size: int | tuple[int, int] | None = None,
        drop_path_rate: float = 0.0,
        in_chans: int = 3,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        sized = {} if img_size is None else {"img_size": to_2tuple(img_size)}
        made = trunk(in_chans=in_chans, drop_path_rate=drop_path_rate, num_classes=0, **sized)
        if isinstance(made, VisionTransformer):
            lasts = [group[-1] for group in _groups(len(made.blocks))]
            all_but = set(range(len(made.blocks))) - set(lasts)
            made = VitTrunk(made, all_but if windowed else ())
        assert isinstance(made, SteppedBackbone)
        made.norm = nn.Identity()
        self.trunk = made
        groups = _groups(len(made.steps()))
        self._groups = groups
        width = made.num_features
        usual = 12 if width >= WIDE else 6
        heads = heads or (usual if width % usual == 0 else width // HEAD)
        self.stem = ConvolutionStem(in_chans, width)
        self.levels = nn.Parameter(torch.randn(LEVELS, width))
        self.interactions = nn.ModuleList(
            Interaction(
                width,
                heads,
                ratio or (0.5 if width >= WIDE else 1.0),
                int(hidden * width),
                drop_path_rate,
                EXTRA if group is groups[-1] else 0,
            )
            for group in groups
        )
        self.pyramid = Pyramid(width)
        for part in (self.stem, self.interactions, self.pyramid):
            part.apply(initialise)
        self.assemble(channels=(width,) * 4, reductions=REDUCTIONS, num_classes=num_classes)

    def maps(self, x: Tensor) -> list[Tensor]:
        """Returns maps [B, C, h, w] of images [B, 3, H, W]; sides are rounded up."""
        sides = (int(x.shape[2]), int(x.shape[3]))
        down, right = (-side % REDUCTIONS[-1] for side in sides)
        if down or right:
            x = F.pad(x, (0, right, 0, down))
        grid = self.trunk.grid_of(sides[0] + down, sides[1] + right)
        tokens = self.trunk.first_tokens(x)
        finest, *others = self.stem(x)
        levels = self.levels[:, :, None, None].unbind(0)
        pyramid = joined([each + level for each, level in zip(others, levels, strict=True)])
        blocks = self.trunk.steps()
        for interaction, group in zip(self.interactions, self._groups, strict=True):
            some = [blocks[index] for index in group]
            tokens, pyramid = interaction(tokens, pyramid, grid, self.trunk, some)
        maps = self.pyramid(self.trunk.patches_of(tokens), pyramid, finest, grid)
        return [
            each[:, :, : -(-sides[0] // stride), : -(-sides[1] // stride)]
            for each, stride in zip(maps, REDUCTIONS, strict=True)
        ]


_SHAPES: dict[str, dict[str, Any]] = {
    "tiny": {"embed_dim": 192, "depth": 12, "num_heads": 3},
    "small": {"embed_dim": 384, "depth": 12, "num_heads": 6},
    "base": {"embed_dim": 768, "depth": 12, "num_heads": 12},
    "large": {"embed_dim": 1024, "depth": 24, "num_heads": 16},
}
_SEGMENTERS = {"tiny": 6.0, "small": 1.5, "base": 1.0}
"""Channels of the pyramid's convolutions, in terms of the tokens' width."""


def _entrypoint(name: str, **arguments: Any) -> None:
    """Registers a network with timm."""

    def create(pretrained: bool = False, **options: Any) -> nn.Module:
        return build(ViTCoMer, name, pretrained, **arguments | options)

    create.__name__ = create.__qualname__ = name
    create.__module__ = __name__
    register_model(create)


def _variant(
    size: str, parameters: int, gmacs: float, segments: bool = False, **more: Any
) -> Variant:
    """Registers a network, and returns its entry with a head that the paper lacks."""
    name = f"vit_comer_{size}" + "_seg" * segments
    shape = _SHAPES[size]
    trunk = partial(
        VisionTransformer,
        patch_size=PATCH,
        init_values=1.0,
        class_token=False,
        global_pool="avg",
        **shape,
    )
    arguments: dict[str, Any] = {"trunk": trunk, "img_size": 224, "windowed": not segments}
    if segments:
        arguments["hidden"] = _SEGMENTERS[size]
    if size == "large":
        arguments["heads"] = 16
    _entrypoint(name, **arguments)
    width = shape["embed_dim"]
    return Variant(
        name,
        card=40,
        parameters=parameters + 1000 * (width + 1),
        macs=gmacs * 1e9,
        channels=(width,) * 4,
        **more,
    )


def _padded(sized: Callable[[int, int], Mapping[str, Any]], height: int, width: int) -> Any:
    step = REDUCTIONS[-1]
    return sized(-(-height // step) * step, -(-width // step) * step)


def derived(name: str) -> Variant | None:
    """Returns the entry of `comer_NAME`, which timm knows then; None if there is no such ViT.

    Nothing is counted in it: its parameters and multiply-adds are 0.
    """
    source = shelf().get(name.removeprefix(PREFIX)) if name.startswith(PREFIX) else None
    if source is None or source.reductions != (PATCH,):
        return None
    if not is_model(name):
        _entrypoint(name, trunk=partial(timm.create_model, source.name, **source.options))
    return replace(
        source,
        name=name,
        card=40,
        parameters=0,
        macs=0.0,
        channels=source.channels * 4,
        reductions=REDUCTIONS,
        options={},
        sized=partial(_padded, source.sized),
        dynamic=False,
        top1=None,
    )


VARIANTS: tuple[Variant, ...] = (
    # Without the position of a class token, which the card counts and nothing reads.
    _variant("tiny", 8_739_488, 4.415, representative=True),
    _variant("small", 30_006_752, 12.781),
    _variant("base", 108_149_888, 39.410),
    # Its configuration is not published; with the heads of Mask R-CNN it has the paper's 363 M.
    _variant("large", 341_892_160, 3.0),
    _variant("tiny", 10_619_168, 6.158, segments=True),
    _variant("small", 31_280_096, 14.022, segments=True),
    _variant("base", 110_602_880, 41.865, segments=True),
)
