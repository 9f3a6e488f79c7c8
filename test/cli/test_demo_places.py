# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console

from vit_perception.bags.true_places import read_true_places
from vit_perception.bundle.samples import GROUND_TRUTH_3D_TOPIC, sample_bag
from vit_perception.cli.demo_places import places_table, write_places
from vit_perception.images.media import read_picture
from vit_perception.ros.demo.run import DemoRun
from vit_perception.space.rigid import Rigid

ASIDE = Rigid(np.eye(3), np.array([0.003, 0.004, 0.0]))


def seen(aside: Rigid = ASIDE) -> DemoRun:
    """A demonstration that saw everything but the plate, a little aside."""
    truth = read_true_places(sample_bag(), GROUND_TRUTH_3D_TOPIC, "world")
    run = DemoRun(("mug",), ("tool",), true_places=truth)
    run.places = {stamp: moment.boxes.moved(aside) for stamp, moment in truth.items()}
    run.places = {
        stamp: replace(boxes, names=tuple(n.replace("plate", "dish") for n in boxes.names))
        for stamp, boxes in run.places.items()
    }
    return run


def test_the_table_says_where_each_thing_is_and_how_far_off() -> None:
    console = Console(file=io.StringIO(), width=120)
    console.print(places_table(seen()))
    text = console.file.getvalue()
    rows = [" ".join(line.replace("│", " ").split()) for line in text.splitlines()]
    assert "(60 frames)" in text
    [plate] = [row for row in rows if row.startswith("plate ")]
    assert plate == "plate 0 of 60"
    lemon = next(row for row in rows if row.startswith("lemon "))
    # The lemon's visible surface lies around 0.26, -0.03.
    _, _, _, _, x, y, z, median, high = lemon.split()
    assert 0.2 < float(x) < 0.3 and -0.1 < float(y) < 0 and 0 < float(z) < 0.06
    assert (median, high) == ("5", "5")
    assert len([row for row in rows if row.startswith("mug ")]) == 2
    total = next(row for row in rows if row.startswith("all "))
    assert total.endswith(" 5 5")


def test_the_picture_shows_the_boxes_and_without_any_there_is_none(tmp_path: Path) -> None:
    path = write_places(seen(), sample_bag(), tmp_path)
    assert path == tmp_path / "places.jpg"
    picture = read_picture(path).image
    assert picture.shape == (480, 640, 3)
    empty = replace(seen(), places={})
    assert write_places(empty, sample_bag(), tmp_path) is None
