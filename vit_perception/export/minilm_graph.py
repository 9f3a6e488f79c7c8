# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Builds the graph of the text encoder MiniLM, without its weights.

Run as a program, it writes the graph to `vit_perception.text.minilm.GRAPH`, where robots read it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from vit_perception.text.minilm import (
    GRAPH,
    HEADS,
    HIDDEN,
    LAYERS,
    NORM_EPSILON,
    tensor_shapes,
)

OPSET, IR_VERSION = 20, 9
"""The first operator set with Gelu; ONNX Runtime 1.17 reads it."""


def minilm_graph() -> ModelProto:
    """Returns the graph: tokens int64 [N, L] to text_embeddings float32 [N, HIDDEN], unit length.

    N and L are free. Texts of a batch have equal length and no padding, so there is no mask. The
    weights are initializers with external data, named as in the checkpoint.
    """
    builder = _Builder()
    hidden = builder.embedded()
    for index in range(LAYERS):
        hidden = builder.layer(hidden, f"encoder.layer.{index}")
    builder.pooled(hidden)
    float32, int64 = TensorProto.FLOAT, TensorProto.INT64
    graph = helper.make_graph(
        builder.nodes,
        "minilm",
        [helper.make_tensor_value_info("tokens", int64, ["N", "L"])],
        [helper.make_tensor_value_info("text_embeddings", float32, ["N", HIDDEN])],
        [*map(_external, *zip(*tensor_shapes().items(), strict=True)), *builder.constants],
    )
    opsets = [helper.make_opsetid("", OPSET)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)


def _external(name: str, shape: tuple[int, ...]) -> TensorProto:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape)
    tensor.data_location = TensorProto.EXTERNAL
    # This file is never opened: sessions get the tensor by name.
    tensor.external_data.add(key="location", value="model.safetensors")
    return tensor


class _Builder:
    """Nodes and constants; tensors are [N * L, HIDDEN] except within attention."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []
        self.constant("zero", [0])
        self.constant("one", [1])
        self.constant("flat", [-1, HIDDEN])
        self.constant("scale", np.float32((HIDDEN // HEADS) ** -0.5))
        self.op("Shape", ["tokens"], "shape")
        sizes = self.constant("head_sizes", [HEADS, HIDDEN // HEADS])
        self.op("Concat", ["shape", sizes], "heads", axis=0)

    def op(self, operator: str, inputs: list[str], name: str = "", **attributes: Any) -> str:
        """Adds a node and returns the name of its output."""
        name = name or f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], name, **attributes))
        return name

    def constant(self, name: str, value: ArrayLike) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def embedded(self) -> str:
        """Returns words, positions and the type-0 embedding, added and normalised."""
        words = self.op("Gather", ["embeddings.word_embeddings.weight", "tokens"])
        table, length = (
            "embeddings.position_embeddings.weight",
            self.op("Gather", ["shape", "one"]),
        )
        positions = self.op("Slice", [table, "zero", length, "zero"])
        kind = self.op("Gather", ["embeddings.token_type_embeddings.weight", "zero"])
        added = self.op("Add", [words, self.op("Add", [positions, kind])])
        return self.norm(self.op("Reshape", [added, "flat"]), "embeddings.LayerNorm")

    def pooled(self, x: str) -> None:
        """Adds the mean over tokens, at unit length, as the graph's output."""
        shape = self.op("Concat", ["shape", self.constant("hidden", [HIDDEN])], axis=0)
        mean = self.op("ReduceMean", [self.op("Reshape", [x, shape]), "one"], keepdims=0)
        self.op("LpNormalization", [mean], "text_embeddings", axis=1, p=2)

    def layer(self, x: str, prefix: str) -> str:
        mixed = self.linear(self.attention(x, prefix), f"{prefix}.attention.output.dense")
        x = self.norm(self.op("Add", [mixed, x]), f"{prefix}.attention.output.LayerNorm")
        wide = self.op("Gelu", [self.linear(x, f"{prefix}.intermediate.dense")])
        narrow = self.linear(wide, f"{prefix}.output.dense")
        return self.norm(self.op("Add", [narrow, x]), f"{prefix}.output.LayerNorm")

    def attention(self, x: str, prefix: str) -> str:
        query, key, value = (
            self.split(self.linear(x, f"{prefix}.attention.self.{part}"), order)
            for part, order in (
                ("query", [0, 2, 1, 3]),
                ("key", [0, 2, 3, 1]),
                ("value", [0, 2, 1, 3]),
            )
        )
        scores = self.op("Mul", [self.op("MatMul", [query, key]), "scale"])
        mixed = self.op("MatMul", [self.op("Softmax", [scores], axis=-1), value])
        return self.op("Reshape", [self.op("Transpose", [mixed], perm=[0, 2, 1, 3]), "flat"])

    def split(self, x: str, order: list[int]) -> str:
        """Returns [N, L, heads, width of a head] with its axes in another order."""
        return self.op("Transpose", [self.op("Reshape", [x, "heads"])], perm=order)

    def linear(self, x: str, name: str) -> str:
        return self.op("Gemm", [x, f"{name}.weight", f"{name}.bias"], transB=1)

    def norm(self, x: str, name: str) -> str:
        inputs = [x, f"{name}.weight", f"{name}.bias"]
        return self.op("LayerNormalization", inputs, epsilon=NORM_EPSILON)


if __name__ == "__main__":
    GRAPH.write_bytes(minilm_graph().SerializeToString())
