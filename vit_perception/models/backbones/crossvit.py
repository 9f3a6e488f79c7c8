# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""CrossViT: Cross-Attention Multi-Scale Vision Transformer (arXiv 2103.14899, card 29).

`crossvit_NAME_dense` is timm's `crossvit_NAME` for one size of image, `img_size`. Each branch sees
the image resized to the nearest size that its patches divide, in the paper's proportion of 240 to
224 pixels; positions are resampled from the grid of its weights.

The cells of the two maps do not coincide: one branch has patches of 12 pixels, the other of 16 in
a smaller image. With `features_only=True` the maps are normalised and resampled bilinearly to
strides 8 and 16, without the last fusion, which only changes class tokens.

Accuracies are those that timm measures with the paper's weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import torch
from timm.layers import resample_abs_pos_embed, to_2tuple
from timm.models import crossvit as timm_crossvit
from timm.models._features import FeatureGetterNet
from torch import Tensor, nn
from torch.nn import functional

from vit_perception.models.dense_forms import dense_variant
from vit_perception.models.shelf import Variant, img_size

REDUCTIONS = (8, 16)


class Patches(nn.Module):
    """Patches of an image that is first resized to a whole number of patches.

    Args:
        source: timm's embedding, whose convolutions it reuses.
        grid: rows and columns of patches.
    """

    def __init__(self, source: timm_crossvit.PatchEmbed, grid: tuple[int, int]) -> None:
        super().__init__()
        self.proj = source.proj
        # timm computes the shape of maps from these.
        self.patch_size = _pair(source.patch_size)
        self.img_size = (grid[0] * self.patch_size[0], grid[1] * self.patch_size[1])

    def forward(self, image: Tensor) -> Tensor:
        """Maps [B, 3, H, W] to [B, patches, C]."""
        if tuple(image.shape[2:]) != self.img_size:
            batch, channels, height, width = image.shape
            # One plane at a time: ONNX Runtime would move the transposition of the image behind
            # the resizing, and has no bicubic resizing for channels last.
            planes = image.reshape(batch * channels, 1, height, width)
            planes = functional.interpolate(planes, self.img_size, mode="bicubic")
            image = planes.reshape(batch, channels, *self.img_size)
        patches: Tensor = self.proj(image)
        return patches.flatten(2).transpose(1, 2)


class Branches(nn.Module):
    """The blocks of a stage without its fusion; maps a list of tokens per branch to another.

    Args:
        source: timm's stage, whose blocks it reuses.
    """

    def __init__(self, source: timm_crossvit.MultiScaleBlock) -> None:
        super().__init__()
        self.blocks = source.blocks

    def forward(self, tokens: list[Tensor]) -> list[Tensor]:
        """Applies the module; see the class."""
        return [block(x) for block, x in zip(self.blocks, tokens, strict=True)]


