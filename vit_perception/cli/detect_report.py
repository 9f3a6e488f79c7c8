# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes the files of `detect` beside the pictures: detections.json and run.json."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from vit_perception.cli.detect_plan import DETECTIONS, Job
from vit_perception.cli.versions import package_versions
from vit_perception.detections import Detections
from vit_perception.images.search import ANNOTATED, RUN, Found, listed_suffixes
from vit_perception.output.write import write
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.stages import StageTimes
from vit_perception.tracking.settings import TrackingSettings
from vit_perception.wording import shown_path

_MAX_LINES = 20


class Report:
    """Collects detections and timings of a run and writes them at its end.

    Attributes:
        annotated: folder for pictures and videos.
        frames: number of pictures and video frames seen.
        finished: False in run.json when the run ended early.
    """

    def __init__(
        self,
        out: Path,
        perceiver: Perceiver,
        jobs: Sequence[Job],
        earlier: Collection[str],
        tracking: TrackingSettings,
    ) -> None:
        """Takes the output folder, what detects, the plan, earlier copies, and how it tracks."""
        self.out = out
        self.annotated = out / ANNOTATED
        self.frames = 0
        self.finished = False
        self._perceiver = perceiver
        self._tracking = tracking
        self._detections: list[dict[str, Any]] = []
        self._skipped: list[dict[str, str]] = []
        self._in_part: list[dict[str, str]] = []
        self._others: dict[str, int] = {}
        self._planned = {job.file.name: job.copy for job in jobs}
        self._copies: dict[str, str] = {}
        self._renamed: list[dict[str, str]] = []
        self._earlier = frozenset(earlier)
        self._seconds: dict[str, list[float]] = {}

    def add(self, name: str, detections: Detections, stages: StageTimes) -> None:
        """Adds the detections of one picture or frame."""
        self.frames += 1
        self._detections += detection_entries(name, detections)
        for stage, seconds in stages.seconds.items():
            self._seconds.setdefault(stage, []).append(seconds)

    def add_copy(self, job: Job) -> None:
        """Adds the annotated copy of a file, which was written."""
        self._copies[job.file.name] = job.copy
        if job.is_renamed:
            reason = f"{shown_path(job.file.path)}: {shown_path(job.copy)}"
            self._renamed.append({"file_name": job.file.name, "reason": reason})

    def account(self, found: Found) -> None:
        """Counts what a search left out."""
        for each in found.left_out:
            self.skip(each.name, each.reason)
        self._others = dict(found.others)

    def skip(self, name: str, reason: str) -> None:
        """Counts a file or folder that could not be used."""
        self._skipped.append({"file_name": name, "reason": reason})

    def in_part(self, name: str, reason: str) -> None:
        """Counts a file of which only a part was looked at."""
        self._in_part.append({"file_name": name, "reason": reason})

    def begin(self) -> None:
        """Writes a run.json that is not finished: if the run is killed, the copies are known."""
        write_json(self.out / RUN, self._run(self._planned))

    def write(self) -> None:
        """Writes both files, each whole or not at all."""
        write_json(self.out / DETECTIONS, self._detections)
        write_json(self.out / RUN, self._run(self._copies))

    def summary(self) -> str:
        """Returns a summary of the run in a few lines."""
        counts = f"{len(self._skipped)} files skipped"
        if self._in_part:
            counts += f", {len(self._in_part)} read in part"
        lines = [
            f"{self.frames} pictures and frames, {len(self._detections)} detections, {counts} "
            f"-> {shown_path(self.out)}"
        ]
        lines += _listed("skipped", self._skipped) + _listed("read in part", self._in_part)
        lines += _listed("renamed copy of", self._renamed)
        if self._others:
            lines.append(f"files of other kinds: {listed_suffixes(self._others)}")
        return "\n".join(lines)

    def _run(self, copies: Mapping[str, str]) -> dict[str, Any]:
        perceiver = self._perceiver
        bundle, settings = perceiver.bundle, perceiver.settings
        vocabulary = perceiver.vocabulary
        return {
            "finished": self.finished,
            "frames": self.frames,
            "detections": len(self._detections),
            "skipped": self._skipped,
            "read_in_part": self._in_part,
            "other_files": self._others,
            "copies": dict(copies),
            "earlier_copies": sorted(self._earlier.difference(copies.values())),
            "bundle": {
                "name": bundle.name,
                "directory": str(bundle.directory),
                "sha256": dict(bundle.sha256),
            },
            "vocabulary": {"names": list(vocabulary.names), "version": vocabulary.version},
            "settings": {
                "score_threshold": settings.score_threshold,
                "iou_threshold": settings.iou_threshold,
                "max_detections": settings.max_detections,
                "masks": settings.masks,
            },
            "tracking": asdict(self._tracking),
            "precision": perceiver.precision,
            "provider": perceiver.provider,
            "choice": perceiver.choice.words,
            "timings_ms": {stage: _statistics(s) for stage, s in self._seconds.items()},
            "versions": package_versions(),
        }


def detection_entries(name: str, detections: Detections) -> list[dict[str, Any]]:
    """Returns detections as {file_name, category, bbox [x, y, w, h] px, score}.

    With masks, each also has its segmentation as COCO's compressed run lengths.
    """
    entries = []
    for entry in detections.to_coco():
        # The file name identifies the picture here.
        del entry["image_id"], entry["category_id"]
        entries.append({"file_name": name, **entry})
    return entries


def write_json(path: Path, value: object) -> None:
    """Writes a JSON file whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    # Names of files may hold bytes that are no text; they become escapes of JSON.
    text = json.dumps(value, indent=1, ensure_ascii=False) + "\n"
    write(path, text.encode("utf-8", "backslashreplace"))


def _listed(what: str, entries: list[dict[str, str]]) -> list[str]:
    """Returns a line for each entry, the last of them a count where they are many."""
    lines = [f"{what} {entry['reason']}" for entry in entries[:_MAX_LINES]]
    if len(entries) > _MAX_LINES:
        lines.append(f"{what} {len(entries) - _MAX_LINES} more, named in run.json")
    return lines


def _statistics(seconds: list[float]) -> dict[str, float]:
    median, high = np.percentile(seconds, [50, 95]) * 1e3
    return {
        "count": len(seconds),
        "mean": round(float(np.mean(seconds)) * 1e3, 3),
        "p50": round(float(median), 3),
        "p95": round(float(high), 3),
    }
