# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Ranges of tensors."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from test.compression.quantization.alone import (  # noqa: E402
    noise,
)
from vit_perception.compression.quantization.simulation.observers import (  # noqa: E402
    HEAD,
    IN_CHANNEL,
    LAST,
    OUT_CHANNEL,
    TENSOR,
    Sharing,
    minmax,
    mse,
    percentile,
    shrunk,
)
from vit_perception.compression.quantization.simulation.quantizers import (  # noqa: E402
    Uniform,
    signal_to_noise,
)

pytestmark = pytest.mark.torch


@pytest.mark.parametrize(
    ("sharing", "shape", "wanted"),
    [
        (TENSOR, (2, 3, 4), ()),
        (OUT_CHANNEL, (6, 2, 3, 3), (6, 1, 1, 1)),
        (HEAD, (2, 3, 5, 4), (1, 3, 1, 1)),
        (LAST, (2, 5, 8), (1, 1, 8)),
        (Sharing(0, 3), (6, 4), (6, 1)),
    ],
)
def test_each_group_has_its_own_range(
    sharing: Sharing, shape: tuple[int, ...], wanted: tuple[int, ...]
) -> None:
    x = noise(*shape)
    low, high = minmax(x, sharing)
    assert low.shape == high.shape == wanted
    assert bool((low <= x).all()) and bool((x <= high).all())
    groups = sharing.groups or (x.shape[sharing.axis] if sharing.axis is not None else 1)
    assert len(low.unique()) == len(high.unique()) == groups
    # Each end is reached in every group.
    assert int((x == low).sum()) == int((x == high).sum()) == groups


def test_rows_that_do_not_split_are_refused() -> None:
    with pytest.raises(ValueError, match="expected a multiple of 3 indices, found 7"):
        minmax(noise(7, 2), Sharing(0, 3))


def test_percentiles_are_torchs() -> None:
    x = noise(4, 1000)
    low, high = percentile(x, 0.99, OUT_CHANNEL)
    torch.testing.assert_close(high[:, 0], x.quantile(0.99, dim=1))
    torch.testing.assert_close(low[:, 0], x.quantile(0.01, dim=1))


def test_least_error_clips_an_outlier_of_one_channel_only() -> None:
    x = noise(2, 5000)
    x[1, 0] = 40
    found = minmax(x, OUT_CHANNEL)
    ranges = [found, *shrunk(found, [i / 20 for i in range(1, 20)])]
    low, high = mse(x, ranges, lambda a, b: Uniform.from_range(a, b, 4), OUT_CHANNEL)
    assert float(high[1, 0]) < 20
    assert float(high[0, 0]) > 0.6 * float(x[0].max())
    wanted = Uniform.from_range(*found, 4)(x)
    best = Uniform.from_range(low, high, 4)(x)
    for channel in range(2):
        error = (best - x)[channel].square().sum()
        assert float(error) <= float((wanted - x)[channel].square().sum())


def test_channels_of_different_scales_need_their_own() -> None:
    """64 channels with scales 1 to 1000 (card 08): 14.9 dB per tensor, 42.2 dB per channel."""
    x = noise(1, 64, 32, 32) * torch.logspace(0, 3, 64)[:, None, None]
    means = []
    for sharing in (TENSOR, IN_CHANNEL):
        quantizer = Uniform.from_range(*minmax(x, sharing), 8, symmetric=True)
        found = quantizer(x)
        ratios = [signal_to_noise(x[:, i], found[:, i]) for i in range(64)]
        means.append(sum(ratios) / len(ratios))
    assert means[1] - means[0] > 20