class AlignedMaps(FeatureGetterNet):
    """The maps of the two branches, resampled to strides 8 and 16, as timm's `feature_cls`.

    Args:
        model: the network.
        out_indices: of its two maps, the finer one first.
    """

    model: timm_crossvit.CrossVit
    out_indices: tuple[int, ...]

    def __init__(
        self, model: timm_crossvit.CrossVit, out_indices: Any = (0, 1), **options: Any
    ) -> None:
        stages = model.num_feature_blocks
        model.reset_classifier(0)
        model.blocks[-1] = Branches(cast("timm_crossvit.MultiScaleBlock", model.blocks[-1]))
        model.feature_info = [
            {"num_chs": width, "reduction": stride, "module": f"blocks.{stages - 1}"}
            for width, stride in zip(model.embed_dim, REDUCTIONS, strict=True)
        ]
        super().__init__(model, out_indices, prune=False)
        self.last = (stages - 1, 2 * stages - 1)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Returns maps [B, C, H / stride, W / stride] of images [B, 3, H, W]."""
        sizes = [[math.ceil(side / stride) for side in x.shape[2:]] for stride in REDUCTIONS]
        maps: Any = self.model.forward_intermediates(
            x, indices=list(self.last), norm=True, intermediates_only=True
        )
        maps = [
            functional.interpolate(each, size, mode="bilinear", align_corners=False)
            for each, size in zip(maps, sizes, strict=True)
        ]
        return [maps[index] for index in self.out_indices]


def _pair(sides: object) -> tuple[int, int]:
    """Returns what timm keeps as a pair, whatever the type of its signature."""
    return cast("tuple[int, int]", sides)


@torch.no_grad()
def _fit(model: timm_crossvit.CrossVit, size: tuple[int, int]) -> None:
    """Prepares a network for images of another size."""
    for branch, embed in enumerate(list(model.patch_embed)):
        assert isinstance(embed, timm_crossvit.PatchEmbed)
        scale = model.img_size_scaled[branch][0] / model.img_size[0]
        steps = _pair(embed.patch_size)
        old = [side // step for side, step in zip(_pair(embed.img_size), steps, strict=True)]
        new = [max(1, round(side * scale / step)) for side, step in zip(size, steps, strict=True)]
        positions = resample_abs_pos_embed(getattr(model, f"pos_embed_{branch}"), new, old)
        setattr(model, f"pos_embed_{branch}", nn.Parameter(positions))
        model.patch_embed[branch] = Patches(embed, (new[0], new[1]))
        # `Patches` resizes the image.
        model.img_size_scaled[branch] = size
    model.img_size = size


def _build(
    entrypoint: Callable[..., nn.Module],
    pretrained: bool,
    img_size: int | tuple[int, int] | None = None,
    **options: Any,
) -> nn.Module:
    if options.get("features_only"):
        options.setdefault("feature_cls", AlignedMaps)
    model = entrypoint(pretrained, **options)
    network = model.model if isinstance(model, FeatureGetterNet) else model
    assert isinstance(network, timm_crossvit.CrossVit)
    _fit(network, to_2tuple(img_size or network.img_size))
    return model


def _variant(
    entrypoint: Callable[..., nn.Module],
    parameters: int,
    gmacs: float,
    width: int,
    top1: float,
    side: int = 240,
    **more: Any,
) -> Variant:
    return dense_variant(
        _build,
        entrypoint,
        parameters,
        gmacs,
        (width, 2 * width),
        top1,
        card=29,
        reductions=REDUCTIONS,
        input=(side, side),
        sized=img_size,
        **more,
    )


VARIANTS: tuple[Variant, ...] = (
    _variant(timm_crossvit.crossvit_tiny_240, 7_014_800, 1.570, 96, 73.35),
    _variant(timm_crossvit.crossvit_9_240, 8_553_296, 1.849, 128, 73.99),
    _variant(
        timm_crossvit.crossvit_9_dagger_240, 8_776_592, 1.987, 128, 76.99, representative=True
    ),
    _variant(timm_crossvit.crossvit_small_240, 26_856_272, 5.630, 192, 81.04),
    _variant(timm_crossvit.crossvit_15_240, 27_528_464, 5.807, 192, 81.52),
    _variant(timm_crossvit.crossvit_15_dagger_240, 28_209_008, 6.129, 192, 82.30),
    _variant(timm_crossvit.crossvit_15_dagger_408, 28_500_080, 21.447, 192, 83.84, 408),
    _variant(timm_crossvit.crossvit_18_240, 43_271_408, 9.053, 224, 82.39),
    _variant(timm_crossvit.crossvit_18_dagger_240, 44_266_976, 9.495, 224, 82.49),
    _variant(timm_crossvit.crossvit_18_dagger_408, 44_606_560, 32.474, 224, 84.20, 408),
    _variant(timm_crossvit.crossvit_base_240, 105_025_232, 21.220, 384, 82.21),
)
