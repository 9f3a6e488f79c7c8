# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The parts of the report on how far two runs agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vit_perception.evaluation.report.page import Section
from vit_perception.evaluation.report.rendering import render
from vit_perception.evaluation.report.sections.frames import embedded, place_of
from vit_perception.evaluation.report.sections.left_out import causes, left_out_lines
from vit_perception.evaluation.report.sections.runs import run_titles
from vit_perception.evaluation.report.sections.verdicts import Verdict
from vit_perception.evaluation.report.tables import Cell, Column, table
from vit_perception.evaluation.report.values import (
    count,
    interval,
    label,
    line,
    number,
    share,
    signed,
)
from vit_perception.wording import counted

Agreement = Mapping[str, Any]
"""The content of agreement.json."""

_CHANGES_SHOWN = 8


def titles_of(found: Agreement) -> tuple[str, str]:
    """Returns what the two runs are called."""
    titles = run_titles(found)
    first, second = (titles[run["key"]] for run in found["runs"])
    return first, second


def verdict_of(found: Agreement) -> Verdict:
    """Returns how far the runs agree, in a sentence."""
    first, second = titles_of(found)
    agreement = found["agreement"]
    if agreement["value"] is None:
        return Verdict(f"Neither {first} nor {second} publishes anything of these pictures.")
    ends = interval(agreement["interval"])
    sure = f" (95 % interval {ends})" if ends else " (too few stretches to say how sure that is)"
    return Verdict(
        f"{second} and {first} agree in {share(agreement['value'])} of what they publish",
        f"{sure}.",
    )


def summary(found: Agreement) -> Section:
    """Returns the summary."""
    return Section(
        "Summary",
        render(
            "agreement_summary.html",
            verdict=verdict_of(found),
            pictures=count(found["frames"]),
            sources=[source["title"] for source in found["sources"]],
            names=found["names"],
            command=found["command"],
            lines=left_out_lines(found),
            table=_runs(found),
        ),
    )


def agreement(found: Agreement) -> Section:
    """Returns boxes, names, masks and scores of what both see."""
    boxes, naming, masks, scores = (found[key] for key in ("boxes", "naming", "masks", "scores"))
    rows = [
        ["Agreement: seen by both under one name", share(found["agreement"]["value"])],
        ["Boxes that both have", count(boxes["both"])],
        ["Overlap of these boxes, mean IoU", share(boxes["iou"])],
        ["Of these, under one name", share(naming["share"])],
    ]
    if masks is not None:
        rows += [
            ["Overlap of their masks, mean IoU", share(masks["iou"])],
            ["A tenth of the masks overlaps less than", share(masks["iou_p10"])],
        ]
    rows += [
        ["Change of the score, mean", signed(scores["change"])],
        ["Change of the score whatever its sign, mean", share(scores["absolute"])],
        ["The same, 95 of 100 are below", share(scores["absolute_p95"])],
    ]
    tables = [table("What both runs see", [Column("Measure", text=True), Column("Value")], rows)]
    if naming["renamed"]:
        columns = [Column(title, text=True) for title in titles_of(found)]
        renamed = [
            [label(each["a"]), label(each["b"]), count(each["count"])]
            for each in naming["renamed"]
        ]
        tables.append(table("Other names for one box", [*columns, Column("Boxes")], renamed))
    about = (
        "Boxes of the two runs are paired one to one where they overlap with an IoU of "
        f"{found['limits']['overlap']} or more, those of one name first. Agreement is twice the "
        "number of pairs of one name, divided by all that both runs published."
    )
    return Section("Agreement", render("text_and_tables.html", about=about, tables=tables))


def names(found: Agreement) -> Section | None:
    """Returns the figures of each name; None where nothing was published."""
    if not found["per_name"]:
        return None
    first, second = titles_of(found)
    columns = [Column("Name", text=True), Column(first), Column(second), Column("Both")]
    columns += [Column("Agreement"), Column("Box IoU"), Column("Mask IoU"), Column("Score")]
    rows: list[list[str | Cell]] = [
        [
            label(each["name"]),
            count(each["a"]),
            count(each["b"]),
            count(each["both"]),
            share(each["agreement"]),
            share(each["iou"]),
            share(each["mask_iou"]),
            signed(each["score_change"]),
        ]
        for each in found["per_name"]
    ]
    caption = f"Detections of each name; “score”: mean change from {first} to {second}"
    found_table = table(caption, columns, rows, sorts=True)
    return Section("Names", render("text_and_tables.html", about="", tables=[found_table]))


