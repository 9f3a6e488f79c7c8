# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The figures of a measurement as plain text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vit_perception.evaluation.figures.blocks import BLOCK_NS, FEWEST_BLOCKS
from vit_perception.evaluation.tables import percent, table
from vit_perception.wording import counted, shown_name

_READING = """\
Figures are percent. AP: mean over names and overlaps (IoU) 0.50 to 0.95; AP50: at 0.50; precision,
recall, f1: of what a robot publishes, all names together, at IoU 0.50. In brackets: the interval
that holds 95 of 100 draws of other stretches of the same recordings."""
_SHORT = """\
No intervals: the recordings have fewer than {blocks} stretches of {seconds:g} s, too few to say
how sure the figures are."""
_VERDICTS = {
    "better": "is better than",
    "worse": "is worse than",
    "cannot tell": "cannot be told from",
}


def format_measured(metrics: Mapping[str, Any], timing: Mapping[str, Any]) -> str:
    """Returns the table of metrics.json and timing.json, and which run is better.

    Args:
        metrics: content of metrics.json.
        timing: content of timing.json.
    """
    titles = ", ".join(source["title"] for source in metrics["sources"] if source["looked_at"])
    head = (
        f"{shown_name(titles)}: {counted(metrics['pictures'], 'picture')} with "
        f"{counted(metrics['objects'], 'thing')}, {counted(len(metrics['names']), 'name')} asked "
        "at once"
    )
    rows = table(
        ("run", "AP", "AP50", "", "mask AP", "precision", "recall", "f1", "", "ms"),
        (
            (
                run["key"],
                percent(run["boxes"]["AP"]),
                percent(run["boxes"]["AP50"]),
                _interval(run["intervals"]["AP50"]),
                percent((run["masks"] or {}).get("AP")),
                percent(run["published"]["precision"]),
                percent(run["published"]["recall"]),
                percent(run["published"]["f1"]),
                _interval(run["intervals"]["f1"]),
                _milliseconds(timing, run["key"]),
            )
            for run in metrics["runs"]
        ),
    )
    verdicts = [_verdict(each) for each in metrics["differences"]]
    live = [_live(key, each) for key, each in (timing.get("realtime") or {}).items()]
    # The same ones for all runs; where nothing is true, a figure has no interval either.
    few = any(run["intervals"]["blocks"] < FEWEST_BLOCKS for run in metrics["runs"])
    short = [_SHORT.format(blocks=FEWEST_BLOCKS, seconds=BLOCK_NS / 1e9)] if few else []
    compared = ["\n".join(verdicts)] if verdicts else []
    return "\n\n".join([head, rows, _READING, *short, *compared, *live])


def _interval(limits: Any) -> str:
    if not limits or None in limits:
        return ""
    return f"[{percent(limits[0])}, {percent(limits[1])}]"


def _milliseconds(timing: Mapping[str, Any], key: str) -> str:
    median = timing["runs"].get(key, {}).get("session_ms", {}).get("p50")
    return "-" if median is None else f"{median:.1f}"


def _verdict(each: Mapping[str, Any]) -> str:
    ap50 = each["AP50"]
    line = f"{each['b']} {_VERDICTS[each['verdict']]} {each['a']}"
    if ap50["difference"] is None:
        return f"{line}: nothing to measure"
    limits = _interval([ap50["low"], ap50["high"]])
    percents = round(100 * ap50["difference"], 1)
    return f"{line}: AP50 {f'{percents:+.1f}' if percents else '0.0'} {limits}".rstrip()


def _live(key: str, each: Mapping[str, Any]) -> str:
    dropped = sum(each["dropped"].values())
    lines = [
        f"{key} in real time, {each['rate']:g} times as fast as recorded: {each['received']} "
        f"received = {each['published']} published + {dropped} dropped"
    ]
    return "\n".join([*lines, *(f"  {line}" for line in each["why"])])
