# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What a detector says of known things, as data for training."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import cv2
import numpy as np

from test.toy_bundle import HEIGHT, WIDTH, toy_picture, toy_vocabulary, write_toy_bundle
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.training.evidence_tracks import (
    TRUTH,
    observed,
    read_tracks,
    recordings,
    true_names,
    vocabulary,
    weakened,
    write_tracks,
)

PLACES = {"red": (3, 4), "blue": (3, 7)}


def record(folder: Path) -> Path:
    """Three frames of a red and a blue square; the blue one is not in the second."""
    folder.mkdir(parents=True)
    frames = []
    for number in range(3):
        shown = {"red": PLACES["red"]} if number == 1 else PLACES
        image, boxes = toy_picture(HEIGHT, WIDTH, shown)
        # PNG in spite of the name: the toy detector wants pure colours.
        (folder / f"{number:04}.jpg").write_bytes(
            cv2.imencode(".png", image[:, :, ::-1])[1].tobytes()
        )
        things = [
            {
                "id": f"{name}_thing",
                "category": name,
                "names": [name, f"{name} square"],
                "box": boxes[name].tolist(),
                "range": 1.5,
            }
            for name in shown
        ]
        frames.append({"stamp": number * 100_000_000, "objects": things})
    (folder / TRUTH).write_text(json.dumps({"frames": frames}))
    return folder


def test_things_are_observed_frame_by_frame(tmp_path: Path) -> None:
    folder = record(tmp_path / "recordings" / "00000007")
    perceiver = Perceiver(
        write_toy_bundle(tmp_path / "toy"), encode=lambda names: toy_vocabulary(names)
    )
    found, categories = recordings(tmp_path / "recordings")
    assert found == [folder]
    assert categories == {"red", "blue"}
    red, blue = observed(perceiver, folder, ["green", "magenta", *categories], 0)
    assert [red.names[n] for n in red.right] == ["red"]
    assert [blue.names[n] for n in blue.right] == ["blue"]
    np.testing.assert_allclose(red.stamps, [0, 0.1, 0.2])
    np.testing.assert_allclose(blue.stamps, [0, 0.2])
    np.testing.assert_allclose(blue.frames, [0, 0.1, 0.2])
    np.testing.assert_allclose(red.ranges, 1.5)
    assert (red.labels[:, 0] == red.right[0]).all()
    x1, y1, x2, y2 = red.boxes[0] * np.array([WIDTH, HEIGHT, WIDTH, HEIGHT])
    np.testing.assert_allclose([x2 - x1, y2 - y1], 16, atol=0.1)
    # The same names in the same order, whoever asks.
    again, _ = observed(perceiver, folder, ["green", "magenta", *categories], 0)
    assert again.names == red.names


def test_tracks_come_back_from_their_file(tmp_path: Path) -> None:
    folder = record(tmp_path / "1")
    perceiver = Perceiver(
        write_toy_bundle(tmp_path / "toy"), encode=lambda names: toy_vocabulary(names)
    )
    before = observed(perceiver, folder, ["green"], 0)
    write_tracks(tmp_path / "tracks.npz", before)
    after = read_tracks(tmp_path / "tracks.npz")
    assert len(after) == len(before) == 2
    for one, other in zip(before, after, strict=True):
        for each in fields(one):
            np.testing.assert_array_equal(getattr(one, each.name), getattr(other, each.name))


def test_a_vocabulary_holds_no_second_name_of_a_thing() -> None:
    frames = [{"objects": [{"id": "a", "category": "mug", "names": ["mug", "cup"]}]}]
    names, right = vocabulary(
        frames, [f"thing {n}" for n in range(60)] + ["cup", "mug"], np.random.default_rng(0)
    )
    assert "cup" not in names
    assert names.count("mug") == 1
    assert 20 <= len(names) <= 40
    assert right == {"a": {"mug", "cup"}}


def test_wider_words_are_true_too() -> None:
    assert true_names(["mustard bottle"]) == {"mustard bottle", "bottle"}
    assert true_names(["box of crackers", "snack"]) == {"box of crackers", "box", "snack"}


def test_a_higher_threshold_leaves_out_weak_boxes_and_weak_names(tmp_path: Path) -> None:
    folder = record(tmp_path / "1")
    perceiver = Perceiver(
        write_toy_bundle(tmp_path / "toy"), encode=lambda names: toy_vocabulary(names)
    )
    red, _ = observed(perceiver, folder, ["green"], 0)
    scores = np.tile(np.array([[0.5, 0.2, 0.04, 0, 0]], np.float32), (3, 1))
    scores[1, 0] = 0.21
    labels = np.tile(np.array([[0, 1, 2, -1, -1]]), (3, 1))
    track = weakened(type(red)(**{
        **{each.name: getattr(red, each.name) for each in fields(red)},
        "scores": scores, "labels": labels,
    }), 0.25, 0.05)  # fmt: skip
    np.testing.assert_allclose(track.stamps, [0, 0.2])
    assert track.labels.tolist() == [[0, 1, -1, -1, -1]] * 2
    assert track.scores[0, 2] == 0
