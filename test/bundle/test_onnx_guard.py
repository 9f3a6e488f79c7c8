# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, helper, numpy_helper

from vit_perception.bundle import onnx_guard as onnx_file
from vit_perception.bundle.onnx_guard import OnnxFileError, has_external_data

from ..toy_bundle import toy_adaptor, toy_graph


def outside(name: str = "w") -> TensorProto:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[2])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    return tensor


def field(number: int, content: bytes) -> bytes:
    size, encoded = len(content), b""
    while size >= 0x80:
        encoded += bytes([size & 0x7F | 0x80])
        size >>= 7
    return bytes([number << 3 | 2]) + encoded + bytes([size]) + content


def toy_model() -> ModelProto:
    model = ModelProto()
    model.ParseFromString(toy_graph())
    return model


def test_real_graphs_hold_their_weights() -> None:
    assert not has_external_data(toy_graph())
    assert not has_external_data(toy_adaptor())


def test_an_external_initializer_is_found() -> None:
    model = toy_model()
    model.graph.initializer.append(outside())
    assert has_external_data(model.SerializeToString())


@pytest.mark.parametrize("only", ["location", "entries"])
def test_half_a_declaration_is_enough(only: str) -> None:
    tensor = outside()
    if only == "location":
        del tensor.external_data[:]
    else:
        tensor.ClearField("data_location")
    model = toy_model()
    model.graph.initializer.append(tensor)
    assert has_external_data(model.SerializeToString())


def test_an_external_tensor_in_a_constant_node_is_found() -> None:
    model = toy_model()
    model.graph.node.append(helper.make_node("Constant", [], ["c"], value=outside()))
    assert has_external_data(model.SerializeToString())


def test_external_tensors_in_lists_and_sparse_tensors_are_found() -> None:
    for attribute in ("tensors", "sparse"):
        model = toy_model()
        node = model.graph.node.add(op_type="Custom")
        value = node.attribute.add(name="values")
        if attribute == "tensors":
            value.tensors.append(outside())
        else:
            value.sparse_tensor.values.CopyFrom(outside())
        assert has_external_data(model.SerializeToString())
    model = toy_model()
    model.graph.sparse_initializer.add().indices.CopyFrom(outside())
    assert has_external_data(model.SerializeToString())


def test_an_external_tensor_in_a_branch_of_a_branch_is_found() -> None:
    inner = helper.make_graph([], "inner", [], [], [outside()])
    outer = helper.make_graph(
        [helper.make_node("If", ["b"], ["x"], then_branch=inner)], "outer", [], []
    )
    model = toy_model()
    model.graph.node.append(helper.make_node("Loop", ["n"], ["y"], body=outer))
    assert has_external_data(model.SerializeToString())


def test_an_external_tensor_in_a_function_is_found() -> None:
    model = toy_model()
    constant = helper.make_node("Constant", [], ["c"], value=outside())
    model.functions.add(name="f", domain="d").node.append(constant)
    assert has_external_data(model.SerializeToString())


def test_every_truncation_is_refused_or_harmless() -> None:
    model = toy_graph()
    for end in range(0, len(model), 7):
        with pytest.raises(OnnxFileError) as refusal:
            has_external_data(model[:end])
        assert str(refusal.value).isprintable()


def test_endless_nesting_is_refused() -> None:
    model = b""
    for _ in range(60):
        # graph in attribute (6), in node (5), in graph (1)
        model = field(1, field(5, field(6, model)))
    with pytest.raises(OnnxFileError, match="nested more than 100 deep"):
        has_external_data(field(7, model))


def test_a_field_number_of_more_bits_hides_nothing() -> None:
    """The engine's parser keeps 32 bits of a tag, so that this would be a graph to it alone."""
    graph = toy_model().graph
    graph.initializer.append(outside())
    content = graph.SerializeToString()
    harmless = toy_graph()
    hidden = field(7, content)
    # The tag of field 7 (0x3A) in five bytes, with a bit beyond the 32nd.
    tag = bytes([0x80 | 0x3A, 0x80, 0x80, 0x80, 0x10])
    with pytest.raises(OnnxFileError, match="protobuf tag 4294967354"):
        has_external_data(harmless + tag + hidden[1:])
    with pytest.raises(OnnxFileError, match="protobuf tag 0"):
        has_external_data(harmless + b"\x00")


def test_an_engine_compiled_elsewhere_is_refused() -> None:
    model = toy_model()
    inner = helper.make_graph([helper.make_node("EPContext", [], ["x"])], "inner", [], [])
    model.graph.node.append(helper.make_node("If", ["b"], ["x"], then_branch=inner))
    with pytest.raises(OnnxFileError, match="compiled elsewhere"):
        has_external_data(model.SerializeToString())


def test_endless_fields_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_file, "_MAX_FIELDS", 10_000)
    assert not has_external_data(toy_graph())
    with pytest.raises(OnnxFileError, match="more than 10000 fields"):
        has_external_data(toy_graph() + b"\x08\x08" * 10_000)


def test_weights_are_not_taken_for_messages() -> None:
    bytes_like_a_tag = numpy_helper.from_array(np.full(64, 0x6A, np.uint8), "w")
    model = toy_model()
    model.graph.initializer.append(bytes_like_a_tag)
    assert not has_external_data(model.SerializeToString())


@given(st.binary(max_size=300))
def test_any_bytes_give_an_answer_or_one_line(data: bytes) -> None:
    try:
        has_external_data(data)
    except OnnxFileError as error:
        assert str(error).isprintable()
