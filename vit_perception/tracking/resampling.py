# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""From observations at any times to equally spaced ones, by a Gaussian process (card 17).

The kernel is Matern's of smoothness 3/2 with fixed length and unit amplitude; all channels share
the times and the noise, so one factorisation serves them all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LENGTH_S = 0.5
"""Time over which observations resemble each other, seconds."""

# Equal times without noise would make a singular matrix.
_JITTER = 1e-10


def matern(lags: NDArray[np.float64], length: float) -> NDArray[np.float64]:
    """Returns Matern's covariance of smoothness 3/2, amplitude 1, of times `lags` >= 0 apart."""
    scaled = np.sqrt(3.0) * lags / length
    return np.asarray((1.0 + scaled) * np.exp(-scaled), np.float64)


def resampled(
    times: NDArray[np.float64],
    values: NDArray[Any],
    noise: NDArray[Any],
    at: NDArray[np.float64],
    length: float = LENGTH_S,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the process's mean and standard deviation at other times.

    Far from all observations the mean is that of the channel, and the deviation is 1.

    Args:
        times: float64 [N], seconds, in any order; N is 1 or more.
        values: [N, M] channels, which vary by about 1.
        noise: [N] standard deviations of the observations, in the unit of the channels.
        at: float64 [L], seconds.
        length: of the kernel, seconds.

    Returns:
        mean float64 [L, M] and standard deviation float64 [L], 0..1.
    """
    # Here, as a detector starts without it; few name things by evidence.
    from scipy.linalg import cho_factor, cho_solve

    middle = values.mean(axis=0)
    covariance = matern(np.abs(times[:, None] - times[None, :]), length)
    covariance[np.diag_indices(len(times))] += noise**2 + _JITTER
    factor = cho_factor(covariance, lower=True, check_finite=False)
    across = matern(np.abs(at[:, None] - times[None, :]), length)
    solved = cho_solve(
        factor, np.concatenate([values - middle, across.T], axis=1), check_finite=False
    )
    weights, explained = solved[:, : values.shape[1]], solved[:, values.shape[1] :]
    variance = 1.0 - (across * explained.T).sum(axis=1)
    return middle + across @ weights, np.sqrt(np.clip(variance, 0.0, 1.0))