def flicker(found: Agreement) -> Section:
    """Returns how steadily each run sees things, and the things that flicker most."""
    tables = [
        _worst(found, title, each["worst"])
        for title, each in zip(titles_of(found), found["flicker"], strict=True)
        if each["worst"]
    ]
    unfollowed = max(each["unfollowed_frames"] for each in found["flicker"])
    about = (
        "What each run published is followed from frame to frame. A frame in which a thing is "
        "not seen counts as missed if it is seen before and after, within two seconds."
    )
    if unfollowed:
        about += f" {counted(unfollowed, 'picture')} without a stamp could not be followed."
    return Section(
        "Flicker", render("text_and_tables.html", about=about, tables=[_flicker(found), *tables])
    )


def differing(found: Agreement, pictures: Sequence[bytes]) -> Section | None:
    """Returns the frames that differ most, drawn; None where none does.

    Args:
        found: figures.
        pictures: JPEG files in the order of the frames.
    """
    if not found["differ_most"]:
        return None
    titles = titles_of(found)
    frames = [
        _frame(found, frame, picture, titles)
        for frame, picture in zip(found["differ_most"], pictures, strict=True)
    ]
    return Section(
        "Where they differ most", render("agreement_frames.html", titles=titles, frames=frames)
    )


def _runs(found: Agreement) -> str:
    columns = [Column("Run", text=True), Column("Detections a picture")]
    columns += [Column("Seen by the other too"), Column("Things followed")]
    columns += [Column("Name changes"), Column("Missed frames")]
    frames = found["frames"]
    rows: list[list[str | Cell]] = [
        [
            title,
            number(found["boxes"][side] / frames if frames else None, 2),
            share(found["boxes"][f"share_{side}"]),
            count(each["things"]),
            number(each["switches_per_100"], 2),
            number(each["gap_frames_per_100"], 2),
        ]
        for side, title, each in zip("ab", titles_of(found), found["flicker"], strict=True)
    ]
    caption = "Name changes and missed frames are of 100 frames in which a thing is followed."
    return table(caption, columns, rows)


def _flicker(found: Agreement) -> str:
    columns = [Column("Run", text=True), Column("Things"), Column("Seen once")]
    columns += [Column("Frames of things"), Column("Name changes"), Column("Missed frames")]
    rows: list[list[str | Cell]] = [
        [
            title,
            count(each["things"]),
            count(each["seen_once"]),
            count(each["thing_frames"]),
            Cell(count(each["switches"]), below=_per_100(each["switches_per_100"])),
            Cell(count(each["gap_frames"]), below=_per_100(each["gap_frames_per_100"])),
        ]
        for title, each in zip(titles_of(found), found["flicker"], strict=True)
    ]
    return table("All things; small: of 100 frames in which one is followed", columns, rows)


def _worst(found: Agreement, title: str, things: Sequence[Mapping[str, Any]]) -> str:
    several = len(found["sources"]) > 1
    columns = [Column("Thing", text=True), Column("Frames seen"), Column("Missed")]
    columns += [Column("Name changes"), Column("Found as", text=True)]
    columns += [Column("Recording", text=True)] if several else []
    rows: list[list[str | Cell]] = [
        [
            Cell(
                label(next(iter(thing["names"]))),
                below=f"{count(thing['first'])} to {count(thing['last'])}",
            ),
            count(thing["seen"]),
            count(thing["gap_frames"]),
            count(thing["switches"]),
            causes({label(name): times for name, times in thing["names"].items()}),
            *([label(thing["sequence"])] if several else []),
        ]
        for thing in things
    ]
    return table(f"Things that flicker most in {title}; small: their frames", columns, rows)


def _per_100(value: float | None) -> str:
    return "" if value is None else number(value, 2)


def _frame(
    found: Agreement, frame: Mapping[str, Any], picture: bytes, titles: tuple[str, str]
) -> dict[str, Any]:
    what, below = place_of(found, frame)
    changed = [line(text) for text in frame["changed"]]
    counts = (
        f"{counted(frame['only_a'], 'thing')} only left, {count(frame['only_b'])} only right, "
        f"{count(frame['renamed'])} under other names"
    )
    shown = changed[:_CHANGES_SHOWN]
    return {
        "what": what,
        "below": below,
        "counts": counts,
        "lines": shown,
        "more": len(changed) - len(shown),
        **embedded(picture),
        "alternative": f"{what}: left {titles[0]}, right {titles[1]}; {', '.join(shown)}",
    }
