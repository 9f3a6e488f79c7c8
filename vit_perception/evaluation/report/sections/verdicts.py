# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Which run is better and how sure that is, in a sentence each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vit_perception.evaluation.report.sections.runs import Metrics, run_titles
from vit_perception.evaluation.report.values import interval, share, signed


@dataclass(frozen=True, slots=True)
class Verdict:
    """A sentence: what was found, and behind it how sure that is."""

    found: str
    how_sure: str = ""

    def __str__(self) -> str:
        return self.found + self.how_sure


def verdicts(metrics: Metrics) -> list[Verdict]:
    """Returns a sentence for each later run against the first; for a single run what it reaches.

    A measurement without objects has one that says so.
    """
    if not metrics["objects"]:
        return [Verdict("Nothing can be said: no picture has an object that is known.")]
    titles = run_titles(metrics)
    if metrics["differences"]:
        return [_compared(each, titles) for each in metrics["differences"]]
    return [_alone(run, titles[run["key"]]) for run in metrics["runs"]]


def _compared(difference: Mapping[str, Any], titles: Mapping[str, str]) -> Verdict:
    first, other = titles[difference["a"]], titles[difference["b"]]
    measures = ", ".join(
        _measure(name, difference[key]) for name, key in (("AP50", "AP50"), ("F1", "f1"))
    )
    if difference["verdict"] in ("better", "worse"):
        found = f"{other} is {difference['verdict']} than {first}"
    else:
        found = f"These pictures cannot tell which of {first} and {other} is better"
    return Verdict(found, f": {measures}.")


def _measure(name: str, found: Mapping[str, Any]) -> str:
    ends = found["low"], found["high"]
    if found["difference"] is None:
        return f"{name} was not compared"
    if None in ends:
        return f"{name} {signed(found['difference'])} (no interval)"
    # Two numbers without a sign would hide which side of 0 they are on.
    return (
        f"{name} {signed(found['difference'])} "
        f"(95 % interval {signed(ends[0])} to {signed(ends[1])})"
    )


def _alone(run: Mapping[str, Any], title: str) -> Verdict:
    published, best = run["published"], run["best"]
    found = f"{title} reaches AP50 {share(run['boxes']['AP50'])}"
    text = _sure(run["intervals"]["AP50"])
    if published["f1"] is not None:
        text += f" and, as a robot publishes, F1 {share(published['f1'])}"
        text += _sure(run["intervals"]["f1"])
    if best["f1"] is not None:
        text += f"; the best threshold for all names, {best['threshold']:.2f}, "
        text += f"gives F1 {share(best['f1'])}"
    return Verdict(found, f"{text}.")


def _sure(ends: Any) -> str:
    spoken = interval(ends)
    return f" (95 % interval {spoken})" if spoken else ""
