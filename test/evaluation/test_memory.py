# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Memory of a graph, as another process finds it."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from vit_perception.engine.factory import open_session
from vit_perception.evaluation.memory import FootprintError, example_inputs, session_memory


def product(rows: int, columns: int) -> bytes:
    """A graph with a matrix of weights, and pictures and names beside it."""
    weight = np.random.default_rng(0).normal(size=(rows, columns)).astype(np.float32)
    floats = TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "product",
        [helper.make_tensor_value_info("x", floats, ["n", rows])],
        [helper.make_tensor_value_info("y", floats, ["n", columns])],
        [numpy_helper.from_array(weight, "w")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return made.SerializeToString()


def test_weights_are_in_it() -> None:
    small, large = (session_memory(product(1024, side), threads=1) for side in (8, 16 * 1024))
    # 64 MiB more of weights; how often an engine copies them is its own affair.
    assert large - small >= 60 * 2**20


def test_inputs_of_free_axes() -> None:
    inputs = example_inputs(open_session(product(16, 4)), classes=7)
    assert {name: value.shape for name, value in inputs.items()} == {"x": (7, 16)}
    assert inputs["x"].dtype == np.float32


def test_what_does_not_run_is_told_in_one_line() -> None:
    with pytest.raises(FootprintError, match="memory: expected a graph that runs, found ") as told:
        session_memory(b"no graph")
    assert "\n" not in str(told.value)
