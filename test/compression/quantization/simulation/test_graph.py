# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Quantized networks as QDQ graphs in ONNX Runtime."""

from __future__ import annotations

import tempfile
from collections import Counter
from functools import lru_cache

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, numpy_helper

torch = pytest.importorskip("torch")

from test.compression.quantization.tiny import (  # noqa: E402
    of_timm,
    pictures,
    tiny_swin,
    tiny_vit,
)
from vit_perception.compression.quantization.methods.presets import PRESETS  # noqa: E402
from vit_perception.compression.quantization.methods.quantize import quantize  # noqa: E402
from vit_perception.compression.quantization.methods.uniform import UniformPTQ  # noqa: E402
from vit_perception.compression.quantization.simulation.bits import Bits  # noqa: E402
from vit_perception.compression.quantization.simulation.graph import (  # noqa: E402
    NoQDQFormError,
    to_qdq,
)
from vit_perception.compression.quantization.simulation.layers import (  # noqa: E402
    QuantizedConv2d,
    QuantizedLinear,
    layers_of,
)
from vit_perception.compression.quantization.simulation.observers import (  # noqa: E402
    HEAD,
    minmax,
)
from vit_perception.compression.quantization.simulation.quantizers import (  # noqa: E402
    Logarithm,
    TwinUniform,
    Uniform,
    signal_to_noise,
)

pytestmark = pytest.mark.torch

OFF = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
ON = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
SIDES = {"vit": 32, "swin": 32, "mobilevit_xxs": 64}
DEPLOY = PRESETS["deploy-int8"]
FOUR = UniformPTQ(Bits(4, 4, 4, 4, 8, 4), symmetric_weights=False)


def network(name: str) -> torch.nn.Module:
    if name == "mobilevit_xxs":
        return of_timm(name)
    return tiny_vit() if name == "vit" else tiny_swin()


@lru_cache
def exported(name: str, config: UniformPTQ) -> tuple[torch.nn.Module, bytes]:
    """Returns a quantized network and its graph, which take seconds."""
    model = quantize(network(name), config, pictures(4, SIDES[name]))
    return model, to_qdq(model, pictures(1, SIDES[name]))


def session(
    graph: bytes, level: onnxruntime.GraphOptimizationLevel, written: str = ""
) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    options.optimized_model_filepath = written
    return onnxruntime.InferenceSession(graph, options)


