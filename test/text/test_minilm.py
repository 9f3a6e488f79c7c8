# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The graph of MiniLM and weights that do not fit it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vit_perception.engine.onnxruntime import CPU, OnnxRuntimeSession
from vit_perception.engine.session import SessionError
from vit_perception.text import minilm


def some_tensors() -> dict[str, np.ndarray]:
    values = np.random.default_rng(0).normal(0, 0.05, 1_000_003).astype(np.float32)
    return {name: np.resize(values, shape) for name, shape in minilm.tensor_shapes().items()}


@pytest.fixture(scope="module")
def session() -> OnnxRuntimeSession:
    return OnnxRuntimeSession(minilm.GRAPH.read_bytes(), CPU, 1, initializers=some_tensors())


def test_the_weights_are_copied(session):
    tokens = np.arange(8).reshape(2, 4)
    again, tensors = session.run({"tokens": tokens})["text_embeddings"], some_tensors()
    other = OnnxRuntimeSession(minilm.GRAPH.read_bytes(), CPU, 1, initializers=tensors)
    for tensor in tensors.values():
        tensor[...] = np.nan
    assert np.array_equal(other.run({"tokens": tokens})["text_embeddings"], again)


def test_a_text_does_not_depend_on_those_beside_it(session):
    tokens = np.random.default_rng(2).integers(0, minilm.VOCABULARY_SIZE, (3, 9))
    together = session.run({"tokens": tokens})["text_embeddings"]
    assert together.shape == (3, minilm.HIDDEN)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)
    for index in range(3):
        alone = session.run({"tokens": tokens[index : index + 1]})["text_embeddings"]
        assert np.abs(alone[0] - together[index]).max() <= 1e-6


@pytest.mark.parametrize("length", [1, minilm.POSITIONS])
def test_any_length_up_to_the_last_position(session, length):
    tokens = np.ones((1, length), np.int64)
    assert session.run({"tokens": tokens})["text_embeddings"].shape == (1, minilm.HIDDEN)


@pytest.mark.parametrize("change", ["absent", "unknown", "shape", "type"])
def test_weights_that_do_not_fit_are_refused_in_one_line(change):
    tensors, name = some_tensors(), "encoder.layer.0.output.dense.bias"
    if change == "absent":
        del tensors[name]
    elif change == "unknown":
        tensors["pooler.dense.bias"] = tensors[name]
    elif change == "shape":
        tensors[name] = np.zeros(383, np.float32)
    else:
        tensors[name] = tensors[name].astype(np.float64)
    with pytest.raises(SessionError, match="expected an ONNX graph") as caught:
        OnnxRuntimeSession(minilm.GRAPH.read_bytes(), CPU, 1, initializers=tensors)
    assert str(caught.value).isprintable()


def test_the_graph_is_installed_with_the_package():
    setup = (Path(minilm.__file__).parents[2] / "setup.py").read_text(encoding="utf-8")
    assert f'"text/{minilm.GRAPH.name}"' in setup
