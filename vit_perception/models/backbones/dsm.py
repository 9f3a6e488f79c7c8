# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""DSM: frequencies of a picture are weighted by what the picture has (2309.06721, card 58).

A small perceptron reads the cosine transform of each channel in bands, from low to high, and gives
each band a weight. There is no published code and no table of networks: the block around the mixer
and the sizes, `dsm_r_SIZE`, are a reconstruction. The published 83.8 % on ImageNet belong to a
network that is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from timm.layers import LayerNorm2d
from timm.models import register_model
from torch import Tensor, nn

from vit_perception.models.fourier import cosines, of_cosines
from vit_perception.models.prenorm import PreNormBlock, initialise_linears, perceptron
from vit_perception.models.shelf import Variant
from vit_perception.models.staged import StagedBackbone, build, stagewise_rates

BANDS = (64, 64, 64, 49)
"""Of the stages; the last has no more frequencies in a picture of 224 px."""
HIDDEN = 128
"""Width of the perceptron that weights bands."""
Indices = NDArray[np.int64]


def zigzag(height: int, width: int) -> Indices:
    """Returns cells of a map, row by row, in the order of rising frequency, as JPEG scans them.

    Returns:
        [height * width].
    """
    rows, columns = (each.ravel() for each in np.indices((height, width)))
    diagonals = rows + columns
    order: Indices = np.lexsort((np.where(diagonals % 2, rows, columns), diagonals))
    return order


class Bands(NamedTuple):
    """Parts of equal length of the zigzag of a map of N cells.

    With more bands than cells, some are empty. They read the next lower cell, and no cell reads
    them.

    Attributes:
        cells: of each band, padded with any to the longest one [bands, longest].
        shares: that make a mean of them, float32 [bands, 1, longest].
        band: of each cell, row by row [N].
    """

    cells: Indices
    shares: NDArray[np.float32]
    band: Indices


