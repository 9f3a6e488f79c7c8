# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The Haar transform: the card's kernels as a convolution, and perfect reconstruction."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional  # noqa: E402

from vit_perception.models.haar import HAAR, analysis, band_major, synthesis  # noqa: E402

pytestmark = pytest.mark.torch

SIZES = ((2, 2), (6, 8), (3, 3), (7, 4), (15, 20), (1, 1))


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_it_is_the_convolution_with_the_four_kernels(height: int, width: int) -> None:
    x = torch.randn(2, 5, height, width, generator=torch.Generator().manual_seed(1))
    kernels = torch.tensor(HAAR).reshape(4, 1, 2, 2).repeat(5, 1, 1, 1)
    padded = functional.pad(x, (0, width % 2, 0, height % 2))
    # Four bands of channel 0, then of channel 1.
    wanted = functional.conv2d(padded, kernels, stride=2, groups=5)
    bands = analysis(x.permute(0, 2, 3, 1))
    torch.testing.assert_close(bands.permute(0, 4, 3, 1, 2).flatten(1, 2), wanted)
    back = functional.conv_transpose2d(wanted, kernels, stride=2, groups=5)
    found = synthesis(bands, height, width).permute(0, 3, 1, 2)
    torch.testing.assert_close(found, back[:, :, :height, :width])


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_analysis_and_synthesis_give_the_map_back(height: int, width: int) -> None:
    x = torch.randn(2, height, width, 5, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(synthesis(analysis(x), height, width), x, rtol=1e-6, atol=1e-6)


def test_kernels_are_reordered_with_the_bands() -> None:
    weight = torch.arange(12).reshape(12, 1)
    assert band_major(weight).flatten().tolist() == [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]
