# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The figures of a measurement as plain text."""

from __future__ import annotations

import pytest

from test.evaluation.report.measured import metrics
from vit_perception.evaluation.measured_table import format_measured


@pytest.mark.parametrize(
    ("difference", "text"),
    [(-0.041, "AP50 -4.1 ["), (0.003, "AP50 +0.3 ["), (-0.0002, "AP50 0.0 [")],
)
def test_a_difference_has_a_sign_unless_it_is_none(difference: float, text: str) -> None:
    found = metrics()
    found["differences"][0]["AP50"]["difference"] = difference
    assert text in format_measured(found, {"runs": {}})


@pytest.mark.parametrize(("names", "text"), [(["mug"], "1 name asked"), ([], "0 names asked")])
def test_names_are_counted(names: list[str], text: str) -> None:
    assert text in format_measured(metrics() | {"names": names}, {"runs": {}})


def test_a_short_recording_is_why_there_are_no_intervals() -> None:
    found = metrics()
    assert "No intervals" not in format_measured(found, {"runs": {}})
    for run in found["runs"]:
        run["intervals"] = {"AP50": None, "f1": None, "blocks": 40}
    assert "No intervals" not in format_measured(found, {"runs": {}})  # nothing is true
    for run in found["runs"]:
        run["intervals"]["blocks"] = 5
    text = format_measured(found, {"runs": {}})
    assert "No intervals: the recordings have fewer than 6 stretches of 2 s" in text


def test_runs_that_cannot_be_compared_and_the_live_node_are_told() -> None:
    found = metrics()
    found["differences"][0] |= {"verdict": "cannot tell", "AP50": dict.fromkeys(("difference",))}
    live = {"rate": 2.0, "received": 9, "published": 6, "dropped": {"replaced": 2, "stale": 1}}
    live["why"] = ["AP50 0.7 offline"]
    text = format_measured(found, {"runs": {}, "realtime": {"a.fp32": live}})
    assert "int8 cannot be told from tabletop_nano-fp32: nothing to measure\n" in text
    assert text.endswith(
        "a.fp32 in real time, 2 times as fast as recorded: 9 received = 6 published + 3 dropped\n"
        "  AP50 0.7 offline"
    )
