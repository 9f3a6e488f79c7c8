# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The toy detector behind layers that change nothing, so that there is something to quantize.

The layers split every channel into a positive and a negative part and join them again:
silu(a) - silu(-a) = a and relu(a) - relu(-a) = a.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from vit_perception.images.media import write_picture

from ..toy_bundle import COLOURS, COLUMNS, HEIGHT, ROWS, WIDTH, toy_graph, toy_picture

_SIGNS = np.concatenate([np.eye(3), -np.eye(3)]).astype(np.float32)


def deep_toy_graph(activation: str = "silu", *, masks: bool = False) -> bytes:
    """The toy detector with two 3x3 convolutions, a split, a sum and a join in front.

    Answers are the toy detector's. Its own convolution, "opponent", is a last one with a 1x1
    kernel; with masks, prototypes are an average of it.
    """
    model = onnx.load_from_string(toy_graph(masks=masks))
    node = helper.make_node
    constants: dict[str, NDArray[Any]] = {
        "first": _centred(_SIGNS / 64),
        "second": _centred(_SIGNS @ _SIGNS.T * 16),
        "none": _centred(np.zeros((6, 6), np.float32)),
        "from": np.array([0], np.int64),
        "half": np.array([3], np.int64),
        "end": np.array([6], np.int64),
        "channels": np.array([1], np.int64),
    }
    layers = [
        node("Transpose", ["image"], ["planes"], perm=[0, 3, 1, 2]),
        node("Cast", ["planes"], ["pixels"], to=TensorProto.FLOAT),
        node("Conv", ["pixels", "first"], ["a"], pads=[1] * 4),
        *_activated(activation, "a"),
        node("Slice", ["a_active", "from", "half", "channels"], ["positive"]),
        node("Slice", ["a_active", "half", "end", "channels"], ["negative"]),
        node("Concat", ["positive", "negative"], ["joined"], axis=1),
        node("Conv", ["joined", "none"], ["nothing"], pads=[1] * 4),
        node("Add", ["joined", "nothing"], ["sum"]),
        node("Conv", ["sum", "second"], ["b"], pads=[1] * 4),
        *_activated("relu", "b"),
    ]
    joining = numpy_helper.to_array(
        next(tensor for tensor in model.graph.initializer if tensor.name == "opponent")
    )[:, :, 0, 0]
    constants["opponent"] = _centred(joining @ _SIGNS.T * 4, side=1)  # 64 / 16
    kept = [tensor for tensor in model.graph.initializer if tensor.name != "opponent"]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    model.graph.initializer.extend(
        numpy_helper.from_array(value, name) for name, value in constants.items()
    )
    # The exported graphs turn bytes, not floats: the toy's cast and turn go.
    nodes = list(model.graph.node)[2:]
    nodes[0].input[0] = "b_active"
    del model.graph.node[:]
    model.graph.node.extend([*layers, *nodes])
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def three_branches(activation: str = "relu") -> onnx.ModelProto:
    """A body of three layers with branches for boxes, classes, weights and prototypes."""
    rng = np.random.default_rng(0)
    constants: dict[str, NDArray[Any]] = {}
    nodes: list[onnx.NodeProto] = []

    def layer(name: str, source: str, side: int, *, active: bool = True) -> str:
        constants[f"{name}_w"] = rng.normal(0, 0.3, (8, 8, side, side)).astype(np.float32)
        pads = [side // 2] * 4
        nodes.append(helper.make_node("Conv", [source, f"{name}_w"], [name], name, pads=pads))
        if not active:
            return name
        nodes.extend(_activated(activation, name))
        return f"{name}_active"

    constants["scales"] = np.array([1, 1, 2, 2], np.float32)
    nodes.append(helper.make_node("Cast", ["image"], ["pixels"], "cast", to=TensorProto.FLOAT))
    nodes.append(helper.make_node("Transpose", ["pixels"], ["planes"], "turn", perm=[0, 3, 1, 2]))
    body = layer("body", "planes", 3)
    boxes = layer("box_2", body, 3)
    layer("boxes", boxes, 1, active=False)
    layer("weights", boxes, 1, active=False)
    classes = layer("class_2", body, 3)
    nodes.append(helper.make_node("MatMul", [classes, "class_embeddings"], ["scores"], "scores"))
    nodes.append(helper.make_node("Tanh", ["weights"], ["mask_coefficients"], "tanh"))
    nodes.append(
        helper.make_node("Resize", [body, "", "scales"], ["large"], "large", mode="nearest")
    )
    layer("prototypes", layer("mask_2", "large", 3), 1, active=False)
    value = helper.make_tensor_value_info
    outputs = ("boxes", "scores", "mask_coefficients", "prototypes")
    graph = helper.make_graph(
        nodes,
        "branches",
        [
            value("image", TensorProto.UINT8, [1, 8, 8, 8]),
            value("class_embeddings", TensorProto.FLOAT, [8, 5]),
        ],
        [value(name, TensorProto.FLOAT, ["a", "b", "c", "d"]) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8)


def write_squares(folder: Path, count: int, seed: int = 0) -> Path:
    """A data set of toy pictures, with images/ only."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        names = rng.permutation(list(COLOURS))[:2]
        places = rng.permutation(3)[:2]
        squares = {
            str(name): (int(place) * 3 % ROWS, int(rng.integers(COLUMNS)))
            for name, place in zip(names, places, strict=True)
        }
        image, _ = toy_picture(HEIGHT, WIDTH, squares)
        write_picture(folder / "images" / f"{number:03d}.png", image)
    return folder


def _activated(activation: str, name: str) -> Sequence[onnx.NodeProto]:
    if activation == "relu":
        return [helper.make_node("Relu", [name], [f"{name}_active"], f"{name}_relu")]
    return [
        helper.make_node("Sigmoid", [name], [f"{name}_gate"], f"{name}_sigmoid"),
        helper.make_node("Mul", [name, f"{name}_gate"], [f"{name}_active"], f"{name}_mul"),
    ]


def _centred(matrix: NDArray[np.floating], side: int = 3) -> NDArray[np.float32]:
    """Convolution weights that apply a matrix to every pixel."""
    weights = np.zeros((*matrix.shape, side, side), np.float32)
    weights[:, :, side // 2, side // 2] = matrix
    return weights