def kernels(graph: bytes) -> Counter[str]:
    """Returns how often the CPU provider runs each kind of node of the optimized graph."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/optimized.onnx"
        session(graph, ON, path)
        return Counter(node.op_type for node in onnx.load(path).graph.node)


def run(
    graph: bytes, images: torch.Tensor, level: onnxruntime.GraphOptimizationLevel = OFF
) -> torch.Tensor:
    return torch.from_numpy(session(graph, level).run(None, {"image": images.numpy()})[0])


def codes_in_graph(graph: bytes, images: torch.Tensor) -> dict[str, np.ndarray]:
    """Returns the codes of each QuantizeLinear by the name of its quantizer in torch."""
    model = onnx.load_from_string(graph)
    nodes = [node for node in model.graph.node if node.op_type == "QuantizeLinear"]
    zeros = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    for node in nodes:
        value = onnx.helper.make_tensor_value_info(node.output[0], zeros[node.input[2]], None)
        model.graph.output.append(value)
    found = session(model.SerializeToString(), OFF).run(
        [node.output[0] for node in nodes], {"image": images.numpy()}
    )
    return {path_of(node.name): codes for node, codes in zip(nodes, found, strict=True)}


def path_of(node: str) -> str:
    """Returns the quantizer in torch of a node /blocks/blocks.0/attn/qkv/input/QuantizeLinear."""
    parts: list[str] = []
    for part in node.split("/")[1:-1]:
        if parts and part.startswith(parts[-1] + "."):
            parts.pop()
        parts.append(part)
    return ".".join(parts) + "_quantizer"


def codes_in_torch(model: torch.nn.Module, images: torch.Tensor) -> dict[str, torch.Tensor]:
    codes: dict[str, torch.Tensor] = {}
    handles = []
    for layer in layers_of(model):
        for name in (*layer.OPERANDS, "output_quantizer"):
            quantizer = getattr(layer, name)
            if quantizer is None:
                continue
            path = f"{layer.place.name}.{name}"

            def keep(
                each: Uniform, args: tuple[torch.Tensor], out: object, path: str = path
            ) -> None:
                codes[path] = each.codes(args[0]) + (128 if each.signed else 0)

            handles.append(quantizer.register_forward_hook(keep))
    with torch.no_grad():
        model(images)
    for handle in handles:
        handle.remove()
    return codes


@pytest.mark.parametrize("name", ["vit", "swin"])
@pytest.mark.parametrize("bits", [8, 4])
def test_codes_of_every_layer_are_those_of_torch(name: str, bits: int) -> None:
    model, graph = exported(name, DEPLOY if bits == 8 else FOUR)
    images = pictures(3, SIDES[name], seed=1)  # a batch of another size than that of the export
    wanted, found = codes_in_torch(model, images), codes_in_graph(graph, images)
    assert found.keys() == wanted.keys()
    for path, codes in found.items():
        difference = np.abs(codes.astype(int).ravel() - wanted[path].numpy().astype(int).ravel())
        assert difference.max() <= 1, path
        # Round-off moves few values between codes, and those move few behind them.
        assert (difference > 0).mean() < 0.02, path
    with torch.no_grad():
        assert signal_to_noise(model(images), run(graph, images)) > 40


@pytest.mark.parametrize("name", SIDES)
def test_fused_kernels_compute_every_product_and_lose_nothing(name: str) -> None:
    model = network(name)
    quantized, graph = exported(name, DEPLOY)
    images = pictures(4, SIDES[name], seed=1)
    with torch.no_grad():
        wanted = model(images)
    off, on = (signal_to_noise(wanted, run(graph, images, level)) for level in (OFF, ON))
    assert abs(off - on) < 1
    assert off > 25
    with torch.no_grad():
        # Over the 90 layers of MobileViT, codes that round-off moves add up.
        assert signal_to_noise(quantized(images), run(graph, images)) > off + 10
    kinds = kernels(graph)
    layers = layers_of(quantized)
    convolutions = sum(isinstance(layer, QuantizedConv2d) for layer in layers)
    products = kinds["MatMulIntegerToFloat"] + kinds["QLinearMatMul"] + kinds["QGemm"]
    assert products == len(layers) - convolutions
    assert kinds["QLinearConv"] == convolutions
    assert not kinds.keys() & {"Gemm", "FusedGemm", "MatMul", "FusedMatMul", "Conv", "FusedConv"}


def test_a_bias_of_one_dimension_would_be_a_float_gemm() -> None:
    """Why the bias has three: this is the failure that the count above must catch."""
    kept, flat = (onnx.load_from_string(exported("vit", DEPLOY)[1]) for _ in range(2))
    for model in (kept, flat):
        for value in (model.graph.input[0], model.graph.output[0]):
            value.type.tensor_type.shape.dim[0].dim_value = 2
    for tensor in flat.graph.initializer:
        if tensor.name.endswith(".bias") and len(tensor.dims) == 3:
            del tensor.dims[:2]
    found = [kernels(model.SerializeToString()) for model in (kept, flat)]
    assert [kinds["Gemm"] for kinds in found] == [0, 9]
    assert [kinds["MatMulIntegerToFloat"] for kinds in found] == [11, 2]


def weight_types(graph: bytes) -> set[int]:
    model = onnx.load_from_string(graph)
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    return {
        tensors[node.input[0]].data_type
        for node in model.graph.node
        if node.op_type == "DequantizeLinear" and node.input[0] in tensors
    }


def test_types_are_as_told_and_values_the_same() -> None:
    config = UniformPTQ(symmetric_inputs=True, fixed_softmax=False, conv_outputs=True)
    model = quantize(tiny_vit(), config, pictures(4))
    images = pictures(2, seed=1)
    unsigned, signed = (
        to_qdq(model, pictures(1), weights=kind, activations=kind) for kind in ("uint8", "int8")
    )
    torch.testing.assert_close(run(unsigned, images), run(signed, images), rtol=0, atol=0)
    assert weight_types(unsigned) == {TensorProto.UINT8}
    assert weight_types(signed) == {TensorProto.INT8}
    graph = onnx.load_from_string(signed).graph
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    zeros = [tensors[n.input[2]] for n in graph.node if n.op_type == "QuantizeLinear"]
    assert len(zeros) == 14 + 4 + 1  # operands, second ones of products, the convolution's result
    assert all(zero.dtype == np.int8 and zero == 0 for zero in zeros)


def test_quantizers_without_a_form_are_told_by_name() -> None:
    model = quantize(tiny_vit(), DEPLOY, pictures(4))
    layers = {layer.place.name: layer for layer in layers_of(model)}
    context, fc2 = layers["blocks.0.attn.context"], layers["blocks.1.mlp.fc2"]
    cases = [
        (context, "left_quantizer", Logarithm(4)),
        (fc2, "input_quantizer", TwinUniform(4, torch.tensor(0.1))),
        (
            context,
            "right_quantizer",
            Uniform.from_range(*minmax(torch.randn(1, 3, 4, 4), HEAD), 8),
        ),
        (fc2, "input_quantizer", Uniform(16, torch.tensor(0.1))),
        (fc2, "weight_quantizer", Logarithm(4)),
    ]
    for layer, name, quantizer in cases:
        before = getattr(layer, name)
        setattr(layer, name, quantizer)
        kind = type(quantizer).__name__
        wanted = f"{layer.place.name}.{name}: expected a uniform .* found {kind}"
        with pytest.raises(NoQDQFormError, match=wanted):
            to_qdq(model, pictures(1))
        setattr(layer, name, before)
    to_qdq(model, pictures(1))


def test_a_weight_may_have_one_scale() -> None:
    images = pictures(2)
    model = quantize(network("vit"), DEPLOY, images)
    for layer in layers_of(model):
        if isinstance(layer, QuantizedLinear):
            layer.weight_quantizer = Uniform.from_range(*minmax(layer.weight), 8, symmetric=True)
            assert layer.weight_quantizer.scale.shape == ()
    with torch.no_grad():
        assert signal_to_noise(model(images), run(to_qdq(model, images), images)) > 40


def test_substitutes_have_eight_bits_and_are_better() -> None:
    images = pictures(4, seed=1)
    network = tiny_vit()
    model = quantize(network, UniformPTQ(), pictures(4))
    layers = {layer.place.name: layer for layer in layers_of(model)}
    layers["blocks.0.attn.context"].left_quantizer = Logarithm(4, 1)
    layers["blocks.1.mlp.fc2"].input_quantizer = TwinUniform(3, torch.tensor(0.2))
    layers["head"].weight_quantizer = Logarithm(4)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    graph = to_qdq(model, pictures(4), substitute=True)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    with torch.no_grad():
        wanted = network(images)
        assert signal_to_noise(wanted, run(graph, images)) > 25
        assert signal_to_noise(wanted, model(images)) < 15
    tensors = {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in onnx.load_from_string(graph).graph.initializer
    }
    assert tensors["blocks.0.attn.context.left.scale"] == np.float32(1 / 255)
    assert tensors["blocks.0.attn.context.left.zero_point"] == 0


def test_added_vectors_and_corrections_are_in_the_graph() -> None:
    model = quantize(tiny_vit(), DEPLOY, pictures(4))
    images = pictures(2, seed=1)
    with torch.no_grad():
        before = model(images)
        for layer in layers_of(model):
            if isinstance(layer, QuantizedLinear):
                width = layer.inner.in_features
                layer.added = torch.linspace(-0.2, 0.3, width)
                layer.correction = -layer.quantized_weight() @ layer.added
        wanted = model(images)
    assert not torch.equal(before, wanted)
    assert signal_to_noise(wanted, run(to_qdq(model, pictures(1)), images)) > 50


def test_layers_that_are_switched_to_float_stay_float() -> None:
    model = quantize(tiny_vit(), DEPLOY, pictures(4))
    for layer in layers_of(model):
        layer.quantized = layer.place.role == "fc1"
    graph = to_qdq(model, pictures(1))
    kinds = Counter(node.op_type for node in onnx.load_from_string(graph).graph.node)
    assert kinds["QuantizeLinear"] == 2
    images = pictures(2, seed=1)
    with torch.no_grad():
        assert signal_to_noise(model(images), run(graph, images)) > 50
