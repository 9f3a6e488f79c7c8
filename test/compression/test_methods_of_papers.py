# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Graphs made of what methods find in torch: their ranges, rounded weights and biases."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import NodeProto, numpy_helper

torch = pytest.importorskip("torch")

from vit_perception.compression.gate.maker import maker  # noqa: E402
from vit_perception.compression.quantization import calibration  # noqa: E402
from vit_perception.compression.quantization.float_graph import (  # noqa: E402
    QuantizationError,
    simplified,
)
from vit_perception.compression.quantization.layer_codes import (  # noqa: E402
    LayerCodes,
    placed,
    with_codes,
)
from vit_perception.compression.quantization.method_names import (  # noqa: E402
    METHODS,
    PAPERS,
    RANGES,
    SIMULATED,
    checked_method,
)
from vit_perception.compression.quantization.methods.graphs import (  # noqa: E402
    CONFIGS,
    GraphSource,
    found_by,
)
from vit_perception.compression.quantization.qdq import Calibrated  # noqa: E402
from vit_perception.compression.quantization.selection import PRODUCTS, keeps_codes  # noqa: E402
from vit_perception.engine.factory import open_session  # noqa: E402
from vit_perception.export.asked import Asked  # noqa: E402
from vit_perception.export.graph import DetectorGraph  # noqa: E402
from vit_perception.export.onnx_graph import to_onnx  # noqa: E402
from vit_perception.models.detectors.dosod import dosod_nano  # noqa: E402
from vit_perception.models.detectors.factory import create_detector  # noqa: E402

from ..models.backbones.randomised import randomise  # noqa: E402
from ..toy_bundle import HEIGHT, WIDTH, write_toy_bundle  # noqa: E402
from .deep_toy import deep_toy_graph  # noqa: E402

pytestmark = pytest.mark.torch

SIDE = 64
"""Of pictures, px."""
HYBRID = "tiny_vit_5m_224_dense"
"""Convolutions, and blocks of LayerNorm and linear layers."""


def unit_text(count: int, dimension: int) -> np.ndarray:
    text = np.random.default_rng(1).normal(size=(count, dimension)).astype(np.float32)
    return text / np.linalg.norm(text, axis=1, keepdims=True)


