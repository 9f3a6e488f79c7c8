# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How well followed things are named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vit_perception.evaluation.naming import (
    WAYS,
    Named,
    calibration_error,
    mean_log,
    moving_average,
    naming_scores,
    per_frame,
    vote,
)

SCORES = np.array([[0.8, 0.1, 0.0], [0.3, 0.4, 0.0], [0.7, 0.2, 0.0], [0.3, 0.5, 0.0]])


@pytest.mark.parametrize("way", WAYS)
def test_each_way_gives_probabilities_and_begins_with_the_frame(way: str) -> None:
    found = WAYS[way](SCORES)
    assert found.shape == (4, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert found[0].argmax() == 0


def test_ways_by_hand() -> None:
    assert per_frame(SCORES).argmax(axis=1).tolist() == [0, 1, 0, 1]
    np.testing.assert_allclose(per_frame(SCORES)[0], np.array([0.8, 0.1, 0.02]) / 0.92)
    # One vote each after two frames: the last one decides.
    assert vote(SCORES).argmax(axis=1).tolist() == [0, 1, 0, 1]
    assert mean_log(SCORES).argmax(axis=1).tolist() == [0, 0, 0, 0]
    logs = np.log([0.8, 0.1, 0.02]) * 0.7 + np.log([0.3, 0.4, 0.02]) * 0.3
    np.testing.assert_allclose(moving_average(SCORES)[1], np.exp(logs) / np.exp(logs).sum())


def named(*rows: tuple[float, int, float], right: int = 0) -> Named:
    """Of stamp, name and probability, among two names."""
    table = np.array([[1 - p, p] if n else [p, 1 - p] for _, n, p in rows])
    true = np.tile(np.arange(2) == right, (len(rows), 1))
    return Named(np.array([stamp for stamp, _, _ in rows]), table, true)


def test_time_flips_and_settling_by_hand() -> None:
    thing = named((0.0, 1, 0.9), (0.1, 0, 0.9), (0.2, 1, 0.9), (0.3, 0, 0.9))
    found = naming_scores([thing])
    assert found.seconds == pytest.approx(0.4)
    assert found.wrong == pytest.approx(0.5)
    assert found.flips == pytest.approx(3 / 0.4)
    assert found.accuracy == 1
    assert found.settling == pytest.approx(0.3)
    assert found.log_loss == pytest.approx(-(np.log(0.9) + np.log(0.1)) / 2)
    assert found.calibration == pytest.approx(0.4)
    # A name does not count for longer than a name is known to hold.
    late = naming_scores([named((0.0, 1, 0.9), (5.0, 0, 0.9))])
    assert late.seconds == pytest.approx(0.4)
    assert late.wrong == pytest.approx(0.75)


def test_the_surer_half_is_told_apart() -> None:
    sure, unsure = named((0.0, 0, 0.9)), named((0.0, 1, 0.6))
    found = naming_scores([sure, unsure, named((0.0, 1, 0.95)), named((0.0, 1, 0.7))])
    assert found.wrong == pytest.approx(0.75)
    assert found.wrong_sure == pytest.approx(0.5)


def test_time_without_a_name_is_not_under_a_wrong_one() -> None:
    thing = named((0.0, 1, 0.9), (0.1, 1, 0.9), (0.2, 0, 0.9), (0.3, 0, 0.9))
    silent = replace(thing, unnamed=np.array([True, False, False, True]))
    found = naming_scores([silent])
    assert found.wrong == pytest.approx(0.25)
    assert found.unnamed == pytest.approx(0.5)
    assert found.flips == pytest.approx(3 / 0.4)
    assert found.accuracy == 0
    assert naming_scores([thing]).unnamed == 0


def test_the_loss_weighs_names_alike() -> None:
    mug, bowl = named((0.0, 0, 0.8)), named((0.0, 0, 0.8), right=1)
    found = naming_scores([mug, mug, mug, bowl])
    assert found.log_loss == pytest.approx(-(np.log(0.8) + np.log(0.2)) / 2)
    assert found.accuracy == 0.75


def test_sure_and_right_is_calibrated() -> None:
    told, right = np.full(10, 0.75), np.arange(10) % 4 != 0
    assert calibration_error(told, right) == pytest.approx(0.05)
    assert calibration_error(np.ones(4), np.ones(4, np.bool_)) == 0
