# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The worst pictures of each run, truth and result side by side."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from vit_perception.evaluation.report.page import Section
from vit_perception.evaluation.report.rendering import render
from vit_perception.evaluation.report.sections.runs import Metrics, run_titles
from vit_perception.evaluation.report.values import count, label, line, seconds, share
from vit_perception.images.headers import HeaderError, read_jpeg_header

Pictures = Mapping[tuple[str, int], bytes]
"""JPEG files by the key of their run and their place among its worst, from 1."""

_WRONG_SHOWN = 8


def frames(metrics: Metrics, pictures: Pictures, room: int) -> Section | None:
    """Returns the worst pictures of each run; None where nothing is wrong anywhere.

    Args:
        metrics: of the measurement.
        pictures: that were drawn.
        room: bytes that pictures may take; the worst of each run come first, and those beyond
            are named by their file.
    """
    runs = [run for run in metrics["runs"] if run["worst"]]
    if not runs:
        return None
    titles = run_titles(metrics)
    inside = _fitting(runs, pictures, room)
    return Section(
        "Worst pictures",
        render(
            "frames.html",
            runs=[
                {
                    "title": titles[run["key"]],
                    "frames": [
                        _frame(metrics, run["key"], place, frame, titles[run["key"]], inside)
                        for place, frame in enumerate(run["worst"], start=1)
                    ],
                }
                for run in runs
            ],
        ),
    )


def place_of(metrics: Metrics, frame: Mapping[str, Any]) -> tuple[str, str]:
    """Returns which picture that is, and below it its sequence, stamp and file."""
    below = [frame["sequence"]] if len(metrics["sources"]) > 1 else []
    below += [seconds(frame["stamp"])] if frame["stamp"] else []
    below += [frame["name"]] if frame.get("name") else []
    return f"picture {count(frame['number'])}", ", ".join(label(each) for each in below)


def embedded(picture: bytes | None) -> dict[str, Any]:
    """Returns `data`, a JPEG file in base64, and its `size`; "" and None without one.

    With width and height the page does not jump while pictures are decoded.
    """
    if picture is None:
        return {"data": "", "size": None}
    try:
        header = read_jpeg_header(picture)
    except HeaderError:
        size = None
    else:
        size = header.width, header.height
    return {"data": base64.b64encode(picture).decode("ascii"), "size": size}


def _fitting(runs: list[Mapping[str, Any]], pictures: Pictures, room: int) -> Pictures:
    """Returns the pictures that fit, as long as they are in base64."""
    inside: dict[tuple[str, int], bytes] = {}
    for place in range(1, max(len(run["worst"]) for run in runs) + 1):
        for run in runs:
            content = pictures.get((run["key"], place))
            size = 0 if content is None else 4 * -(-len(content) // 3)
            if content is not None and size <= room:
                room -= size
                inside[run["key"], place] = content
    return inside


def _frame(
    metrics: Metrics,
    key: str,
    place: int,
    frame: Mapping[str, Any],
    title: str,
    inside: Pictures,
) -> dict[str, Any]:
    what, below = place_of(metrics, frame)
    counts = (
        f"{count(frame['true'])} right, {count(frame['false'])} false, "
        f"{count(frame['missed'])} missed, F1 {share(frame['f1'])}"
    )
    wrong = [line(text) for text in frame["wrong"]]
    return {
        "what": what,
        "below": below,
        "counts": counts,
        "lines": wrong[:_WRONG_SHOWN],
        "more": max(len(wrong) - _WRONG_SHOWN, 0),
        **embedded(inside.get((key, place))),
        "alternative": (
            f"{what} ({below}): left what is true, right what {title} published; {counts}"
            + (f": {', '.join(wrong[:_WRONG_SHOWN])}" if wrong else "")
        ),
        "file": f"worst/{label(key)}/{place:02d}.jpg",
    }
