# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How long pictures took, stage by stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vit_perception.evaluation.report.page import Section
from vit_perception.evaluation.report.rendering import render
from vit_perception.evaluation.report.sections.runs import Metrics, Timing, run_titles
from vit_perception.evaluation.report.tables import Cell, Column, table
from vit_perception.evaluation.report.values import count, label, number

Times = Mapping[str, Any]
"""p50, p95 and max, in ms."""

_HEADS = [Column("Stage", text=True), Column("Median"), Column("95th"), Column("Max")]


def latency(metrics: Metrics, timing: Timing) -> Section | None:
    """Returns the times of all stages; None without any."""
    titles = run_titles(metrics)
    times = [(key, timing["runs"][key]) for key in titles if key in (timing.get("runs") or {})]
    shared = timing.get("shared_ms") or {}
    if not times and not shared:
        return None
    stages = [run["stages_ms"] for _, run in times]
    longest = max(
        [each.get("p50") or 0 for group in (*stages, shared) for each in group.values()], default=0
    )
    tables = []
    if shared:
        tables.append(
            table("Reading and decoding, for all runs; ms", _HEADS, _rows(shared, longest, 0))
        )
    for series, (key, run) in enumerate(times):
        pace = "" if run.get("hz") is None else f", {number(run['hz'])} pictures a second"
        tables.append(
            table(f"{titles[key]}{pace}; ms", _HEADS, _rows(run["stages_ms"], longest, series))
        )
    return Section("Latency", render("latency.html", tables=tables, machine=_machine(timing)))


def _rows(stages: Mapping[str, Times], longest: float, series: int) -> list[list[str | Cell]]:
    return [
        [
            label(stage).replace("_", " "),
            Cell(
                number(each.get("p50"), 2),
                bar=(each.get("p50") or 0) / longest if longest else 0,
                series=series,
            ),
            number(each.get("p95"), 2),
            number(each.get("max"), 2),
        ]
        for stage, each in stages.items()
    ]


def _machine(timing: Timing) -> list[tuple[str, str]]:
    machine = timing.get("machine") or {}
    facts = [
        ("Processor", machine.get("cpu")),
        ("Cores", machine.get("cores")),
        ("Threads of the network", timing.get("threads")),
        ("Python", machine.get("python")),
        ("onnxruntime", machine.get("onnxruntime")),
        ("Pictures", None if timing.get("frames") is None else count(timing["frames"])),
        ("All of it", _spoken(timing.get("wall_s"))),
        ("In the networks", _spoken(timing.get("session_s"))),
    ]
    return [(what, label(value)) for what, value in facts if value is not None]


def _spoken(seconds: float | None) -> str | None:
    return None if seconds is None else f"{number(float(seconds))} s"
