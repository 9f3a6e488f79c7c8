# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The part of the subcommand `evaluate` that writes a folder with a report."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vit_perception.cli.runs import (
    all_looked_at,
    bundle_folders,
    looked_at_with,
    missing_lines,
    published,
    refuse_read,
    runs_of,
    source_entries,
    write_figures,
)
from vit_perception.cli.sources import opened_sources, source_files, source_notes
from vit_perception.cli.streams import say
from vit_perception.cli.told_command import told_command
from vit_perception.perceiver.settings import EngineSettings
from vit_perception.wording import shown_path

if TYPE_CHECKING:
    from vit_perception.evaluation.rows.account import Account
    from vit_perception.evaluation.rows.run import Run
    from vit_perception.evaluation.samples.sources import Sources

FORMAT = 1
"""Of metrics.json."""
_say = partial(say, "evaluate")
_TOLD: dict[str, object] = {
    "bundle": [],
    "precision": (EngineSettings.precision,),
    "topic": None,
    "truth_topic": None,
    "masks_topic": None,
    "truth_file": None,
    "names": None,
    "names_file": None,
    "score_threshold": None,
    "iou_threshold": None,
}


def evaluate_recordings(args: argparse.Namespace) -> int:
    """Measures all runs on all sources; returns 0, or 1 if a source is damaged or broken.

    Raises:
        EvaluationError: nothing can be measured, or the folder holds something else.
        BagError, BundleError, VocabularyError, OutputError, SessionError: see what each needs.
    """
    from vit_perception.cli.evaluate_names import asked_names
    from vit_perception.cli.evaluate_realtime import check_realtime, measured_realtime

    for package in ("hotcoco", "jinja2", *(("ray",) if args.ray is not None else ())):
        import_module(package)  # an absent one is told before the work
    began = time.monotonic()
    refuse_read(args.out, source_files(args, bundle_folders(args)))
    sources = opened_sources(args, keep_going=len(args.sources) > 1)
    for line in source_notes(sources):
        _say(line)
    names = asked_names(args, sources, _say)
    check_realtime(args, sources)
    runs = runs_of(args, names, published(args.score_threshold, args.iou_threshold))
    with looked_at_with(args, sources, runs, names) as accounts:
        realtime = measured_realtime(args, sources, runs, names) if args.realtime else None
        _Measurement(args, sources, runs, names, accounts).write(began, realtime)
    return int(bool(sources.failed) or any(each.error or each.damage for each in accounts))


class _Measurement:
    """Figures, tables, pictures and report of what was looked at."""

    def __init__(
        self,
        args: argparse.Namespace,
        sources: Sources,
        runs: Sequence[Run],
        names: Sequence[str],
        accounts: Sequence[Account],
    ) -> None:
        self._args, self._folder = args, Path(args.out)
        self._sources, self._runs, self._names = sources, runs, names
        self._accounts = accounts
        self._keys = [each.key for each in accounts if not each.error]

    def write(self, began: float, realtime: Mapping[str, Any] | None) -> None:
        """Writes all files and prints the table."""
        from vit_perception.cli.evaluate_times import timing
        from vit_perception.evaluation.figures.csv_tables import errors_csv, frames_csv, names_csv
        from vit_perception.evaluation.figures.gather import gather
        from vit_perception.evaluation.figures.measure import figures
        from vit_perception.evaluation.measured_table import format_measured
        from vit_perception.evaluation.report.report import write_report
        from vit_perception.evaluation.rows.reading import spaces_of
        from vit_perception.evaluation.rows.space_summary import spaces
        from vit_perception.output.write import write

        in_space = spaces(spaces_of(self._folder, self._keys), [run.key for run in self._runs])
        gathered = gather(self._names, self._runs, all_looked_at(self._folder, self._accounts))
        self._check(len(gathered.pictures))
        metrics: dict[str, Any] = {
            "format": FORMAT,
            "command": told_command("evaluate", self._args, _TOLD, "report"),
            "sources": source_entries(self._sources, self._accounts),
            **figures(gathered, in_space),
        }
        write_figures(self._folder / "metrics.json", metrics)
        for name, text in (
            ("names.csv", names_csv(metrics)),
            ("frames.csv", frames_csv(gathered)),
            ("errors.csv", errors_csv(metrics)),
        ):
            write(self._folder / name, text.encode())
        del gathered
        self._draw(metrics)
        times = timing(self._folder, self._keys, self._runs, self._args, began, realtime)
        write_figures(self._folder / "timing.json", times)
        report = write_report(self._folder, metrics, times)
        print(format_measured(metrics, times))
        for line in missing_lines(metrics["sources"]):
            _say(line)
        print(f"-> {shown_path(report)}")

    def _draw(self, metrics: Mapping[str, Any]) -> None:
        """Reads the worst pictures again, or all, and draws what was found and what is true."""
        from vit_perception.evaluation.report.detections_bag import FILE_NAME, write_detections
        from vit_perception.evaluation.report.frames_again import FramesAgain
        from vit_perception.evaluation.report.worst_pictures import draw_worst
        from vit_perception.evaluation.rows.reading import read_all

        worst = {
            (each["sequence"], each["number"]) for run in metrics["runs"] for each in run["worst"]
        }
        with FramesAgain(self._sources.sequences, worst) as again:
            frame_of = cache(again)  # each is wanted twice, and there are few
            draw_worst(
                self._folder, metrics, self._runs, read_all(self._folder, self._keys), frame_of
            )
            write = partial(
                write_detections,
                self._folder / FILE_NAME,
                self._runs,
                self._names,
                self._keys,
                read_all(self._folder, self._keys),
                overlays=worst,
            )
            if not self._args.overlays:
                write(frame_of)
                return
        with FramesAgain(self._sources.sequences) as any_of:
            write(any_of, all_overlays=True)

    def _check(self, pictures: int) -> None:
        from vit_perception.evaluation.errors import EvaluationError
        from vit_perception.evaluation.samples.sample import NO_LABELS

        if pictures:
            return
        lines = [each.error or each.damage for each in self._accounts]
        if any(lines):
            raise EvaluationError("; ".join(dict.fromkeys(filter(None, lines))))
        titles = ", ".join(each.title for each in self._accounts)
        raise EvaluationError(f"{titles}: {NO_LABELS}")
