# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Networks with clipped softmax or gated heads wrap like others."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import onnx
import onnxruntime
import pytest

torch = pytest.importorskip("torch")

from test.compression.quantization.tiny import pictures, tiny_vit  # noqa: E402
from vit_perception.compression.quantization.methods.quantize import quantize  # noqa: E402
from vit_perception.compression.quantization.methods.uniform import UniformPTQ  # noqa: E402
from vit_perception.compression.quantization.simulation.graph import to_qdq  # noqa: E402
from vit_perception.compression.quantization.simulation.layers import layers_of  # noqa: E402
from vit_perception.compression.quantization.simulation.quantizers import (  # noqa: E402
    signal_to_noise,
)
from vit_perception.compression.quantization.simulation.wrapped import wrap  # noqa: E402
from vit_perception.models.head_gates import Gates  # noqa: E402
from vit_perception.models.quantizable_attention import (  # noqa: E402
    Clip,
    Quantizable,
    make_quantizable,
)

pytestmark = pytest.mark.torch

OPTIONS = {
    "clipped": Quantizable(clip=Clip()),
    "linear": Quantizable(gates=Gates("linear")),
    "mlp": Quantizable(gates=Gates("mlp")),
    "all_heads": Quantizable(gates=Gates("all_heads", start=0.5, fine_tuning=True)),
    "embed_norm": Quantizable(embed_norm=True),
}


def network(name: str) -> torch.nn.Module:
    model = tiny_vit()
    torch.manual_seed(0)
    make_quantizable(model, OPTIONS[name])
    return model.eval()


@pytest.mark.parametrize("name", OPTIONS)
def test_float_results_stay_and_products_are_layers(name: str) -> None:
    model = network(name)
    wrapped = wrap(model, pictures(1))
    with torch.no_grad():
        wanted = model(pictures(2))
        atol = 1e-5 * float(wanted.abs().max())
        torch.testing.assert_close(wrapped(pictures(2)), wanted, rtol=1e-5, atol=atol)
    roles = [layer.place.role for layer in layers_of(wrapped)]
    assert (roles.count("scores"), roles.count("context")) == (2, 2)
    assert roles.count("linear") == {"linear": 2, "mlp": 4, "all_heads": 2}.get(name, 0)


def test_the_clipped_softmax_counts_as_one() -> None:
    found = quantize(network("clipped"), UniformPTQ(), pictures(4))
    contexts = [layer for layer in layers_of(found) if layer.place.role == "context"]
    for each in contexts:
        assert each.place.sources[0].kind == "softmax"
        assert each.place.sources[0].module.endswith("attn.softmax")
        assert float(each.left_quantizer.scale) == pytest.approx(1 / 255)


@pytest.mark.parametrize("name", OPTIONS)
def test_eight_bits_are_near_float(name: str) -> None:
    model = network(name)
    found = quantize(model, UniformPTQ(), pictures(16))
    with torch.no_grad():
        assert signal_to_noise(model(pictures(8, seed=1)), found(pictures(8, seed=1))) > 20


@pytest.mark.parametrize("name", ["clipped", "linear"])
def test_the_graph_computes_in_integers(name: str, tmp_path: Path) -> None:
    model = quantize(network(name), UniformPTQ(), pictures(4))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    session = onnxruntime.InferenceSession(to_qdq(model, pictures(1)), options)
    image = pictures(1, seed=1)
    found = session.run(None, {session.get_inputs()[0].name: image.numpy()})[0]
    with torch.no_grad():
        assert signal_to_noise(model(image), torch.from_numpy(found)) > 25
    kinds = Counter(node.op_type for node in onnx.load(tmp_path / "optimized.onnx").graph.node)
    # Both products of both blocks. A clipped softmax stays float; codes clip in place of Clip.
    assert kinds["QLinearMatMul"] + kinds["MatMulIntegerToFloat"] >= 4
    if name == "clipped":
        assert (kinds["Softmax"], kinds["Clip"], kinds["QLinearSoftmax"]) == (2, 0, 0)
