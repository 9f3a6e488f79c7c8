# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Which run is better, in words."""

from __future__ import annotations

from vit_perception.evaluation.report.sections.verdicts import verdicts

from ..measured import metrics


def test_a_worse_run_is_told_with_both_differences() -> None:
    (verdict,) = verdicts(metrics())
    assert str(verdict) == (
        "tabletop_nano int8 is worse than tabletop_nano fp32: AP50 −0.041 (95 % interval −0.060 "
        "to −0.022), F1 −0.038 (95 % interval −0.055 to −0.020)."
    )


def test_a_difference_that_may_be_none_decides_nothing() -> None:
    found = metrics()
    found["differences"][0] |= {
        "verdict": "cannot tell",
        "AP50": {"difference": 0.003, "low": -0.01, "high": 0.02},
        "f1": {"difference": None, "low": None, "high": None},
    }
    (verdict,) = verdicts(found)
    assert str(verdict) == (
        "These pictures cannot tell which of tabletop_nano fp32 and tabletop_nano int8 is better: "
        "AP50 +0.003 (95 % interval −0.010 to +0.020), F1 was not compared."
    )


def test_a_difference_without_an_interval_is_told() -> None:
    found = metrics()
    found["differences"][0] |= {
        "verdict": "cannot tell",
        "AP50": {"difference": -0.002, "low": None, "high": None},
        "f1": {"difference": 0.0, "low": None, "high": None},
    }
    (verdict,) = verdicts(found)
    assert verdict.how_sure == ": AP50 −0.002 (no interval), F1 0.000 (no interval)."


def test_a_single_run_is_told_with_what_it_reaches() -> None:
    (verdict,) = verdicts(metrics(runs=("mine-fp32",)))
    assert str(verdict) == (
        "mine fp32 reaches AP50 0.710 (95 % interval 0.680 to 0.750) and, as a robot publishes, "
        "F1 0.795 (95 % interval 0.770 to 0.820); the best threshold for all names, 0.22, gives "
        "F1 0.810."
    )


def test_every_later_run_is_compared_and_runs_of_one_name_go_by_their_key() -> None:
    found = metrics(runs=("a-fp32", "b-fp32", "c-fp32"))
    for run in found["runs"][1:]:
        run["bundle"] = "same"
    assert [verdict.found for verdict in verdicts(found)] == [
        "b-fp32 is worse than a fp32",
        "c-fp32 is worse than a fp32",
    ]


def test_without_objects_nothing_is_claimed() -> None:
    (verdict,) = verdicts(metrics() | {"objects": 0})
    assert str(verdict).startswith("Nothing can be said")
