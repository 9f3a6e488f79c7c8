# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What a live node published while the recording played at its own pace, and what it dropped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vit_perception.evaluation.report.page import Section
from vit_perception.evaluation.report.rendering import render
from vit_perception.evaluation.report.sections.left_out import causes
from vit_perception.evaluation.report.sections.runs import Metrics, Timing, run_titles
from vit_perception.evaluation.report.tables import Cell, Column, table
from vit_perception.evaluation.report.values import count, number, share, signed


def realtime(metrics: Metrics, timing: Timing) -> Section | None:
    """Returns the accounts and the streaming accuracy of each run; None if nothing was played."""
    played: Mapping[str, Mapping[str, Any]] = timing.get("realtime") or {}
    titles = run_titles(metrics)
    runs = [(titles[key], played[key]) for key in titles if key in played]
    if not runs:
        return None
    return Section(
        "Real time",
        render(
            "realtime.html",
            tables=[_accounts(runs), _accuracy(runs)],
            runs=[(title, _account(run), run.get("why") or []) for title, run in runs],
        ),
    )


def _account(run: Mapping[str, Any]) -> tuple[str, bool]:
    """Returns where every image went, and whether that adds up."""
    dropped = sum(run["dropped"].values())
    told = f" ({causes(run['dropped'])})" if dropped else ""
    text = (
        f"{count(run['received'])} received = {count(run['published'])} published + "
        f"{count(dropped)} dropped{told}"
    )
    return text, run["received"] == run["published"] + dropped


def _accounts(runs: list[tuple[str, Mapping[str, Any]]]) -> str:
    played = any(run.get("played") is not None for _, run in runs)
    columns = [Column("Run", text=True), Column("Pace")]
    columns += [Column("Played")] if played else []
    columns += [
        Column("Received"),
        Column("Published"),
        Column("Dropped"),
        Column("Latency, ms (median)"),
    ]
    columns += [Column("95th, ms"), Column("Max, ms")]
    rows = []
    for title, run in runs:
        took = run["latency_ms"]
        rows.append(
            [
                title,
                f"{run['rate']:g} ×",
                *([count(run.get("played"))] if played else []),
                count(run["received"]),
                count(run["published"]),
                count(sum(run["dropped"].values())),
                *(number(took[key]) for key in ("p50", "p95", "max")),
            ]
        )
    return table("Images and their latency", columns, rows)


def _accuracy(runs: list[tuple[str, Mapping[str, Any]]]) -> str:
    columns = [Column("Run", text=True)]
    columns += [
        Column(f"{name}, {way}") for name in ("AP50", "F1") for way in ("every picture", "live")
    ]
    rows: list[list[str | Cell]] = []
    for title, run in runs:
        row: list[str | Cell] = [title]
        for key in ("AP50", "f1"):
            offline, live = run["offline"].get(key), run["streaming"].get(key)
            lost = None if None in (offline, live) else live - offline
            row += [share(offline), Cell(share(live), below="" if lost is None else signed(lost))]
        rows.append(row)
    return table(
        "Streaming accuracy: what a planner would have believed at each instant, which is the "
        "newest result that was there",
        columns,
        rows,
    )
