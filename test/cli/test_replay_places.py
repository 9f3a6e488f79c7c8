# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""`replay --localize` on the sample recording, against its truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vit_perception.bags.detections_3d import NamedObjects, objects_from_message
from vit_perception.bags.messages import header_stamp
from vit_perception.bags.reader import BagReader
from vit_perception.bundle.samples import GROUND_TRUTH_3D_TOPIC, sample_bag
from vit_perception.cli.__main__ import main

PLACES = "/detector/detections_3d"
_NEAR = 0.15


def placed(bag: Path, topic: str) -> dict[int, tuple[str, NamedObjects]]:
    """Frame and boxes of each Detection3DArray of a bag, by stamp."""
    with BagReader(bag) as reader:
        return {
            header_stamp(each.value.header): (
                str(each.value.header.frame_id),
                objects_from_message(each.value),
            )
            for each in reader.messages([topic])
        }


def replay(out: Path, *options: str) -> int:
    names = ["--vocabulary", "mug, box of crackers, soda can, lemon, apple, water bottle"]
    return main(["replay", str(sample_bag()), "--out", str(out), *names, *options])


def test_boxes_lie_where_the_recording_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert replay(tmp_path / "out", "--localize") == 0
    assert "detections placed in space" in capsys.readouterr().out
    truth = placed(sample_bag(), GROUND_TRUTH_3D_TOPIC)
    found = placed(tmp_path / "out", PLACES)
    assert len(found) == len(truth) == 60
    errors = []
    for stamp, (frame, boxes) in found.items():
        true_frame, true = truth[stamp]
        assert frame == true_frame
        for name, centre in zip(boxes.names, boxes.objects.centres, strict=True):
            there = [c for n, c in zip(true.names, true.objects.centres, strict=True) if n == name]
            away = min((float(np.linalg.norm(centre - c)) for c in there), default=np.inf)
            if away < _NEAR:
                errors.append(away)
    assert len(errors) > 150
    assert np.median(errors) < 0.012


def test_in_the_world_things_stay_where_they_are_while_the_camera_moves(tmp_path: Path) -> None:
    # With the slash of ROS 1, which tf2 does not take.
    assert replay(tmp_path / "out", "--localize", "--target-frame", "/world") == 0
    centres = []
    for frame, boxes in placed(tmp_path / "out", PLACES).values():
        assert frame == "world"
        centres += [
            centre
            for name, centre in zip(boxes.names, boxes.objects.centres, strict=True)
            if name == "box of crackers"
        ]
    assert len(centres) > 30
    middle = np.median(centres, axis=0)
    away = np.linalg.norm(np.array(centres) - middle, axis=1)
    assert np.median(away) < 0.01


def test_an_unknown_frame_is_told_and_the_rest_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert replay(tmp_path / "out", "--localize", "--target-frame", "map") == 1
    told = capsys.readouterr()
    assert "60 frames without places (no_transform): " in told.err and "map" in told.err
    assert "found camera_color_optical_frame, table, world" in told.err
    assert "\n0 of " in told.out
    with BagReader(tmp_path / "out") as bag:
        counts = {topic.name: topic.count for topic in bag.topics()}
    assert counts["/detector/detections"] == 60
    assert PLACES not in counts


@pytest.mark.parametrize("option", ["--target-frame", "--depth-topic", "--camera-info-topic"])
def test_options_of_places_ask_for_localize(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    assert replay(tmp_path / "out", option, "world") == 2
    assert f"{option}: expected --localize beside it" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
