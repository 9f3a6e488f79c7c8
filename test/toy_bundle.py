# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A detector small enough to know its answers: it finds squares of pure colour.

A real bundle with real ONNX graphs that keep the contract. The network sees 64x96 pixels and
knows 7x11 boxes of 16x16 pixels, 8 apart. A box full of red looks like "red" with score
0.993, a box half full with 0.5, an empty one with 0.007; the margin is grey and looks like
nothing. Class embeddings are compared in the first three of 384 dimensions, so any vocabulary
of that dimension runs, and names other than the six below are found nowhere.

With masks, a mask is where 4x4 pixels look like the name with more than 0.5: red, green and blue
squares on the grid of 4 have themselves as masks, but for one pixel at each corner.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.quality import Quality
from vit_perception.bundle.regions_file import Regions
from vit_perception.bundle.writer import write_bundle
from vit_perception.compression.added_graph import with_graph
from vit_perception.frame import Frame
from vit_perception.letterbox import boxes_to_source, fit
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.vocabulary import Vocabulary

HEIGHT, WIDTH = 64, 96
SIDE, STRIDE = 16, 8
MASK_STRIDE = 4
ROWS, COLUMNS = (HEIGHT - SIDE) // STRIDE + 1, (WIDTH - SIDE) // STRIDE + 1
DIMENSION = 384
FULL_SCORE = float(1 / (1 + np.exp(-5.0)))

COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "magenta": (255, 0, 255),
    "cyan": (0, 255, 255),
}
DEFAULT_NAMES = ("red", "green", "blue")
GREY = 114

# Where squares of these colours fill a box, see `toy_picture`.
SQUARES = {"red": (0, 1), "green": (3, 4), "blue": (6, 9)}
# In the middle, so that no shape of picture puts them into the margin.
CENTRAL = {"red": (3, 4), "blue": (3, 6)}

PASSED = Quality("AP", 0.5, 0.49, 0.02, 20, "squares")
FAILED = Quality("AP", 0.5, 0.4, 0.02, 20, "squares")

_K = 300
_OPSET = 17
_IR_VERSION = 8


def toy_vocabulary(names: Sequence[str] = tuple(COLOURS), version: int = 0) -> Vocabulary:
    """Colours point to their colour; any other name to a direction no picture has."""
    embeddings = np.zeros((len(names), DIMENSION), np.float32)
    for row, name in zip(embeddings, names, strict=True):
        if name in COLOURS:
            row[:3] = COLOURS[name]
        else:
            row[3 + sum(name.encode()) % (DIMENSION - 3)] = 1
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return Vocabulary(tuple(names), embeddings, version)


def anchors() -> NDArray[np.float32]:
    """float32 [77, 4], x1 y1 x2 y2 in network pixels, row by row."""
    corners = [(c * STRIDE, r * STRIDE) for r in range(ROWS) for c in range(COLUMNS)]
    return np.array([(x, y, x + SIDE, y + SIDE) for x, y in corners], np.float32)


def toy_picture(
    height: int, width: int, squares: Mapping[str, tuple[int, int]]
) -> tuple[NDArray[np.uint8], dict[str, NDArray[np.float32]]]:
    """A grey picture with squares that each fill one of the detector's boxes.

    Args:
        height, width: of the picture.
        squares: colour name to (row, column) of the box, 0..6 and 0..10; for pictures of
            another shape than 64x96 the outer ones lie in the margin.

    Returns:
        uint8 [height, width, 3] RGB, and float32 [4] x1 y1 x2 y2 of each square in it.
    """
    image = np.full((height, width, 3), GREY, np.uint8)
    letterbox = fit(height, width, HEIGHT, WIDTH)
    boxes = {}
    for name, (row, column) in squares.items():
        anchor = anchors()[row * COLUMNS + column][None]
        boxes[name] = boxes_to_source(anchor, letterbox)[0]
        left, top, right, bottom = np.rint(boxes[name]).astype(int)
        image[top:bottom, left:right] = COLOURS[name]
    return image, boxes


def names_found(perceiver: Perceiver, image: NDArray[np.uint8]) -> list[str]:
    """Names of what is found in an image, best first."""
    detections = perceiver(Frame(image))
    return [detections.class_name(index) for index in range(len(detections))]


