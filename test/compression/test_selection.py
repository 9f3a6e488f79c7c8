# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Linear layers among convolutions, as in backbones with attention."""

from __future__ import annotations

import numpy as np
from onnx import GraphProto, TensorProto, helper, numpy_helper

from vit_perception.compression.quantization.selection import PRODUCTS, quantizable


def attention_between_convolutions() -> GraphProto:
    """A convolution, tokens through linear layers and a product of two maps, a convolution."""
    node = helper.make_node
    shapes = {"w1": (4, 3, 3, 3), "q": (4, 4), "batched": (2, 4, 4), "w2": (4, 4, 1, 1)}
    tensors = [numpy_helper.from_array(np.ones(s, np.float32), n) for n, s in shapes.items()]
    tensors.append(numpy_helper.from_array(np.array([1, 4, -1]), "tokens_shape"))
    tensors.append(numpy_helper.from_array(np.array([1, 4, 8, 8]), "map_shape"))
    nodes = [
        node("Conv", ["image", "w1"], ["a"], name="first", pads=[1] * 4),
        node("Reshape", ["a", "tokens_shape"], ["b"], name="to_tokens"),
        node("Transpose", ["b"], ["c"], name="transpose", perm=[0, 2, 1]),
        node("MatMul", ["c", "q"], ["d"], name="linear"),
        node("Transpose", ["d"], ["e"], name="keys", perm=[0, 2, 1]),
        node("MatMul", ["d", "e"], ["f"], name="scores"),
        node("Softmax", ["f"], ["g"], name="softmax", axis=-1),
        node("MatMul", ["g", "d"], ["h"], name="values"),
        node("Transpose", ["h"], ["i"], name="back", perm=[0, 2, 1]),
        node("Reshape", ["i", "map_shape"], ["j"], name="to_map"),
        node("Conv", ["j", "w2"], ["k"], name="last"),
        node("MatMul", ["d", "batched"], ["l"], name="several"),
        node("MatMul", ["d", "q"], ["m"], name="end"),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 8, 8])
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in ("k", "l", "m")]
    return helper.make_graph(nodes, "attention", [image], ends, tensors)


def test_linear_layers_on_the_way_to_a_convolution() -> None:
    assert quantizable(attention_between_convolutions()) == ["first", "linear"]


def test_scores_stay_float_up_to_the_softmax() -> None:
    graph = attention_between_convolutions()
    scale = numpy_helper.from_array(np.ones((1,), np.float32), "scale")
    mixed = numpy_helper.from_array(np.ones((64, 64, 1), np.float32), "mix")
    graph.initializer.extend([scale, mixed])
    nodes = {node.name: node for node in graph.node}
    # Scaled, then mixed by a convolution of one, then the softmax.
    for name, inputs, kind in (
        ("scaled", ["f", "scale"], "Mul"),
        ("mixed", ["f2", "mix"], "Conv"),
    ):
        made = helper.make_node(kind, inputs, [f"f{2 if kind == 'Mul' else 3}"], name=name)
        graph.node.insert([n.name for n in graph.node].index("softmax"), made)
    nodes["softmax"].input[0] = "f3"
    assert quantizable(graph) == ["first", "linear"]


def test_a_backbone_may_end_with_them() -> None:
    graph = attention_between_convolutions()
    # Not before a convolution that follows, and itself the last, "end" stays float like "last".
    assert quantizable(graph, ends=PRODUCTS) == ["first", "linear"]
    again = helper.make_node("MatMul", ["m", "q"], ["n"], name="behind")
    graph.node.append(again)
    assert quantizable(graph, ends=PRODUCTS) == ["first", "linear", "end"]
    assert quantizable(graph) == ["first", "linear"]
