# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""How far boxes in space are off, on rendered tables with known poses.

Three depth sensors (exact, and the models of a RealSense D435 and of a Kinect in
vit_perception/scenes/depth_noise.py) times true masks and those of a bundle. Centres are compared
with the box around every point that is seen (`centre`), and with the box that the room space
makes of exact depth and the true mask (`itself`). Jitter is the standard deviation of a coordinate
over 60 frames of a camera that stands still. Under motion, at 0.3 m/s on average, boxes are put
into the world by the transform at the frame's stamp, and by the latest one, a frame (67 ms) later.

    python benchmarks/localization.py --assets ASSETS --scenes 20

`--seen 0.8` counts only objects of which that share is seen (0.2 are all that are counted anyway).
`--worst 20` lists the objects that are farthest off.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

os.environ.setdefault("MUJOCO_GL", "osmesa")

import numpy as np
from rich.console import Console
from rich.table import Table

from vit_perception.api import load
from vit_perception.frame import Frame
from vit_perception.masks import Masks
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.scenes.depth_noise import SENSORS
from vit_perception.scenes.localization import (
    Errors,
    approach,
    boxes_of_exact_depth,
    depth_of,
    errors_of,
    jitter,
    passing,
    shots,
    standing,
    world_of,
)
from vit_perception.scenes.moving_camera import CameraFrame

KINDS = {"exact": None, **SENSORS}
MASKS = ("true", "predicted")
VIEWS, STILL, MOVING = 6, 60, 20
"""Frames of each path."""
Cell = tuple[str, str]


