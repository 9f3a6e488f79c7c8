# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Half precision: what it changes, and that little else changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.paths import find_bundle
from vit_perception.bundle.samples import sample_bag
from vit_perception.compression.gate.frames import read_frames
from vit_perception.compression.gate.gate import GateSettings
from vit_perception.compression.gate.gated import gated_bundle
from vit_perception.compression.gate.judge import Judge
from vit_perception.compression.quantization.float_graph import QuantizationError
from vit_perception.compression.quantization.half import Halved
from vit_perception.compression.quantization.method_names import FP16
from vit_perception.perceiver.perceiver import Perceiver

from .deep_toy import deep_toy_graph, write_squares


@pytest.fixture(scope="module")
def nano() -> Bundle:
    return Bundle.load(find_bundle("tabletop_nano"))


def test_products_before_the_last_ones_are_halved_and_nothing_else(nano: Bundle) -> None:
    model = onnx.load_from_string(Halved(nano.graph()).graph().model)
    weights = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    kinds = [weights[node.input[1]] for node in model.graph.node if node.op_type == "Conv"]
    assert kinds.count(TensorProto.FLOAT16) == 60
    # Inputs and outputs are those of the contract.
    whole = onnx.load_from_string(nano.graph())
    for found, wanted in (
        (model.graph.input, whole.graph.input),
        (model.graph.output, whole.graph.output),
    ):
        kinds_of = [
            [(v.name, v.type.tensor_type.elem_type) for v in values] for values in (found, wanted)
        ]
        assert kinds_of[0] == kinds_of[1]
    # A cast where values enter, and one for each of the maps that float nodes read.
    assert [n.op_type for n in model.graph.node].count("Cast") <= 10
    assert (
        len(nano.graph()) * 0.5
        < len(Halved(nano.graph()).graph().model)
        < len(nano.graph()) * 0.56
    )


def test_it_finds_what_the_float_graph_finds(nano: Bundle) -> None:
    judge = Judge(nano, read_frames(sample_bag(), 6, nano), threads=1)
    halved = Halved(nano.graph())
    assert judge.figures(halved.graph().model)["AP"] == pytest.approx(
        judge.reference["AP"], abs=5e-3
    )
    # As many layers as are wanted stay in float.
    some = onnx.load_from_string(halved.graph(halved.layers[1:]).model)
    halves = [t.name for t in some.graph.initializer if t.data_type == TensorProto.FLOAT16]
    assert len(halves) == 2  # weights and biases of one convolution


def test_equal_graphs_make_equal_bytes_and_the_float_one_stays(nano: Bundle) -> None:
    halved = Halved(nano.graph())
    first = halved.graph().model
    halved.graph(halved.layers[:5])
    assert halved.graph().model == first


def test_a_graph_without_convolutions_is_refused() -> None:
    x = onnx.helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3])
    y = onnx.helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Relu", ["image"], ["y"])], "g", [x], [y]
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)])
    with pytest.raises(QuantizationError, match="expected convolutions .* found none in 1 nodes"):
        Halved(model.SerializeToString())


def test_it_passes_the_gate_and_runs_by_its_precision(tmp_path: Path) -> None:
    from test.toy_bundle import write_toy_bundle

    write_toy_bundle(tmp_path / "toy", graphs={"fp32": deep_toy_graph("relu")})
    made = gated_bundle(
        Bundle.load(tmp_path / "toy"),
        tmp_path / "out",
        tmp_path / "report",
        calibration=write_squares(tmp_path / "data", 3),
        method=FP16,
        precision=FP16,
        settings=GateSettings(),
    )
    assert made.bundle.quality[FP16].passed and made.checked.mended.floats == ()
    assert "half precision: " in (made.bundle.directory / "MODEL_CARD.md").read_text()
    scene = np.zeros((48, 64, 3), np.uint8)
    one, other = (Perceiver(made.bundle, precision=each) for each in ("fp32", FP16))
    assert len(one(scene)) == len(other(scene))
