# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The text encoder's graph in the checkout is the one that the code writes, and a BERT."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch")
# Makes transformers importable beside any build of torch.
pytest.importorskip("vit_perception.models")
transformers = pytest.importorskip("transformers")

from vit_perception.engine.onnxruntime import CPU, OnnxRuntimeSession  # noqa: E402
from vit_perception.export.minilm_graph import minilm_graph  # noqa: E402
from vit_perception.text import minilm  # noqa: E402

pytestmark = pytest.mark.torch


def test_the_graph_in_the_checkout_is_the_one_written() -> None:
    """`python -m vit_perception.export.minilm_graph` writes it anew."""
    assert onnx.load_model_from_string(minilm.GRAPH.read_bytes()) == minilm_graph()


def test_the_graph_holds_no_weights() -> None:
    graph = minilm_graph().graph
    outside = {t.name: tuple(t.dims) for t in graph.initializer if t.external_data}
    inside = [t for t in graph.initializer if not t.external_data]
    assert outside == minilm.tensor_shapes()
    assert sum(np.prod(t.dims, dtype=int) for t in inside) < 20
    assert minilm.GRAPH.stat().st_size < 50_000


@pytest.mark.parametrize("length", [1, 2, 7, 300])
def test_it_computes_what_transformers_do(length: int) -> None:
    """With weights large enough that each part matters."""
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=minilm.VOCABULARY_SIZE,
        hidden_size=minilm.HIDDEN,
        num_hidden_layers=minilm.LAYERS,
        num_attention_heads=minilm.HEADS,
        intermediate_size=minilm.INTERMEDIATE,
        max_position_embeddings=minilm.POSITIONS,
        layer_norm_eps=minilm.NORM_EPSILON,
        initializer_range=0.1,
    )
    model = transformers.BertModel(config, add_pooling_layer=False).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 1:
                torch.nn.init.normal_(parameter, float(name.endswith("LayerNorm.weight")), 0.2)
    tokens = torch.randint(minilm.VOCABULARY_SIZE, (3, length))
    with torch.inference_mode():
        mean = model(tokens).last_hidden_state.mean(1)
        expected = torch.nn.functional.normalize(mean, dim=-1).numpy()
    state = model.state_dict()
    tensors = {name: state[name].numpy() for name in minilm.tensor_shapes()}
    session = OnnxRuntimeSession(minilm.GRAPH.read_bytes(), CPU, 1, initializers=tensors)
    found = session.run({"tokens": tokens.numpy()})["text_embeddings"]
    assert np.abs(found - expected).max() <= 1e-5
