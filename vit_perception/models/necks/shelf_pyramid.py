# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Makes of any backbone of the shelf the pyramid that DOSOD's neck and mask head need.

Strides that a backbone lacks are made as in card 68 (item 7): a coarser map is added to its finer
neighbour by nearest upsampling, and a finer one comes from a transposed 2x2 convolution and a 3x3
convolution. A missing coarse one is a strided convolution of its finer neighbour.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from vit_perception.models.layers import ConvModule
from vit_perception.models.shelf import Backbone, BackboneError

STRIDES = (8, 16, 32)
"""Strides of the neck's inputs."""
DETAIL_STRIDE = 4
"""Stride of the mask head's input."""
DETAIL_WIDTH = 32
"""Channels of a made map of stride 4, for the mask head, if the backbone has none."""


class ShelfPyramid(nn.Module):
    """Maps of strides 4, 8, 16 and 32 from a backbone of the shelf.

    Args:
        backbone: see `models.shelf`.
        channels: of the maps of strides 8, 16 and 32.
        activation: "silu" or "relu", of the layers added here.

    Attributes:
        channels: as given.
        detail: channels of the map of stride 4.

    Raises:
        BackboneError: the backbone has neither stride 8 nor stride 16.
    """

    def __init__(
        self, backbone: Backbone, channels: tuple[int, int, int], activation: str = "silu"
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.channels = channels
        widths = dict(zip(STRIDES, channels, strict=True))
        # Of two maps of one stride the deeper one is used.
        self._index = {stride: index for index, stride in enumerate(backbone.reductions)}
        if not {8, 16} & self._index.keys():
            raise BackboneError(
                f"{backbone.name}: expected maps of stride 8 or 16, found strides "
                f"{', '.join(str(stride) for stride in backbone.reductions)}"
            )
        self.laterals = nn.ModuleDict()
        for stride, index in self._index.items():
            if stride > DETAIL_STRIDE:
                width = widths.get(stride, channels[-1])
                lateral = ConvModule(backbone.channels[index], width, 1, activation=activation)
                self.laterals[str(stride)] = lateral
        self.made = nn.ModuleDict()
        if 16 not in self._index:
            if 32 in self._index:
                self.made["16"] = _finer(widths[32], widths[16], activation)
            else:
                self.made["16"] = ConvModule(channels[0], channels[1], 3, 2, activation)
        if 8 not in self._index:
            self.made["8"] = _finer(widths[16], widths[8], activation)
        if 32 not in self._index:
            self.made["32"] = ConvModule(channels[1], channels[2], 3, 2, activation)
        if DETAIL_STRIDE in self._index:
            self.detail = backbone.channels[self._index[DETAIL_STRIDE]]
        else:
            self.detail = DETAIL_WIDTH
            self.made[str(DETAIL_STRIDE)] = _finer(channels[0], DETAIL_WIDTH, activation)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns maps of strides 8, 16, 32 of float images [B, 3, H, W] RGB in [0, 1]."""
        return self._levels(self._maps(image))

    def pyramid(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Works as :meth:`forward`, with the map of stride 4 in front."""
        maps = self._maps(image)
        levels = self._levels(maps)
        if DETAIL_STRIDE in self._index:
            return maps[self._index[DETAIL_STRIDE]], *levels
        return self.made[str(DETAIL_STRIDE)](levels[0]), *levels

    def scale_input(self, factor: float) -> None:
        """Multiplies images by a factor."""
        self.backbone.scale_input(factor)

    def _maps(self, image: Tensor) -> list[Tensor]:
        maps: list[Tensor] = self.backbone(image)
        return maps

    def _levels(self, maps: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        found = {int(s): conv(maps[self._index[int(s)]]) for s, conv in self.laterals.items()}
        for stride in sorted((each for each in found if each > STRIDES[-1]), reverse=True):
            coarse = found.pop(stride)
            finer = max(each for each in found if each < stride)
            size = found[finer].shape[2:]
            found[finer] = found[finer] + F.interpolate(coarse, size=size, mode="nearest")
        if 16 not in found:
            found[16] = self.made["16"](found[32] if 32 in found else found[8])
        if 8 not in found:
            found[8] = self.made["8"](found[16])
        if 32 not in found:
            found[32] = self.made["32"](found[16])
        return found[8], found[16], found[32]


def _finer(c_in: int, c_out: int, activation: str) -> nn.Sequential:
    """Returns layers to twice the height and width: [B, c_in, h, w] to [B, c_out, 2 h, 2 w]."""
    return nn.Sequential(
        nn.ConvTranspose2d(c_in, c_out, 2, 2), ConvModule(c_out, c_out, 3, activation=activation)
    )
