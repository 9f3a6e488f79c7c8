# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes the files of `detect` beside the pictures: detections.json and run.json."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from vit_perception.cli.versions import package_versions
from vit_perception.detections import Detections
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.stages import StageTimes


class Report:
    """Collects detections and timings of a run and writes them at its end.

    Attributes:
        annotated: folder for pictures and videos.
        frames: number of pictures and video frames seen.
        finished: False in run.json when the run ended early.
    """

    def __init__(self, out: Path, perceiver: Perceiver) -> None:
        """Takes the output folder and the perceiver that detects."""
        self.out = out
        self.annotated = out / "annotated"
        self.frames = 0
        self.finished = False
        self._perceiver = perceiver
        self._detections: list[dict[str, Any]] = []
        self._skipped: list[dict[str, str]] = []
        self._seconds: dict[str, list[float]] = {}

    def add(self, name: str, detections: Detections, stages: StageTimes) -> None:
        """Adds the detections of one picture or frame."""
        self.frames += 1
        self._detections += detection_entries(name, detections)
        for stage, seconds in stages.seconds.items():
            self._seconds.setdefault(stage, []).append(seconds)

    def skip(self, name: str, reason: str) -> None:
        """Counts a file that could not be used, or only in part."""
        self._skipped.append({"file_name": name, "reason": reason})

    def write(self) -> None:
        """Writes both files, each whole or not at all."""
        write_json(self.out / "detections.json", self._detections)
        write_json(self.out / "run.json", self._run())

    def summary(self) -> str:
        """Returns a summary of the run in a few lines."""
        lines = [
            f"{self.frames} pictures and frames, {len(self._detections)} detections, "
            f"{len(self._skipped)} files skipped -> {self.out}"
        ]
        lines += [f"skipped {entry['reason']}" for entry in self._skipped]
        return "\n".join(lines)

    def _run(self) -> dict[str, Any]:
        perceiver = self._perceiver
        bundle, settings = perceiver.bundle, perceiver.settings
        vocabulary = perceiver.vocabulary
        return {
            "finished": self.finished,
            "frames": self.frames,
            "detections": len(self._detections),
            "skipped": self._skipped,
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
            "precision": perceiver.precision,
            "provider": perceiver.provider,
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
    """Writes a JSON file that is replaced as a whole, never partly written."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(partial, path)


def _statistics(seconds: list[float]) -> dict[str, float]:
    median, high = np.percentile(seconds, [50, 95]) * 1e3
    return {
        "count": len(seconds),
        "mean": round(float(np.mean(seconds)) * 1e3, 3),
        "p50": round(float(median), 3),
        "p95": round(float(high), 3),
    }
