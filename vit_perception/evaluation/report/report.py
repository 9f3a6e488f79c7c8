# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The report of a measurement: one HTML file made of its figures, its times and its pictures."""

from __future__ import annotations

from pathlib import Path

from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.report.page import Section, page
from vit_perception.evaluation.report.sections.calibration import calibration
from vit_perception.evaluation.report.sections.confusion import confusion
from vit_perception.evaluation.report.sections.curves import precision_and_recall, scores
from vit_perception.evaluation.report.sections.differences import differences
from vit_perception.evaluation.report.sections.errors import errors
from vit_perception.evaluation.report.sections.frames import Pictures, frames
from vit_perception.evaluation.report.sections.latency import latency
from vit_perception.evaluation.report.sections.names import names
from vit_perception.evaluation.report.sections.realtime import realtime
from vit_perception.evaluation.report.sections.runs import Metrics, Timing
from vit_perception.evaluation.report.sections.sources import sources
from vit_perception.evaluation.report.sections.space import space
from vit_perception.evaluation.report.sections.summary import summary
from vit_perception.images.headers import JPEG_MAGIC
from vit_perception.output.write import write
from vit_perception.wording import counted, shown, shown_path

FILE_NAME = "report.html"
MOST_BYTES = 5_000_000
"""Size of the largest report."""


def picture_path(folder: Path, run: str, place: int) -> Path:
    """Returns the file of a picture.

    Args:
        folder: of the measurement.
        run: key of the run.
        place: among its worst pictures, from 1.

    Raises:
        EvaluationError: the key is no name of a file.
    """
    if run != Path(run).name or run in ("", ".", "..") or "\0" in run:
        raise EvaluationError(
            f"{shown_path(folder)}: expected the key of a run as the name of a folder, "
            f"found {shown(run)}"
        )
    return folder / "worst" / run / f"{place:02d}.jpg"


def report_page(metrics: Metrics, timing: Timing, pictures: Pictures) -> str:
    """Returns the page; the same arguments give the same text.

    Args:
        metrics: content of metrics.json.
        timing: content of timing.json; {} without.
        pictures: the drawn ones; those that would make the page larger than MOST_BYTES are named.
    """
    before = [
        summary(metrics, timing),
        precision_and_recall(metrics),
        scores(metrics),
        calibration(metrics),
        confusion(metrics),
        errors(metrics),
        names(metrics),
        sources(metrics),
        space(metrics),
        latency(metrics, timing),
        realtime(metrics, timing),
    ]
    title = (
        f"Evaluation of {counted(len(metrics['runs']), 'run')} "
        f"on {counted(metrics['pictures'], 'picture')}"
    )

    def whole(room: int) -> str:
        parts: list[Section | None] = [
            *before,
            frames(metrics, pictures, room),
            differences(metrics),
        ]
        return page(title, [part for part in parts if part is not None])

    # Tags of pictures are longer than the words that stand for them.
    bare = len(whole(0).encode()) + 100 * sum(len(run["worst"]) for run in metrics["runs"])
    return whole(max(MOST_BYTES - bare, 0))


def write_report(folder: Path, metrics: Metrics, timing: Timing) -> Path:
    """Writes the report into the folder of a measurement; returns its file.

    Args:
        folder: of the measurement; pictures are those of `draw_worst` in it.
        metrics, timing: see `report_page`.

    Raises:
        EvaluationError: the key of a run is no name of a file, or a picture cannot be read.
        OutputError: the report cannot be written.
    """
    pictures = {}
    for run in metrics["runs"]:
        for place in range(1, len(run["worst"]) + 1):
            path = picture_path(folder, run["key"], place)
            content = _read(path)
            if content is not None:
                pictures[run["key"], place] = content
    target = folder / FILE_NAME
    write(target, report_page(metrics, timing, pictures).encode())
    return target


def _read(path: Path) -> bytes | None:
    """Returns a JPEG file; None where there is none."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise EvaluationError(
            f"{shown_path(path)}: expected a picture, found {error.strerror}"
        ) from error
    if not content.startswith(JPEG_MAGIC):
        raise EvaluationError(f"{shown_path(path)}: expected a JPEG file, found another one")
    return content
