# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Where the demonstration saw things in space: a table, and a picture of their boxes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.table import Table

from vit_perception.bags.reader import BagReader
from vit_perception.bundle.samples import CAMERA_INFO_TOPIC
from vit_perception.evaluation.space_errors import SpaceErrors
from vit_perception.images.media import write_picture
from vit_perception.perceiver.overlay import class_colour
from vit_perception.space.camera_info import camera_model
from vit_perception.space.cubes import draw_cubes
from vit_perception.wording import shown_name

if TYPE_CHECKING:
    from vit_perception.ros.demo.run import DemoRun

PICTURE = "places.jpg"


def places_table(run: DemoRun) -> Table:
    """Returns how far boxes in space were from the truth, in the first pass."""
    errors = SpaceErrors()
    for stamp, found in run.places.items():
        errors.add(run.true_places[stamp].boxes, found)
    table = Table(
        title=f"where things are, m from the table's middle ({len(run.places)} frames)",
        title_justify="left",
    )
    table.add_column("name", no_wrap=True)
    table.add_column("placed", justify="right", no_wrap=True)
    for axis in "xyz":
        table.add_column(axis, justify="right")
    table.add_column("off, mm", justify="right")
    table.add_column("95 %, mm", justify="right")
    for thing in sorted(errors.seen):
        centres, away = errors.found.get(thing), errors.errors.get(thing, [])
        count = f"{len(away)} of {errors.seen[thing]}"
        place = [""] * 3 if centres is None else [f"{x:.3f}" for x in np.median(centres, axis=0)]
        table.add_row(shown_name(thing[0]), count, *place, *_millimetres(away))
    total = [each for away in errors.errors.values() for each in away]
    table.add_section()
    count = f"{len(total)} of {errors.seen.total()}"
    table.add_row("all", count, "", "", "", *_millimetres(total))
    return table


def _millimetres(metres: list[float]) -> list[str]:
    """Returns median and 95th percentile."""
    return [f"{1e3 * x:.0f}" for x in np.percentile(metres, [50, 95])] if metres else ["", ""]


def write_places(run: DemoRun, bag: Path, out: Path) -> Path | None:
    """Draws the boxes of the frame that has the most of them; None if there are none."""
    stamp = max(run.places, key=lambda each: len(run.places[each].names), default=None)
    if stamp is None:
        return None
    with BagReader(bag) as reader:
        info = next(reader.messages([CAMERA_INFO_TOPIC])).value
        frame = next(frame for _, frame in reader.frames() if frame.stamp == stamp)
    found = run.places[stamp].moved(run.true_places[stamp].target_from_camera.inverse())
    colours = [class_colour(name) for name in found.names]
    picture = draw_cubes(frame.image, found.objects, camera_model(info), colours)
    write_picture(out / PICTURE, picture)
    return out / PICTURE
