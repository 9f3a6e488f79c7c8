# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Rows of a graph that are wrong are dropped, or their frame is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from onnx import ModelProto, TensorProto, helper

from vit_perception.bundle.bundle import Bundle
from vit_perception.frame import Frame
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.settings import PerceiverError

from ..refusals import refusal_of
from ..toy_bundle import (
    HEIGHT,
    SQUARES,
    WIDTH,
    toy_graph,
    toy_picture,
    write_toy_bundle,
    write_toy_segmentation_bundle,
)
from ..toy_graphs import changed, redone, rename


def test_a_graph_that_names_unknown_classes_is_refused_at_the_frame(tmp_path: Path) -> None:
    def shift(model: ModelProto) -> None:
        rename(model, "labels", "true_labels")
        model.graph.initializer.append(helper.make_tensor("nine", TensorProto.INT64, [], [9]))
        model.graph.node.append(helper.make_node("Add", ["true_labels", "nine"], ["labels"]))
        model.graph.output[2].name = "labels"

    bundle = write_toy_bundle(tmp_path / "toy", graphs={"fp32": changed(shift)})
    image, _ = toy_picture(HEIGHT, WIDTH, {"red": (3, 4)})
    message = refusal_of(PerceiverError, lambda: Perceiver(bundle)(Frame(image)))
    assert message == "labels: expected 0..2, found 9..9"


def test_rows_that_are_not_finite_are_dropped(tmp_path: Path) -> None:
    def spoil(model: ModelProto) -> None:
        anchors = next(value for value in model.graph.initializer if value.name == "anchors")
        boxes = np.frombuffer(anchors.raw_data, np.float32).copy()
        boxes[:8] = [np.nan] * 4 + [np.inf] * 4
        anchors.raw_data = boxes.tobytes()

    bundle = write_toy_bundle(tmp_path / "toy", graphs={"fp32": changed(spoil)})
    detections = Perceiver(bundle)(Frame(np.full((HEIGHT, WIDTH, 3), (255, 0, 0), np.uint8)))
    assert len(detections) > 0
    assert np.isfinite(detections.boxes).all()


def test_rows_whose_coefficients_are_not_finite_are_dropped_where_masks_are_wanted(
    tmp_path: Path,
) -> None:
    poison = np.zeros((1, 300, 1), np.float32)
    poison[0, 0] = np.nan
    bundle = masked(tmp_path, lambda m: redone(m, "mask_coefficients", "Add", poison, [1, 300, 4]))
    perceiver = Perceiver(bundle)
    image, _ = toy_picture(HEIGHT, WIDTH, {"red": (0, 0), "green": (6, 10)})
    detections = perceiver(Frame(image))
    assert detections.masks is not None
    assert detections.masks.areas().tolist() == [16 * 16 - 1]
    perceiver.change(settings=replace(perceiver.settings, masks=False))
    assert len(perceiver(Frame(image))) == 2


def test_prototypes_that_are_not_finite_give_empty_masks(tmp_path: Path) -> None:
    poison = np.full((1, 1, 1, 1), np.nan, np.float32)
    bundle = masked(tmp_path, lambda m: redone(m, "prototypes", "Add", poison, [1, 4, 16, 24]))
    image, _ = toy_picture(HEIGHT, WIDTH, {"red": (3, 4)})
    detections = Perceiver(bundle)(Frame(image))
    assert detections.masks is not None
    assert detections.masks.areas().tolist() == [0]


def test_scores_that_are_not_finite_are_no_detections(tmp_path: Path) -> None:
    poison = np.zeros((1, 300), np.float32)
    poison[0, :2] = np.inf, np.nan
    graph = changed(lambda m: redone(m, "scores", "Add", poison, [1, 300]))
    bundle = write_toy_bundle(tmp_path / "toy", graphs={"fp32": graph})
    image, _ = toy_picture(HEIGHT, WIDTH, SQUARES)
    detections = Perceiver(bundle)(Frame(image))
    assert len(detections) == 1
    assert detections.scores[0] < 1


def test_boxes_outside_the_picture_have_no_masks(tmp_path: Path) -> None:
    """Moved by half the network's input: what was on the left is inside, the rest is not."""
    shift = np.array([48, 0, 48, 0], np.float32)
    bundle = masked(tmp_path, lambda m: redone(m, "boxes", "Add", shift, [1, 300, 4]))
    image, _ = toy_picture(HEIGHT, WIDTH, {"red": (3, 0), "green": (3, 5), "blue": (3, 10)})
    detections = Perceiver(bundle)(Frame(image))
    assert detections.masks is not None
    names = [detections.class_name(row) for row in range(len(detections))]
    # Green's box is cut by the picture's edge: 40..56 px became 88..104.
    assert {name: box.tolist() for name, box in zip(names, detections.boxes, strict=True)} == {
        "red": [48, 24, 64, 40],
        "green": [88, 24, 96, 40],
    }
    assert [detections.masks.crops[row].shape for row in map(names.index, ("red", "green"))] == [
        (16, 16),
        (16, 8),
    ]


def masked(folder: Path, change: Callable[[ModelProto], None]) -> Bundle:
    """The toy with masks and a changed graph."""
    graph = changed(change, toy_graph(masks=True))
    return write_toy_segmentation_bundle(folder / "toy", graphs={"fp32": graph})
