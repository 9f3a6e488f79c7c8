# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The report on how far two runs agree: one HTML file made of its figures and its pictures."""

from __future__ import annotations

from collections.abc import Sequence

from vit_perception.evaluation.agreement.sections import (
    Agreement,
    agreement,
    differing,
    flicker,
    names,
    summary,
    titles_of,
    verdict_of,
)
from vit_perception.evaluation.report.page import page
from vit_perception.evaluation.report.sections.sources import recordings
from vit_perception.evaluation.report.values import count, share
from vit_perception.evaluation.tables import table
from vit_perception.wording import counted


def report_page(found: Agreement, pictures: Sequence[bytes]) -> str:
    """Returns the page; the same arguments give the same text.

    Args:
        found: content of agreement.json.
        pictures: JPEG files of the frames that differ most, in their order.
    """
    sections = (
        summary(found),
        agreement(found),
        flicker(found),
        differing(found, pictures),
        names(found),
        recordings(found),
    )
    first, second = titles_of(found)
    return page(f"Agreement of {first} and {second}", [each for each in sections if each])


def report_text(found: Agreement) -> str:
    """Returns a short table for a terminal, and the verdict below it."""
    rows = [
        (
            title,
            count(found["boxes"][side]),
            share(found["boxes"][f"share_{side}"]),
            count(each["things"]),
            _hundred(each["switches_per_100"]),
            _hundred(each["gap_frames_per_100"]),
        )
        for side, title, each in zip("ab", titles_of(found), found["flicker"], strict=True)
    ]
    head = (counted(found["frames"], "picture"), "detections", "seen by both", "things")
    figures = table((*head, "name changes %", "missed frames %"), rows)
    return f"{figures}\n\n{verdict_of(found)}"


def _hundred(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