def pictures(count: int, seed: int = 0) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (count, 1, 8, 8, 3), np.uint8)
    return list(coarse.repeat(SIDE // 8, 2).repeat(SIDE // 8, 3))


@cache
def source(backbone: str = "") -> GraphSource:
    """The nano detector with random weights, or a detector on a backbone of the shelf."""
    torch.manual_seed(0)
    if backbone:
        model = create_detector("dosod", backbone=backbone, size=(SIDE, SIDE), prototypes=8)
    else:
        model = dosod_nano(activation="relu", prototypes=8)
    model = randomise(model).requires_grad_(False)
    embeddings = model.embed(torch.from_numpy(unit_text(4, model.text_dimension)))
    return GraphSource(Asked(DetectorGraph(model, SIDE, SIDE), embeddings).eval(), Asked.written)


@cache
def found(method: str, backbone: str = "") -> tuple[bytes, list[LayerCodes], Calibrated]:
    """The float graph of a method, its codes, and what takes them."""
    graph, codes = found_by(source(backbone), pictures(2), method)
    return graph, codes, Calibrated(graph, pictures(2), codes=codes)


def run(graph: bytes, asked: Any, image: np.ndarray) -> dict[str, np.ndarray]:
    embeddings = asked.embeddings.numpy()
    return open_session(graph).run({
        "image": image,
        "class_thresholds": asked.thresholds.numpy(),
        "class_embeddings": embeddings,
        "anything_embedding": embeddings[:1],
    })  # fmt: skip


class Codes:
    """The products of a graph that compute in eight bits, and what they read."""

    def __init__(self, model: bytes) -> None:
        graph = onnx.load_from_string(model).graph
        self.nodes = {node.name: node for node in graph.node}
        self.constants = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
        self.made_by = {tensor: node for node in graph.node for tensor in node.output}
        self.read_by = {tensor: node for node in graph.node for tensor in node.input}
        self.products = {
            node.name: node
            for node in graph.node
            if node.op_type in PRODUCTS and self.dequantized(node.input[1]) is not None
        }

    def dequantized(self, tensor: str) -> np.ndarray | None:
        """Values of a constant that is stored as codes."""
        node = self.made_by.get(tensor)
        if node is None or node.op_type != "DequantizeLinear":
            return None
        codes, scale, zero = (self.constants.get(each) for each in node.input)
        if codes is None or scale is None or zero is None:
            return None
        axis = next((each.i for each in node.attribute if each.name == "axis"), 1)
        shape = [1] * codes.ndim
        if scale.ndim and codes.ndim:
            shape[axis] = -1
            scale = scale.reshape(shape)
        return (codes.astype(np.float32) - zero.astype(np.float32).reshape(scale.shape)) * scale

    def range_of(self, tensor: str) -> tuple[float, float]:
        """Range of an activation's codes."""
        node = self.made_by[tensor]
        scale, zero = (float(self.constants[each]) for each in node.input[1:])
        return -zero * scale, (255 - zero) * scale

    def source(self, tensor: str) -> str:
        """What an activation's codes were first computed for: pools and the like keep them."""
        at = tensor
        for _ in range(3):  # DequantizeLinear, QuantizeLinear, what wrote it
            before = self.made_by.get(at)
            if before is None:
                return tensor
            at = before.input[0]
        return self.source(at) if keeps_codes(before) else tensor

    def bias(self, node: NodeProto) -> np.ndarray | None:
        """Bias of a product, also where it is the summand behind it."""
        if len(node.input) > 2:
            return self.dequantized(node.input[2])
        after = self.read_by.get(node.output[0])
        while after is not None and after.op_type in ("QuantizeLinear", "DequantizeLinear"):
            after = self.read_by.get(after.output[0])
        if after is None or after.op_type != "Add":
            return None
        sums = [self.constants.get(each) for each in after.input]
        sums += [self.dequantized(each) for each in after.input]
        return next((each for each in sums if each is not None), None)


# Names


def test_every_method_has_one_name() -> None:
    assert set(CONFIGS) == set(PAPERS)
    assert set(calibration.METHODS) == set(RANGES)
    assert len({*METHODS, *SIMULATED}) == len(METHODS) + len(SIMULATED)
    assert [checked_method(name) for name in METHODS] == list(METHODS)


@pytest.mark.parametrize("name", SIMULATED)
def test_what_only_simulates_says_why(name: str) -> None:
    with pytest.raises(ValueError, match=f"found {name}, which {SIMULATED[name]}"):
        checked_method(name)


# What becomes of codes


@pytest.mark.parametrize("method", PAPERS)
def test_the_float_graph_finds_the_same(method: str) -> None:
    here = source()
    for image in pictures(2, seed=1):
        wanted, got = (
            run(graph, here.network, image)
            for graph in (here.write(here.network), found(method)[0])
        )
        for name, values in wanted.items():
            np.testing.assert_allclose(got[name], values, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("method", PAPERS)
def test_nodes_have_the_codes_of_their_layers(method: str) -> None:
    _, codes, made = found(method)
    seen, plain = Codes(made.graph().model), Codes(simplified(made.model).SerializeToString())
    assert len(seen.products) == made.found == len(made.layers) == len(codes) - 1  # prototypes
    readers: dict[str, list[LayerCodes]] = {}
    for name, node in seen.products.items():
        own = made._codes[name]
        weight = seen.dequantized(node.input[1])
        stored = seen.constants[seen.made_by[node.input[1]].input[0]]
        assert weight is not None and np.abs(stored.astype(int)).max() <= 64
        if own.rounded is not None:
            np.testing.assert_allclose(weight, own.rounded, rtol=1e-4, atol=1e-6)
        if own.correction is not None:
            bias = seen.bias(node)
            wanted = plain.constants[plain.nodes[name].input[2]] + own.correction
            assert bias is not None
            np.testing.assert_allclose(bias, wanted, atol=np.abs(wanted).max() / 100)
        readers.setdefault(seen.source(node.input[0]), []).append(own)
    assert any(own.correction is not None for own in made._codes.values()) == (
        method in ("output-error", "q-hyvit")
    )
    for tensor, layers in readers.items():
        if seen.made_by[tensor].input[0] == "image":
            assert seen.range_of(tensor) == (0, 255)
            continue
        lows = [each.low for each in layers if each.low is not None]
        highs = [each.high for each in layers if each.high is not None]
        low, high = seen.range_of(tensor)
        assert high == pytest.approx(max(highs), rel=0.02)
        assert low == pytest.approx(min(lows), abs=0.02 * high) or low == 0 > min(lows)


def test_layers_that_stay_float_keep_weight_and_bias() -> None:
    graph, _, made = found("output-error")
    floats = made.layers[::2]
    kept = Codes(made.graph(floats).model)
    assert not set(floats) & set(kept.products)
    assert set(kept.products) == set(made.layers) - set(floats)
    plain = {node.name: node for node in onnx.load_from_string(made.model).graph.node}
    values = Codes(made.model).constants
    left = onnx.load_from_string(made.graph(floats).model).graph.node
    for node in left:
        if node.name in floats:
            for place in (1, 2):
                before = values[plain[node.name].input[place]]
                np.testing.assert_array_equal(kept.constants[node.input[place]], before)


@pytest.mark.parametrize(
    "method",
    ["mse", *(pytest.param(each, marks=pytest.mark.slow) for each in ("repq", "q-hyvit"))],
)
def test_networks_with_attention_get_codes_too(method: str) -> None:
    graph, _, made = found(method, HYBRID)
    quantized = made.graph().model
    seen = Codes(quantized)
    linear = [node for node in seen.products.values() if node.op_type != "Conv"]
    assert linear and made.found == len(made.layers) == len(seen.products)
    for node in linear:
        own = made._codes[node.name]
        weight = seen.dequantized(node.input[1])
        if own.rounded is not None:
            assert weight is not None
            np.testing.assert_allclose(weight.T, own.rounded, rtol=1e-4, atol=1e-6)
    network = source(HYBRID).network
    for image in pictures(2, seed=1):
        wanted, got = (run(each, network, image) for each in (graph, quantized))
        assert np.isfinite(got["boxes"]).all()
        assert wanted["prototypes"].shape == got["prototypes"].shape


class Products(torch.nn.Module):
    """Linear layers without a bias, before nothing, a constant of positions and a reshape."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList(torch.nn.Linear(4, 4, bias=False) for _ in range(3))
        self.positions = torch.nn.Parameter(torch.rand(1, 5, 4))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        a, b, c = (layer(x) for layer in self.layers)
        return a, b + self.positions, c.reshape(2, 20)


def corrected(module: torch.nn.Module, codes: list[LayerCodes]) -> tuple[bytes, bytes]:
    """A graph, and the graph with the codes of its layers."""
    graph = to_onnx(module, (torch.zeros(2, 5, 4),), ["x"], ["a", "b", "c"], {})
    model = simplified(graph)
    with_codes(model.graph, placed(model.graph, [node.name for node in model.graph.node], codes))
    onnx.checker.check_model(model, full_check=True)
    return graph, model.SerializeToString()


def test_products_without_a_bias_are_corrected() -> None:
    module = Products()
    more = np.array([1, 2, 3, 4], np.float32)
    codes = [
        LayerCodes(str(number), layer.weight.detach().numpy(), correction=more * (number + 1))
        for number, layer in enumerate(module.layers)
    ]
    x = np.random.default_rng(0).normal(size=(2, 5, 4)).astype(np.float32)
    plain, found = (open_session(each).run({"x": x}) for each in corrected(module, codes))
    for number, name in enumerate("abc"):
        change = (found[name] - plain[name]).reshape(2, 5, 4)
        wanted = np.broadcast_to(more * (number + 1), change.shape)
        np.testing.assert_allclose(change, wanted, rtol=1e-4)


def test_layers_with_equal_weights_are_left_to_the_graph() -> None:
    module = Products()
    module.layers[1].weight = module.layers[0].weight
    codes = [
        LayerCodes(str(number), layer.weight.detach().numpy(), low=number, high=number + 1)
        for number, layer in enumerate(module.layers)
    ]
    graph = simplified(corrected(module, [])[1]).graph
    found = placed(graph, [node.name for node in graph.node], codes)
    assert [each.name for each in found.values()] == ["2"]


def test_factors_folded_into_a_layer_are_in_its_codes() -> None:
    random = np.random.default_rng(0)
    weight, factors = random.normal(size=(6, 4)), random.uniform(0.1, 2, 6) * [1, -1, 1, 1, -1, 1]
    node = onnx.helper.make_node("Gemm", ["x", "w"], ["y"], "product", transB=1)
    weights = numpy_helper.from_array((weight * factors[:, None]).astype(np.float32), "w")
    graph = onnx.helper.make_graph([node], "g", [], [], [weights])
    ones = np.ones(6, np.float32)
    own = LayerCodes("layer", weight.astype(np.float32), 0, 1, correction=ones, scale=ones)
    other = LayerCodes("other", random.normal(size=(6, 4)).astype(np.float32))
    found = placed(graph, ["product"], [other, own])["product"]
    assert (found.name, found.low, found.high) == ("layer", 0, 1)
    np.testing.assert_allclose(found.weight, weight * factors[:, None], rtol=1e-5)
    np.testing.assert_allclose(found.correction, factors, rtol=1e-5)
    np.testing.assert_allclose(found.scale, np.abs(factors), rtol=1e-5)


@pytest.mark.parametrize(
    "backbone",
    [
        "emov2_1m",
        *(
            pytest.param(each, marks=pytest.mark.slow)
            for each in (
                "convnext_tiny_dense",
                "smt_tiny",
                "swin_tiny_patch4_window7_224_dense",
                "efficientformerv2_s0_dense",
            )
        ),
    ],
)
def test_most_layers_of_a_backbone_have_a_place(backbone: str) -> None:
    _, _, made = found("mse", backbone)
    assert made.found >= 0.95 * len(made.layers)


# What cannot be


@pytest.mark.parametrize("method", PAPERS)
def test_a_bundle_without_a_network_is_refused(method: str, tmp_path: Path) -> None:
    bundle = write_toy_bundle(tmp_path / "toy", graphs={"fp32": deep_toy_graph("relu")})
    with pytest.raises(QuantizationError, match=f"method {method}: expected the network"):
        maker(bundle, pictures(1), method)


def test_a_graph_of_another_network_is_refused(tmp_path: Path) -> None:
    bundle = write_toy_bundle(tmp_path / "toy", graphs={"fp32": deep_toy_graph("relu")})
    here = source()
    other = GraphSource(here.network, lambda network: bundle.graph())
    images = [np.zeros((1, HEIGHT, WIDTH, 3), np.uint8)]
    mixed = GraphSource(Small(), other.write)
    with pytest.raises(QuantizationError, match="expected layers of the network in its graph"):
        maker(bundle, images, "mse", lambda _: mixed)


class Small(torch.nn.Module):
    """A network that no graph here is written from."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Conv2d(3, 3, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.layer(image.permute(0, 3, 1, 2).float())
        return result