def toy_graph(
    fixed: Vocabulary | None = None, *, masks: bool = False, regions: bool = False
) -> bytes:
    """The detector; with `fixed`, its class embeddings are inside.

    With `regions` it keeps version 2 of the contract: each of its boxes has a row of anything.
    """
    classes = "C" if fixed is None else len(fixed)
    inputs = [
        _value("image", TensorProto.UINT8, [1, HEIGHT, WIDTH, 3]),
        _value("class_thresholds", TensorProto.FLOAT, [classes]),
    ]
    constants: dict[str, NDArray[Any]] = {
        # Each colour against the mean of the other two, so that greys look like nothing.
        "opponent": ((np.eye(3) * 1.5 - 0.5) / 255).reshape(3, 3, 1, 1).astype(np.float32),
        "into_joint_space": np.eye(3, DIMENSION, dtype=np.float32),
        "gain": np.float32(5),
        "bias": np.float32(-5),
        "zero": np.float32(0),
        "anchors": anchors(),
        "last_anchor": np.int64(ROWS * COLUMNS - 1),
        "pixels_shape": np.array([3, -1], np.int64),
        "flat": np.array([-1], np.int64),
        "filler": np.zeros(_K, np.float32),
        "k": np.array([_K], np.int64),
        "batch": np.array([0], np.int64),
    }
    if fixed is None:
        inputs.append(_value("class_embeddings", TensorProto.FLOAT, [classes, DIMENSION]))
    else:
        constants["class_embeddings"] = 2 * fixed.embeddings
    node = helper.make_node
    nodes = [
        node("Cast", ["image"], ["float_image"], to=TensorProto.FLOAT),
        node("Transpose", ["float_image"], ["planes"], perm=[0, 3, 1, 2]),
        node("Conv", ["planes", "opponent"], ["colours"]),
        node(
            "AveragePool",
            ["colours"],
            ["means"],
            kernel_shape=[SIDE, SIDE],
            strides=[STRIDE, STRIDE],
        ),
        node("Reshape", ["means", "pixels_shape"], ["mean_rows"]),
        node("Transpose", ["mean_rows"], ["mean_colours"], perm=[1, 0]),
        node("MatMul", ["mean_colours", "into_joint_space"], ["image_embeddings"]),
        node("Transpose", ["class_embeddings"], ["class_columns"], perm=[1, 0]),
        node("MatMul", ["image_embeddings", "class_columns"], ["similarity"]),
        node("Mul", ["similarity", "gain"], ["scaled"]),
        node("Add", ["scaled", "bias"], ["logits"]),
        node("Sigmoid", ["logits"], ["all_scores"]),
        node("GreaterOrEqual", ["all_scores", "class_thresholds"], ["above"]),
        node("Where", ["above", "all_scores", "zero"], ["kept_scores"]),
        node("Reshape", ["kept_scores", "flat"], ["flat_scores"]),
        node("Concat", ["flat_scores", "filler"], ["candidates"], axis=0),
        node("TopK", ["candidates", "k"], ["top_scores", "top_rows"]),
        node("Shape", ["class_thresholds"], ["class_count"]),
        node("Mod", ["top_rows", "class_count"], ["top_labels"]),
        node("Div", ["top_rows", "class_count"], ["unlimited"]),
        node("Min", ["unlimited", "last_anchor"], ["top_anchors"]),
        node("Gather", ["anchors", "top_anchors"], ["top_boxes"]),
        node("Unsqueeze", ["top_boxes", "batch"], ["boxes"]),
        node("Unsqueeze", ["top_scores", "batch"], ["scores"]),
        node("Unsqueeze", ["top_labels", "batch"], ["labels"]),
    ]
    outputs = [
        _value("boxes", TensorProto.FLOAT, [1, _K, 4]),
        _value("scores", TensorProto.FLOAT, [1, _K]),
        _value("labels", TensorProto.INT64, [1, _K]),
    ]
    if masks:
        mask_size = [HEIGHT // MASK_STRIDE, WIDTH // MASK_STRIDE]
        constants["minus_one"] = np.full((1, 1, *mask_size), -1, np.float32)
        constants["ones"] = np.ones((_K, 1), np.float32)
        cells = {"kernel_shape": [MASK_STRIDE] * 2, "strides": [MASK_STRIDE] * 2}
        nodes += [
            node("AveragePool", ["colours"], ["cells"], **cells),
            node("Concat", ["cells", "minus_one"], ["prototypes"], axis=1),
            node("Transpose", ["into_joint_space"], ["from_joint_space"], perm=[1, 0]),
            node("MatMul", ["class_embeddings", "from_joint_space"], ["class_colours"]),
            node("Gather", ["class_colours", "top_labels"], ["row_colours"]),
            node("Concat", ["row_colours", "ones"], ["row_coefficients"], axis=1),
            node("Unsqueeze", ["row_coefficients", "batch"], ["mask_coefficients"]),
        ]
        outputs += [
            _value("mask_coefficients", TensorProto.FLOAT, [1, _K, 4]),
            _value("prototypes", TensorProto.FLOAT, [1, 4, *mask_size]),
        ]
    if regions:
        _add_regions(nodes, inputs, outputs, constants)
    return _model(nodes, inputs, outputs, constants)


def _add_regions(
    nodes: list[Any], inputs: list[Any], outputs: list[Any], constants: dict[str, Any]
) -> None:
    """Puts a row of anything for each box behind the rows of names."""
    count = ROWS * COLUMNS
    constants |= {"no_label": np.full((1, count), -1, np.int64), "anchor_rows": anchors()[None]}
    ends = ["boxes", "scores", "labels"] + ["mask_coefficients"] * (len(outputs) > 3)
    for each in nodes:
        each.output[:] = [f"named_{name}" if name in ends else name for name in each.output]
    node = helper.make_node
    nodes += [
        node("Transpose", ["anything_embedding"], ["anything_column"], perm=[1, 0]),
        node("Relu", ["image_embeddings"], ["any_colour"]),
        node("MatMul", ["any_colour", "anything_column"], ["anything_similarity"]),
        node("Mul", ["anything_similarity", "gain"], ["anything_scaled"]),
        node("Add", ["anything_scaled", "bias"], ["anything_logits"]),
        node("Sigmoid", ["anything_logits"], ["anything_scores"]),
        node("Transpose", ["anything_scores"], ["anything_row"], perm=[1, 0]),
        node("Concat", ["named_boxes", "anchor_rows"], ["boxes"], axis=1),
        node("Concat", ["named_scores", "anything_row"], ["scores"], axis=1),
        node("Concat", ["named_labels", "no_label"], ["labels"], axis=1),
        node("Gather", ["image_embeddings", "top_anchors"], ["named_embeddings"]),
        node("Concat", ["named_embeddings", "image_embeddings"], ["row_embeddings"], axis=0),
        node("Unsqueeze", ["row_embeddings", "batch"], ["embeddings"]),
    ]
    if len(ends) > 3:
        constants["no_coefficients"] = np.zeros((1, count, 4), np.float32)
        both = ["named_mask_coefficients", "no_coefficients"]
        nodes.append(node("Concat", both, ["mask_coefficients"], axis=1))
    inputs.append(_value("anything_embedding", TensorProto.FLOAT, [1, DIMENSION]))
    for value in outputs:
        if value.name in ends:
            value.type.tensor_type.shape.dim[1].dim_value = _K + count
    outputs.append(_value("embeddings", TensorProto.FLOAT, [1, _K + count, DIMENSION]))


def toy_adaptor(dimension: int = DIMENSION) -> bytes:
    """Doubles the embeddings: without it, nothing is found."""
    return _model(
        [helper.make_node("Mul", ["text_embeddings", "two"], ["class_embeddings"])],
        [_value("text_embeddings", TensorProto.FLOAT, ["C", dimension])],
        [_value("class_embeddings", TensorProto.FLOAT, ["C", dimension])],
        {"two": np.float32(2)},
    )


def write_toy_bundle(directory: Path, **changes: Any) -> Bundle:
    """A bundle of the toy detector; `changes` replace arguments of `write_bundle`."""
    arguments: dict[str, Any] = {
        "name": "toy",
        "task": "detection",
        "architecture": "colour_squares",
        "input_height": HEIGHT,
        "input_width": WIDTH,
        "graphs": {"fp32": toy_graph()},
        "text_adaptor": toy_adaptor(),
        "text_encoder_id": "all-MiniLM-L6-v2",
        "text_dimension": DIMENSION,
        "vocabulary": toy_vocabulary(),
        "default_names": DEFAULT_NAMES,
        "fixed_vocabulary": False,
        "score_threshold": 0.6,
        # Neighbouring boxes overlap by a third.
        "iou_threshold": 0.3,
        "metrics": [{"metric": "AP50", "value": 1.0, "dataset": "squares", "command": "pytest"}],
        "licence": "Apache-2.0",
        "source": "test/toy_bundle.py",
        "model_card": "# Toy\n\nFinds squares of pure colour.\n",
    }
    return write_bundle(directory, **(arguments | changes))


def write_toy_int8_bundle(
    directory: Path, quality: Quality | None = PASSED, graph: bytes | None = None
) -> Bundle:
    """The toy with another graph, "int8", which is the same one unless it is given."""
    return with_graph(
        write_toy_bundle(directory),
        directory,
        precision="int8",
        model=graph or toy_graph(),
        remark="the same",
        quality=quality,
    )


def write_toy_segmentation_bundle(directory: Path, **changes: Any) -> Bundle:
    """The same with masks."""
    segmenting = {"task": "instance_segmentation", "graphs": {"fp32": toy_graph(masks=True)}}
    return write_toy_bundle(directory, **(segmenting | changes))


def toy_regions() -> Regions:
    """Anything is what has a colour, whichever; a box full of one has score 0.993 as well.

    The mean lets grey boxes have a direction of their own, as every row has in a real bundle.
    """
    anything, mean = np.zeros((2, DIMENSION), np.float32)
    anything[:3] = 2
    mean[3] = -0.1
    return Regions(anything, {"fp32": mean})


def write_toy_region_bundle(directory: Path, *, masks: bool = False, **changes: Any) -> Bundle:
    """The toy with version 2 of the contract."""
    writer = write_toy_segmentation_bundle if masks else write_toy_bundle
    graphs = {"fp32": toy_graph(masks=masks, regions=True)}
    return writer(directory, **({"graphs": graphs, "regions": toy_regions()} | changes))


def _value(name: str, kind: int, shape: Sequence[int | str]) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def _model(
    nodes: Sequence[Any],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    constants: Mapping[str, Any],
) -> bytes:
    initializers = [
        numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()
    ]
    graph = helper.make_graph(nodes, "toy", inputs, outputs, initializers)
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION
    )
    return bytes(model.SerializeToString())
