# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Numbers of a graph that are wrong are an error of their frame."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper

from vit_perception.bundle.bundle import Bundle
from vit_perception.engine.factory import OPENVINO, available_providers
from vit_perception.frame import Frame
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.settings import PerceiverError, Settings

from ..refusals import refusal_of
from ..toy_bundle import (
    GREY,
    HEIGHT,
    SQUARES,
    WIDTH,
    names_found,
    toy_graph,
    toy_picture,
    write_toy_bundle,
    write_toy_segmentation_bundle,
)
from ..toy_graphs import changed, redone, rename, spoilt_by_red

PROVIDERS = ["cpu", pytest.param("openvino", marks=pytest.mark.skipif(
    OPENVINO not in available_providers(), reason="needs the package openvino"))]  # fmt: skip


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_graph_that_names_unknown_classes_is_refused_at_the_frame(
    tmp_path: Path, provider: str
) -> None:
    def shift(model: ModelProto) -> None:
        rename(model, "labels", "true_labels")
        model.graph.initializer.append(helper.make_tensor("nine", TensorProto.INT64, [], [9]))
        model.graph.node.append(helper.make_node("Add", ["true_labels", "nine"], ["labels"]))
        model.graph.output[2].name = "labels"

    bundle = write_toy_bundle(tmp_path / "toy", graphs={"fp32": changed(shift)})
    image, _ = toy_picture(HEIGHT, WIDTH, {"red": (3, 4)})
    perceiver = Perceiver(bundle, provider=provider)
    message = refusal_of(PerceiverError, lambda: perceiver(Frame(image)))
    assert message == f"{bundle.directory}/model.onnx: labels: expected 0..2, found 9..9"
    # Of rows that stand for nothing, labels mean nothing.
    perceiver(Frame(np.full((HEIGHT, WIDTH, 3), GREY, np.uint8)))


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    ("output", "value"),
    [
        (output, value)
        for output in ("scores", "boxes", "mask_coefficients", "prototypes")
        for value in (np.nan, np.inf, -np.inf)
        # A score of -inf stands for a row without a thing.
        if (output, value) != ("scores", -np.inf)
    ],
)
def test_numbers_that_are_not_finite_are_an_error_that_names_the_output(
    tmp_path: Path, output: str, value: float, provider: str
) -> None:
    graph = spoilt_by_red(output, value)
    bundle = write_toy_segmentation_bundle(tmp_path / "toy", graphs={"fp32": graph})
    perceiver = Perceiver(bundle, provider=provider)
    calm, _ = toy_picture(HEIGHT, WIDTH, {"blue": (3, 4)})
    red, _ = toy_picture(HEIGHT, WIDTH, {"red": (3, 4), "blue": (0, 0)})
    assert names_found(perceiver, calm) == ["blue"]
    message = refusal_of(PerceiverError, lambda: perceiver(Frame(red)))
    where = f"{bundle.directory}/model.onnx"
    assert message.startswith(f"{where}: {output}: expected finite numbers, found {value} (")
    # The frames that follow are looked at.
    assert names_found(perceiver, calm) == ["blue"]


@pytest.mark.parametrize(
    ("output", "value", "found"),
    [
        ("scores", 2.0, "scores: expected at most 1, found 2.0"),
        ("boxes", 500.0, "boxes: expected x1 <= x2 and y1 <= y2, found [500.0, "),
    ],
)
def test_numbers_that_no_detection_has_are_an_error(
    tmp_path: Path, output: str, value: float, found: str
) -> None:
    graph = spoilt_by_red(output, value)
    bundle = write_toy_segmentation_bundle(tmp_path / "toy", graphs={"fp32": graph})
    red, _ = toy_picture(HEIGHT, WIDTH, {"red": (3, 4)})
    message = refusal_of(PerceiverError, lambda: Perceiver(bundle)(Frame(red)))
    assert message.startswith(f"{bundle.directory}/model.onnx: {found}")


@pytest.mark.parametrize("output", ["mask_coefficients", "prototypes"])
def test_masks_that_nobody_wants_are_not_looked_at(tmp_path: Path, output: str) -> None:
    graph = spoilt_by_red(output, np.nan)
    bundle = write_toy_segmentation_bundle(tmp_path / "toy", graphs={"fp32": graph})
    perceiver = Perceiver(bundle, settings=Settings(masks=False))
    red, _ = toy_picture(HEIGHT, WIDTH, {"red": (3, 4)})
    assert names_found(perceiver, red) == ["red"]


def test_a_graph_of_nan_throughout_is_no_empty_picture(tmp_path: Path) -> None:
    """As after a network that overflowed: no comparison holds, so that no row has a score."""

    def spoil(model: ModelProto) -> None:
        redone(model, "scores", "Mul", np.zeros((1, 300), np.float32), [1, 300])
        redone(model, "boxes", "Add", np.full((1, 300, 4), np.nan, np.float32), [1, 300, 4])

    bundle = write_toy_bundle(tmp_path / "toy", graphs={"fp32": changed(spoil)})
    message = refusal_of(PerceiverError, Perceiver(bundle).warm_up)
    assert message == (
        f"{bundle.directory}/model.onnx: boxes: expected finite numbers, found nan "
        "(1200 of 1200 are not finite)"
    )


def test_numbers_whose_sum_is_infinite_are_finite(tmp_path: Path) -> None:
    large = np.full((1, 4, 16, 24), 3e38, np.float32)
    bundle = masked(tmp_path, lambda m: redone(m, "prototypes", "Add", large, [1, 4, 16, 24]))
    image, _ = toy_picture(HEIGHT, WIDTH, {"red": (3, 4)})
    assert names_found(Perceiver(bundle), image) == ["red"]


def test_rows_that_fill_up_are_left_out(tmp_path: Path) -> None:
    filler = np.zeros((1, 300), np.float32)
    filler[0, 1:] = -np.inf
    graph = changed(lambda m: redone(m, "scores", "Add", filler, [1, 300]))
    bundle = write_toy_bundle(tmp_path / "toy", graphs={"fp32": graph})
    image, _ = toy_picture(HEIGHT, WIDTH, SQUARES)
    assert len(Perceiver(bundle)(Frame(image))) == 1


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
