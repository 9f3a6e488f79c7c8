# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The results of the demonstration in tables."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.table import Table

from vit_perception.cli.console import plain_console
from vit_perception.cli.demo_pictures import Drawn, Pictures
from vit_perception.cli.demo_places import places_table
from vit_perception.cli.demo_taught import PICTURE, TaughtRun
from vit_perception.evaluation.hit_rate import HitRate
from vit_perception.wording import shown_name, shown_path

if TYPE_CHECKING:
    from pathlib import Path

    from vit_perception.ros.demo.run import DemoRun


def print_report(run: DemoRun, console: Console | None = None) -> None:
    """Prints the tables: frames, latency, objects, ground truth."""
    console = console or plain_console()
    console.print(_frames_table(run))
    console.print(_latency_table(run))
    console.print(_objects_table(run))
    if run.true_places:
        console.print(places_table(run))
    rate = ground_truth_rate(run)
    console.print(
        f"ground truth, first pass: {rate.named.total()} of {rate.objects.total()} objects found "
        f"under their name ({100 * rate.named_rate:.0f} %), {100 * rate.boxed_rate:.0f} % found "
        f"under any (IoU 0.5, {len(run.names_before)} names asked)"
    )


def print_pictures(pictures: Pictures, console: Console | None = None) -> None:
    """Prints what was found in the photographs, how many boxes have masks, and the files."""
    console = console or plain_console()
    table = Table(title="photographs", title_justify="left")
    table.add_column("picture")
    table.add_column("found of each name asked for")
    drawn = Drawn()
    for name, (asked, found) in pictures.photographs.items():
        counts = Counter(found.class_name(index) for index in range(len(found)))
        found_words = ", ".join(f"{shown_name(word)}: {counts[word]}" for word in asked)
        table.add_row(shown_name(name), found_words)
        drawn.add(found)
    console.print(table)
    recording = pictures.recording
    console.print(
        f"masks: on {recording.masks} of {recording.boxes} boxes in the recording, "
        f"on {drawn.masks} of {drawn.boxes} in the photographs"
    )
    for path in pictures.paths:
        console.print(f"wrote {shown_path(path)}", soft_wrap=True, highlight=False)


def print_taught(run: TaughtRun, out: Path, console: Console | None = None) -> None:
    """Prints what was found of things that were shown, beside what their names find as words."""
    console = console or plain_console()
    ways = {"said": run.said, "shown in one frame": run.once, "shown in three": run.thrice}
    table = Table(title="names said and things shown", title_justify="left")
    table.add_column("name")
    table.add_column("there", justify="right")
    for way in ways:
        table.add_column(way, justify="right")
    for name in sorted(run.said.rate.objects):
        hits = [str(found.rate.named[name]) for found in ways.values()]
        table.add_row(shown_name(name), str(run.said.rate.objects[name]), *hits)
    table.add_section()
    rates = [f"{100 * found.rate.named_rate:.0f} %" for found in ways.values()]
    table.add_row("all", str(run.said.rate.objects.total()), *rates)
    false = [f"{found.false_boxes / max(1, found.frames):.1f}" for found in ways.values()]
    table.add_row("false boxes a frame", "", *false)
    console.print(table)
    if run.unseen:
        console.print(f"not seen where they were shown: {', '.join(map(shown_name, run.unseen))}")
    console.print(f"wrote {shown_path(out / PICTURE)}", soft_wrap=True, highlight=False)


def ground_truth_rate(run: DemoRun) -> HitRate:
    """Returns the hit rate of the first pass, before the names changed."""
    rate = HitRate()
    for seen in run.seen:
        if seen.bag_pass == 0 and seen.stamp in run.truth:
            rate.add(run.truth[seen.stamp], seen.detections)
    return rate


def _frames_table(run: DemoRun) -> Table:
    values = run.diagnostics
    table = Table(title="frames", title_justify="left")
    table.add_column("")
    table.add_column("count", justify="right")
    table.add_row("sent by the camera", str(run.camera_frames))
    table.add_row("received by the node", values.get("frames.received", "?"))
    arrived = sum(int(values.get(f"frames.{key}", "0")) for key in ("received", "pending"))
    lost = run.camera_frames - arrived
    table.add_row("lost on the way (best effort)", str(lost))
    table.add_row("published", values.get("frames.published", "?"))
    for key, value in values.items():
        if key.startswith("frames.dropped.") and (value != "0" or key.endswith("replaced")):
            table.add_row(f"dropped: {key.removeprefix('frames.dropped.')}", value)
    table.add_row("waiting at the last report", values.get("frames.pending", "?"))
    table.add_row("detections arrived here", str(len(run.seen)))
    return table


def _latency_table(run: DemoRun) -> Table:
    table = Table(title="latency, ms", title_justify="left")
    table.add_column("stage of the node")
    table.add_column("p50", justify="right")
    table.add_column("p95", justify="right")
    for key, value in run.diagnostics.items():
        if key.endswith(".p50_ms"):
            stage = key.removesuffix(".p50_ms").removeprefix("latency.")
            high = run.diagnostics.get(key.replace("p50", "p95"), "?")
            table.add_row(stage, _short(value), _short(high))
    delays = [1e3 * seen.delay for seen in run.seen]
    if delays:
        median, high_delay = np.percentile(delays, [50, 95])
        table.add_section()
        table.add_row("image sent -> boxes here", f"{median:.1f}", f"{high_delay:.1f}")
    table.add_row("change of the names", f"{1e3 * run.change_seconds:.1f}", "")
    return table


def _objects_table(run: DemoRun) -> Table:
    frames: Counter[bool] = Counter()
    found: dict[bool, Counter[str]] = {False: Counter(), True: Counter()}
    for seen in run.seen:
        after = run.is_after(seen)
        frames[after] += 1
        found[after].update(seen.detections.class_name(i) for i in range(len(seen.detections)))
    rate = ground_truth_rate(run)
    table = Table(title="objects found", title_justify="left")
    table.add_column("name")
    table.add_column(f"before ({frames[False]} frames)", justify="right")
    table.add_column("there, found (1st pass)", justify="right")
    table.add_column(f"after ({frames[True]} frames)", justify="right")
    for name in dict.fromkeys((*run.names_before, *run.names_after)):
        there = rate.objects[name]
        table.add_row(
            shown_name(name),
            str(found[False][name]) if name in run.names_before else "",
            f"{there}, {rate.named[name]}" if there else "",
            str(found[True][name]) if name in run.names_after else "",
        )
    return table


def _short(milliseconds: str) -> str:
    try:
        return f"{float(milliseconds):.1f}"
    except ValueError:
        return milliseconds
