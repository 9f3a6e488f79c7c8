# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The Gaussian process that puts observations on equally spaced times."""

from __future__ import annotations

import numpy as np
import pytest

from vit_perception.tracking.resampling import LENGTH_S, matern, resampled

RNG = np.random.default_rng(4)
TIMES = np.sort(RNG.uniform(-3, 0, 20))
VALUES = RNG.normal(0, 1, (20, 5)).cumsum(axis=0) / 3
NOISE = RNG.uniform(0.1, 1.0, 20)
AT = np.linspace(-3, 0, 32)


def test_it_is_the_process_of_scikit_learn() -> None:
    """Against GaussianProcessRegressor(Matern(0.5, nu=1.5), alpha=noise**2, optimizer=None).

    Of scikit-learn 1.9.1, fitted to the values minus their mean.
    """
    times = np.array([-2.9, -2.1, -2.0, -0.7, -0.1])
    values = np.array([[1.0, -2.0], [0.5, 0.0], [2.0, 1.0], [-1.0, 0.3], [0.0, -0.4]])
    noise = np.array([0.2, 0.4, 1.0, 0.3, 0.25])
    mean, deviation = resampled(times, values, noise, np.array([-3.0, -2.05, -1.4, 0.0]))
    expected = [
        [0.96132669, -1.86791624],
        [0.70712533, 0.10770961],
        [0.24817086, 0.14626195],
        [0.11079042, -0.40674881],
    ]
    np.testing.assert_allclose(mean, expected, atol=1e-6)
    np.testing.assert_allclose(
        deviation, [0.35655402, 0.36745339, 0.9090476, 0.38047393], atol=1e-6
    )


def test_it_is_the_mean_of_joint_gaussians() -> None:
    """The same numbers from the definition, without a factorisation."""
    covariance = matern(np.abs(TIMES[:, None] - TIMES), LENGTH_S) + np.diag(NOISE**2)
    across = matern(np.abs(AT[:, None] - TIMES), LENGTH_S)
    middle = VALUES.mean(axis=0)
    mean = middle + across @ np.linalg.inv(covariance) @ (VALUES - middle)
    variance = 1 - np.einsum("ln,nm,lm->l", across, np.linalg.inv(covariance), across)
    found, spread = resampled(TIMES, VALUES, NOISE, AT)
    assert np.abs(found - mean).max() < 1e-6
    assert np.abs(spread - np.sqrt(variance)).max() < 1e-6


def test_without_noise_it_goes_through_the_observations() -> None:
    found, spread = resampled(TIMES, VALUES, np.full(20, 1e-6), TIMES)
    assert np.abs(found - VALUES).max() < 1e-4
    assert spread.max() < 1e-3


def test_far_from_all_observations_it_is_the_mean_of_the_channel() -> None:
    found, spread = resampled(TIMES, VALUES, NOISE, np.array([60.0]))
    np.testing.assert_allclose(found[0], VALUES.mean(axis=0), atol=1e-9)
    assert spread[0] == pytest.approx(1.0)


def test_the_order_of_observations_and_the_clock_change_nothing() -> None:
    before, spread = resampled(TIMES, VALUES, NOISE, AT)
    order = RNG.permutation(20)
    mixed = resampled(TIMES[order], VALUES[order], NOISE[order], AT)
    later = resampled(TIMES + 1e6, VALUES, NOISE, AT + 1e6)
    for found, other in (mixed, later):
        np.testing.assert_allclose(found, before, atol=1e-6)
        np.testing.assert_allclose(other, spread, atol=1e-6)


def test_one_observation_and_equal_times_are_no_trouble() -> None:
    found, _ = resampled(np.zeros(1), np.array([[2.0]]), np.array([0.1]), AT)
    np.testing.assert_allclose(found, 2.0)
    found, _ = resampled(np.zeros(3), np.array([[1.0], [2.0], [3.0]]), np.full(3, 1e-9), AT)
    assert np.isfinite(found).all()
