# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vit_perception.bundle.samples import COMPRESSED_TOPIC
from vit_perception.ros.realtime.account import Account
from vit_perception.ros.realtime.belief import Result, believed
from vit_perception.ros.realtime.pictures import read_pictures
from vit_perception.ros.realtime.result import Realtime
from vit_perception.ros.realtime.streaming import realtime_entry

from ...bags.squares import START, record_squares
from .recorded import NAMES, look, toy_run

COUNT = 12


def played(bag: Path, bundle: Path, delay: int) -> Realtime:
    """A play in which each result arrived some ns after its picture."""
    looked = look(bag, bundle)
    results = [
        Result((each.stamp - START + delay) / 1e9, each.stamp, each.rows[0]) for each in looked
    ]
    pictures = read_pictures(bag, COMPRESSED_TOPIC)
    belief = believed(looked, results, pictures, lambda moment: START + round(1e9 * moment))
    none = np.array([], np.float64)
    account = Account(len(looked), len(looked))
    return Realtime(
        *(1.0, COUNT, COUNT, account, COUNT, none, 100.0, 0.0, tuple(looked), belief, ())
    )


def test_a_later_result_is_a_worse_belief(tmp_path: Path, toy_bundle_dir: Path) -> None:
    # The red square moves every fourth picture.
    bag = record_squares(tmp_path / "bag", count=COUNT, hold=4)
    run = toy_run(toy_bundle_dir)
    at_once, soon, late = (
        realtime_entry(played(bag, toy_bundle_dir, delay), run, NAMES)
        for delay in (0, 80_000_000, 280_000_000)
    )
    for entry in (at_once, soon, late):
        assert entry["offline"] == {"AP50": 1.0, "f1": 1.0}
    assert at_once["streaming"] == at_once["offline"]
    # Nothing is believed of the first picture; red is wrong in two of the others.
    true, things = 3 * COUNT - 3 - 2, 3 * COUNT
    f1 = 2 * true / (things - 3 + things)
    assert soon["streaming"]["f1"] == pytest.approx(f1, abs=1e-6)
    assert late["streaming"]["f1"] < soon["streaming"]["f1"] < 1
    assert late["streaming"]["AP50"] < soon["streaming"]["AP50"] < 1
    fall = f"AP50 1.000 offline, {late['streaming']['AP50']:.3f} in real time"
    assert late["why"][0] == fall


def test_without_truth_nothing_is_measured(tmp_path: Path, toy_bundle_dir: Path) -> None:
    bag = record_squares(tmp_path / "bag", count=1)
    pictures = read_pictures(bag, COMPRESSED_TOPIC)
    none = np.array([], np.float64)
    seen = Realtime(
        *(1.0, 1, 1, Account(1, 1), 1, none, None, 0.0, ()),
        believed([], [], pictures, lambda moment: 0),
        (),
    )
    entry = realtime_entry(seen, toy_run(toy_bundle_dir), NAMES)
    assert entry["offline"] == entry["streaming"] == {"AP50": None, "f1": None}
