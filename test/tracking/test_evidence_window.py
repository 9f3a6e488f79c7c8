# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Observations of a thing as the channels of each of its candidate names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vit_perception.tracking.evidence_window import (
    BIN_S,
    CHANNELS,
    FEATURES,
    MOST_CANDIDATES,
    STEPS,
    WINDOW_S,
    Window,
    candidates,
    logits,
    series,
)


def window(count: int = 12, names: int = 3, seed: int = 0) -> Window:
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0.2, 0.4, (count, 2))
    return Window(
        times=np.linspace(-2.8, -0.05, count),
        scores=rng.uniform(0.05, 0.9, (count, names)).astype(np.float32),
        boxes=np.concatenate([corners, corners + 0.2], axis=1).astype(np.float32),
        ranges=rng.uniform(0.8, 1.2, count).astype(np.float32),
        frames=24,
    )


ALL = np.arange(3)


def test_channels_have_the_shapes_of_the_card() -> None:
    channels, features = series(window(), ALL)
    assert channels.shape == (3, STEPS, CHANNELS) == (3, 32, 9)
    assert features.shape == (FEATURES,) == (3,)
    assert channels.dtype == features.dtype == np.float32
    assert np.isfinite(channels).all()
    np.testing.assert_allclose(channels[:, :, 2], channels[:, :, 0] - channels[:, :, 1], atol=1e-5)
    assert features[2] == pytest.approx(0.5)
    assert 0.8 < features[0] < 1.2


def test_steady_observations_are_told_as_they_are() -> None:
    steady = replace(
        window(),
        scores=np.tile(np.array([[0.7, 0.3, 0.0]], np.float32), (12, 1)),
        boxes=np.tile(np.array([[0.1, 0.2, 0.5, 0.4]], np.float32), (12, 1)),
        ranges=np.zeros(12, np.float32),
    )
    channels, features = series(steady, ALL)
    first, second, none = logits(np.array([0.7, 0.3, 0.0]))
    assert none == pytest.approx(logits(np.array([0.02]))[0])
    np.testing.assert_allclose(channels[0, :, 0], first, atol=1e-5)
    np.testing.assert_allclose(channels[0, :, 1], second, atol=1e-5)
    np.testing.assert_allclose(channels[1, :, 1], first, atol=1e-5)
    np.testing.assert_allclose(channels[0, :, 3], 0.7, atol=1e-5)
    np.testing.assert_allclose(channels[0, :, 4], np.log(0.08), atol=1e-5)
    np.testing.assert_allclose(channels[0, :, 5], np.log(2), atol=1e-5)
    np.testing.assert_allclose(channels[0, :, 6:8], 0, atol=1e-9)
    np.testing.assert_allclose(features[:2], 0)


def test_the_order_of_observations_changes_nothing() -> None:
    seen = window()
    order = np.random.default_rng(1).permutation(12)
    for one, other in zip(series(seen, ALL), series(seen.chosen(order), ALL), strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_unrelated_name_changes_only_where_it_is_the_best_competitor() -> None:
    seen = window()
    weak = np.full((12, 1), 0.03, np.float32)
    wider = replace(seen, scores=np.concatenate([seen.scores, weak], axis=1))
    np.testing.assert_array_equal(series(seen, ALL)[0], series(wider, ALL)[0])
    strong = replace(seen, scores=np.concatenate([seen.scores, weak + 0.95], axis=1))
    before, after = series(seen, ALL)[0], series(strong, ALL)[0]
    np.testing.assert_allclose(after[:, :, 1], logits(np.array([0.98]))[0], atol=1e-5)
    # Its confidence is that of the thing, and weighs the observations of all.
    assert not np.allclose(before[:, :, 3], after[:, :, 3])


def test_where_nothing_was_seen_it_says_so() -> None:
    early = window().chosen(np.arange(4))
    channels, _ = series(early, ALL)
    assert channels[0, 0, 8] < 0.6
    assert channels[0, -1, 8] > 0.95


def test_of_near_observations_the_most_confident_counts() -> None:
    once = replace(window(1), times=np.array([-1.01]))
    weaker = replace(once, times=np.array([-1.02]), scores=once.scores * 0.5)
    both = Window(
        np.concatenate([weaker.times, once.times]),
        np.concatenate([weaker.scores, once.scores]),
        np.concatenate([weaker.boxes, once.boxes]),
        np.concatenate([weaker.ranges, once.ranges]),
        once.frames,
    )
    np.testing.assert_array_equal(series(both, ALL)[0], series(once, ALL)[0])
    assert BIN_S * 64 > WINDOW_S


def test_candidates_are_the_names_told_most_surely() -> None:
    scores = np.zeros((4, 8), np.float32)
    scores[:, 3], scores[:2, 5], scores[0, 1] = 0.4, 0.9, 0.3
    found = candidates(scores)
    assert found[:3].tolist() == [5, 3, 1]
    assert len(found) == MOST_CANDIDATES