@dataclass
class Found:
    """Errors of one sensor and kind of masks."""

    centre: list[Errors] = field(default_factory=list)
    itself: list[Errors] = field(default_factory=list)
    stamped: list[Errors] = field(default_factory=list)
    latest: list[Errors] = field(default_factory=list)
    jitter: list[float] = field(default_factory=list)


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--assets", type=Path, required=True, help="asset folder with split.json")
    parser.add_argument("--bundle", default="tabletop_nano")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--scenes", type=int, default=20)
    parser.add_argument("--still", type=int, default=5, help="of them also from a still camera")
    parser.add_argument("--first", type=int, default=0, help="seed of the first scene")
    parser.add_argument("--seen", type=float, default=0.0, help="least share of an object")
    parser.add_argument("--worst", type=int, default=0, help="objects to list")
    options = parser.parse_args()
    perceiver = load(options.bundle, precision=options.precision)
    cells: dict[Cell, Found] = {(kind, masks): Found() for kind in KINDS for masks in MASKS}
    for number in range(options.scenes):
        seed = options.first + number
        look(cells, perceiver, [options.assets], seed)
        pass_by(cells, perceiver, [options.assets], seed)
        if number < options.still:
            stand(cells, perceiver, [options.assets], seed)
        print(f"\r{number + 1} of {options.scenes} scenes", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    console = Console(width=150)
    title = f"{options.bundle} {options.precision}, {options.scenes} scenes"
    console.print(table(cells, title, options.seen))
    for cell, found in cells.items():
        if options.worst:
            console.print(f"{cell[0]}, {cell[1]} masks:", *worst(found, options.worst), sep="\n  ")
    return 0


def predicted(perceiver: Perceiver, frame: CameraFrame) -> Masks:
    """Returns the masks found in a frame for the names of what lies there."""
    names = sorted({placed.thing.category for placed in frame.truth.objects})
    masks = perceiver(Frame(frame.rgb), names=names).masks
    if masks is None:
        raise SystemExit("expected a bundle with masks, found one without")
    return masks


def placings(
    perceiver: Perceiver, frame: CameraFrame, *seed: int
) -> Iterator[tuple[Cell, np.ndarray, Masks | None]]:
    """Yields depth and masks of a frame for each cell of the table."""
    masks = {"true": None, "predicted": predicted(perceiver, frame)}
    for kind, sensor in KINDS.items():
        depth = depth_of(frame, sensor, *seed)
        for name in MASKS:
            yield (kind, name), depth, masks[name]


def look(cells: dict[Cell, Found], perceiver: Perceiver, roots: list[Path], seed: int) -> None:
    """Adds the errors of views from far to near."""
    for number, frame in enumerate(shots(roots, seed, approach(seed, VIEWS))):
        itself = boxes_of_exact_depth(frame)
        for cell, depth, masks in placings(perceiver, frame, seed, number):
            cells[cell].centre.append(errors_of(frame, depth, masks))
            cells[cell].itself.append(errors_of(frame, depth, masks, reference=itself))


def stand(cells: dict[Cell, Found], perceiver: Perceiver, roots: list[Path], seed: int) -> None:
    """Adds the jitter of places seen by a camera that stands still."""
    errors: dict[Cell, list[Errors]] = {cell: [] for cell in cells}
    for number, frame in enumerate(shots(roots, seed, standing(seed, STILL))):
        for cell, depth, masks in placings(perceiver, frame, seed, 1000 + number):
            errors[cell].append(errors_of(frame, depth, masks))
    for cell, each in errors.items():
        cells[cell].jitter += jitter(each).values()


def pass_by(cells: dict[Cell, Found], perceiver: Perceiver, roots: list[Path], seed: int) -> None:
    """Adds the errors of a moving camera, with the transform of the stamp and a later one."""
    frames = list(shots(roots, seed, passing(seed, MOVING)))
    for number, (frame, later) in enumerate(zip(frames, frames[1:], strict=False)):
        for cell, depth, masks in placings(perceiver, frame, seed, 2000 + number):
            cells[cell].stamped.append(errors_of(frame, depth, masks))
            cells[cell].latest.append(errors_of(frame, depth, masks, world=world_of(later)))


def table(cells: dict[Cell, Found], title: str, seen: float) -> Table:
    """Returns the figures: median, then 95th percentile; of objects of which so much is seen."""
    result = Table(title=title)
    for name in ("depth", "masks", "things", "centre mm", "itself mm", "yaw deg", "size %",
                 "jitter mm", "stamped mm", "latest mm", "missed %"):  # fmt: skip
        result.add_column(name, justify="left" if name in ("depth", "masks") else "right")
    for (kind, masks), found in cells.items():
        errors, itself, stamped, latest = (
            Errors.joined(each).seen(seen)
            for each in (found.centre, found.itself, found.stamped, found.latest)
        )
        sizes = " ".join(f"{100 * each:.0f}" for each in np.median(errors.size, axis=0))
        missed = len(errors.missed) / (len(errors.missed) + len(errors.asset))
        result.add_row(
            kind,
            masks,
            str(len(errors.asset)),
            both(errors.centre),
            both(itself.centre),
            f"{np.nanmedian(errors.yaw):.1f}",
            sizes,
            both(np.array(found.jitter)) if found.jitter else "",
            both(stamped.centre),
            both(latest.centre),
            f"{100 * missed:.0f}",
        )
    return result


def both(metres: np.ndarray) -> str:
    """Returns median and 95th percentile in millimetres."""
    middle, high = 1000 * np.percentile(metres, [50, 95])
    return f"{middle:.1f} / {high:.1f}"


def worst(found: Found, count: int) -> list[str]:
    """Returns the objects that are farthest off, a line each."""
    lines: list[tuple[float, str]] = []
    for number, errors in enumerate(found.centre):
        for index, name in enumerate(errors.asset):
            off = 1000 * errors.centre[index]
            size = " ".join(f"{100 * each:.0f}" for each in errors.size[index])
            lines.append(
                (
                    off,
                    f"{name}, scene {number // VIEWS}, view {number % VIEWS}: {off:.0f} mm at "
                    f"{errors.distance[index]:.2f} m, yaw {errors.yaw[index]:.0f}, size {size} %",
                )
            )
    return [line for _, line in sorted(lines, reverse=True)[:count]]


if __name__ == "__main__":
    sys.exit(main())
