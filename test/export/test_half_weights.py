# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A graph with weights in half precision is the graph with rounded weights, in half the room."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch")

from onnx import TensorProto, numpy_helper  # noqa: E402

from test.export.test_detector import HEIGHT, WIDTH, lively_model, unit_text  # noqa: E402
from vit_perception.bundle.bundle import Bundle  # noqa: E402
from vit_perception.compression.quantization.quantize import quantize_bundle  # noqa: E402
from vit_perception.engine.factory import open_session  # noqa: E402
from vit_perception.export.detector import export_bundle  # noqa: E402
from vit_perception.export.graph_files import live_graph  # noqa: E402
from vit_perception.export.half_weights import PRODUCTS, with_half_weights  # noqa: E402
from vit_perception.export.trained import Trained  # noqa: E402
from vit_perception.training.recipe import Recipe  # noqa: E402
from vit_perception.vocabulary import Vocabulary  # noqa: E402

pytestmark = pytest.mark.torch


def outputs(model: bytes) -> Mapping[str, np.ndarray]:
    embeddings = np.random.default_rng(0).normal(size=(5, 256)).astype(np.float32)
    return open_session(model).run(
        {
            "image": np.random.default_rng(1).integers(0, 256, (1, HEIGHT, WIDTH, 3), np.uint8),
            "class_thresholds": np.full(5, 0.001, np.float32),
            "class_embeddings": embeddings,
            "anything_embedding": embeddings[:1],
        }
    )


def rounded(model: bytes) -> bytes:
    """The graph with the weights of its products rounded in their places."""
    graph = onnx.load_from_string(model)
    weights = {n.input[1] for n in graph.graph.node if n.op_type in PRODUCTS}
    for tensor in graph.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.name in weights and values.dtype == np.float32 and values.size >= 1024:
            values = values.astype(np.float16).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return graph.SerializeToString()


def test_it_computes_what_rounded_weights_compute() -> None:
    model = lively_model(prototypes=8)
    whole = live_graph(model, HEIGHT, WIDTH, model.embed(torch.from_numpy(unit_text(4))))
    half = with_half_weights(whole)
    assert len(half) < 0.6 * len(whole)
    expected, found = outputs(rounded(whole)), outputs(half)
    exact = outputs(whole)
    assert any(not np.array_equal(exact[name], found[name]) for name in found)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)


def test_a_weight_beyond_its_range_and_small_ones_stay() -> None:
    model = lively_model()
    whole = live_graph(model, HEIGHT, WIDTH, model.embed(torch.from_numpy(unit_text(4))))
    graph = onnx.load_from_string(whole)
    convolutions = [node.input[1] for node in graph.graph.node if node.op_type == "Conv"]
    for tensor in graph.graph.initializer:
        if tensor.name == convolutions[-1]:
            values = numpy_helper.to_array(tensor).copy()
            values.flat[0] = 7e4
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    half = onnx.load_from_string(with_half_weights(graph.SerializeToString()))
    kinds = {each.name: (each.data_type, each.dims) for each in half.graph.initializer}
    assert kinds[convolutions[-1]][0] == TensorProto.FLOAT
    halved = [np.prod(dims) for kind, dims in kinds.values() if kind == TensorProto.FLOAT16]
    assert halved and min(halved) >= 1024


def test_a_bundle_of_it_runs_and_is_quantized(tmp_path: Path) -> None:
    names = ("red mug", "spoon", "box")
    bundle = export_bundle(
        Trained(lively_model(prototypes=8), Recipe(data=("d",), prototypes=8), 1),
        tmp_path / "half",
        name="half",
        vocabulary=Vocabulary(names, unit_text(3), 0),
        anything=unit_text(1)[0],
        default_names=names,
        size=(HEIGHT, WIDTH),
        half_weights=True,
    )
    assert any(
        each.data_type == TensorProto.FLOAT16
        for each in onnx.load_from_string(bundle.graph()).graph.initializer
    )
    data = Path(__file__).parents[2] / "samples" / "photos"
    made = quantize_bundle(Bundle.load(bundle.directory), tmp_path / "int8", data=data, count=2)
    assert made.graph.quantized > 30
    scores = outputs(made.bundle.graph("int8"))["scores"]
    assert scores.size and np.isfinite(scores).all()