@lru_cache(maxsize=32)
def bands_of(height: int, width: int, count: int) -> Bands:
    """Returns some bands of a map."""
    number = height * width
    order = zigzag(height, width)
    starts = -(-np.arange(count) * number // count)
    lengths = np.diff(starts, append=number)
    place = np.arange(max(1, lengths.max()))
    starts = np.where(lengths > 0, starts, np.arange(count) * number // count)
    lengths = lengths.clip(1)[:, None]
    cells = order[starts[:, None] + np.minimum(place, lengths - 1)]
    shares = ((place < lengths) / lengths).astype(np.float32)
    band = np.empty(number, np.int64)
    band[order] = np.arange(number) * count // number
    return Bands(cells, shares[:, None], band)


class SpectrumMixer(nn.Module):
    """Weights the frequencies of each channel by their own mean; [B, H, W, C] to the same shape.

    Args:
        bands: that get weights.
        hidden: width of the perceptron.
    """

    def __init__(self, bands: int, hidden: int = HIDDEN) -> None:
        super().__init__()
        self.bands = bands
        self.norm = nn.LayerNorm(bands)
        self.perceptron = perceptron(bands, hidden)
        self.begin()

    def begin(self) -> None:
        """Lets it begin as the identity."""
        for parameter in self.perceptron[2].parameters():
            nn.init.zeros_(parameter)

    def weights(self, spectrum: Tensor) -> Tensor:
        """Returns weights of frequencies [B, H, W, C]; their mean over bands is 1."""
        size = (int(spectrum.shape[1]), int(spectrum.shape[2]))
        bands = bands_of(*size, self.bands)
        cells = torch.from_numpy(bands.cells.ravel()).to(spectrum.device)
        shares = torch.from_numpy(bands.shares).to(spectrum)
        band = torch.from_numpy(bands.band).to(spectrum.device)
        # Rows of channels are gathered whole: dense products are slower, and large constants.
        members = spectrum.flatten(1, 2).index_select(1, cells).unflatten(1, bands.cells.shape)
        means = (shares @ members).squeeze(2)
        found = self.perceptron(self.norm(means.transpose(1, 2)))
        weights = self.bands * found.softmax(2).transpose(1, 2)
        placed: Tensor = weights.index_select(1, band).reshape(spectrum.shape)
        return placed

    def forward(self, x: Tensor) -> Tensor:
        spectrum = cosines(x)
        return of_cosines(spectrum * self.weights(spectrum))


class Stage(nn.Module):
    """A strided convolution and blocks; [B, C_in, H, W] to [B, width, h, w].

    Args:
        patches: the convolution.
        width: channels.
        ratio: hidden width of perceptrons, in terms of `width`.
        bands: see `SpectrumMixer`.
        rates: of stochastic depth of the blocks, in training.
    """

    def __init__(
        self, patches: nn.Conv2d, width: int, ratio: int, bands: int, rates: Sequence[float]
    ) -> None:
        super().__init__()
        self.patches = patches
        self.blocks = nn.Sequential(
            *(
                PreNormBlock(
                    partial(nn.LayerNorm, width, 1e-6),
                    nn.Sequential(
                        nn.Linear(width, width), SpectrumMixer(bands), nn.Linear(width, width)
                    ),
                    perceptron(width, ratio * width),
                    rate,
                )
                for rate in rates
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.blocks(self.patches(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return out


class DSM(StagedBackbone):
    """Maps of strides 4 to 32.

    Args:
        widths, depths, ratios: of the four stages; ratios are those of perceptrons.
        drop_path_rate: of the last block, in training.
        in_chans, num_classes: see timm.
    """

    def __init__(
        self,
        widths: Sequence[int],
        depths: Sequence[int],
        ratios: Sequence[int],
        drop_path_rate: float = 0.0,
        in_chans: int = 3,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        rates = stagewise_rates(drop_path_rate, depths)
        stages = []
        for stage, width in enumerate(widths):
            patches = (
                nn.Conv2d(widths[stage - 1], width, 3, 2, 1)
                if stage
                else nn.Conv2d(in_chans, width, 7, 4, 3)
            )
            stages.append(Stage(patches, width, ratios[stage], BANDS[stage], rates[stage]))
        self.assemble(
            nn.Identity(),
            stages,
            nn.Sequential(LayerNorm2d(widths[-1], 1e-6), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
            channels=widths,
            reductions=[4, 8, 16, 32],
            num_classes=num_classes,
        )
        self.apply(_initialise)


def _initialise(module: nn.Module) -> None:
    initialise_linears(module)
    if isinstance(module, SpectrumMixer):
        module.begin()


_NETWORKS = {
    "dsm_r_t": ((64, 128, 320, 512), (2, 2, 6, 2), (8, 8, 4, 4)),
    "dsm_r_s": ((64, 128, 320, 512), (3, 4, 12, 3), (8, 8, 4, 4)),
    "dsm_r_b": ((96, 192, 384, 768), (3, 4, 18, 3), (4, 4, 4, 4)),
}
"""Widths, depths and ratios."""


def _made(name: str, pretrained: bool, **options: Any) -> nn.Module:
    widths, depths, ratios = _NETWORKS[name]
    return build(DSM, name, pretrained, widths=widths, depths=depths, ratios=ratios, **options)


@register_model
def dsm_r_t(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns the smallest network."""
    return _made("dsm_r_t", pretrained, **options)


@register_model
def dsm_r_s(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns a deeper network."""
    return _made("dsm_r_s", pretrained, **options)


@register_model
def dsm_r_b(pretrained: bool = False, **options: Any) -> nn.Module:
    """Returns a wider network."""
    return _made("dsm_r_b", pretrained, **options)


def _variant(name: str, parameters: int, gmacs: float, **more: Any) -> Variant:
    return Variant(
        name,
        card=58,
        parameters=parameters,
        macs=gmacs * 1e9,
        channels=_NETWORKS[name][0],
        **more,
    )


VARIANTS: tuple[Variant, ...] = (
    # The card counts the second one alone: 5.104, of which 0.23 are dense products in place of
    # what is gathered here.
    _variant("dsm_r_t", 14_796_366, 2.805, representative=True),
    _variant("dsm_r_s", 24_420_065, 4.964),
    _variant("dsm_r_b", 50_826_625, 9.039),
)
