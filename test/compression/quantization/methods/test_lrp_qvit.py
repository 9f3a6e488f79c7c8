# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""LRP-QViT: card 48, "How to verify"; its parts have files of their own."""

from __future__ import annotations

import warnings
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from test.compression.quantization.shapes import (  # noqa: E402
    accuracy,
    shapes,
    spread,
    trained_vit,
)
from test.compression.quantization.tiny import (  # noqa: E402
    of_timm,
    pictures,
    tiny_swin,
    tiny_vit,
)
from vit_perception.compression.quantization.methods import lrp_qvit as method  # noqa: E402
from vit_perception.compression.quantization.methods.bit_allocation import Budget  # noqa: E402
from vit_perception.compression.quantization.methods.layer_bits import (  # noqa: E402
    LayerBits,
    bits_of,
)
from vit_perception.compression.quantization.methods.layer_costs import costs_of  # noqa: E402
from vit_perception.compression.quantization.methods.lrp_qvit import (  # noqa: E402
    LRPQViT,
    plan,
)
from vit_perception.compression.quantization.methods.quantize import quantize  # noqa: E402
from vit_perception.compression.quantization.methods.repq import RepQ, repq  # noqa: E402
from vit_perception.compression.quantization.methods.sensitivity import (  # noqa: E402
    sensitivities,
)
from vit_perception.compression.quantization.methods.uniform import UniformPTQ  # noqa: E402
from vit_perception.compression.quantization.simulation.bits import Bits  # noqa: E402
from vit_perception.compression.quantization.simulation.graph import to_qdq  # noqa: E402
from vit_perception.compression.quantization.simulation.layers import (  # noqa: E402
    layers_of,
    set_quantized,
)
from vit_perception.compression.quantization.simulation.quantizers import (  # noqa: E402
    signal_to_noise,
)
from vit_perception.compression.quantization.simulation.wrapped import wrap  # noqa: E402

pytestmark = pytest.mark.torch

UNMEASURED = LRPQViT(least=None)


def ratio(model: torch.nn.Module, config: object) -> float:
    """Returns the signal-to-noise ratio of the logits of calibration images in decibels."""
    images = pictures(8)
    quantized = quantize(model, config, images)
    with torch.no_grad():
        return signal_to_noise(model(images), quantized(images))


# Bits


@pytest.mark.parametrize("network", [tiny_vit, tiny_swin])
@pytest.mark.parametrize(("candidates", "mean"), [((3, 4, 5), 4), ((5, 6, 7), 6)])
def test_layers_get_bits_of_the_plan_within_the_budget(
    network: object, candidates: tuple[int, ...], mean: int
) -> None:
    images = pictures(8)
    config = replace(UNMEASURED, candidates=candidates, budget=Budget(mean))
    wrapped = wrap(network(), images[:1])
    made = plan(wrapped, config, [images])
    model = quantize(network(), config, images)
    assert bits_of(model) == made.bits
    assert set(made.bits.values()) == set(candidates)
    assert (made.sensitivity, made.correlation, made.measured) == (None, None, False)
    costs = costs_of(wrapped, images[:1])
    size = sum(each.parameters * made.bits[name] for name, each in costs.items())
    operations = sum(each.operations * made.bits[name] ** 2 for name, each in costs.items())
    assert size <= mean * sum(each.parameters for each in costs.values())
    assert operations <= mean**2 * sum(each.operations for each in costs.values())
    for layer in layers_of(model):
        operands = [getattr(layer, name).bits for name in layer.OPERANDS]
        first = layer.place.role == "patch_embed"
        assert set(operands) == {8 if first else made.bits[layer.place.name]}


def test_plans_do_not_change_the_network() -> None:
    images = pictures(4)
    model = wrap(tiny_vit(), images[:1])
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plan(model, LRPQViT(), [images])
    after = model.state_dict()
    assert set(before) == set(after)
    assert all(torch.equal(before[key], value) for key, value in after.items())
    assert not any(layer.quantized for layer in layers_of(model))


def test_layers_without_bits_of_their_own_have_the_common_ones() -> None:
    places = {x.place.name: x.place for x in layers_of(wrap(tiny_vit(), pictures(1)))}
    head, other = places["head"], places["blocks.0.mlp.fc1"]
    bits = LayerBits(3, 4, by_name={"head": 6})
    assert (bits.of_weight(head), bits.of_operand(head, 0)) == (6, 6)
    assert (bits.of_weight(other), bits.of_operand(other, 0)) == (3, 4)


def test_equal_candidates_are_repq() -> None:
    images = pictures(4)
    config = replace(UNMEASURED, candidates=(4,), clips=(100,))
    mixed = quantize(tiny_vit(), config, images).state_dict()
    fixed = quantize(tiny_vit(), RepQ(), images).state_dict()
    assert set(mixed) == set(fixed)
    assert all(torch.equal(value, fixed[key]) for key, value in mixed.items())


@pytest.mark.parametrize("network", [tiny_vit, tiny_swin])
def test_sixteen_bits_compute_as_float_does(network: object) -> None:
    # Bits lengthen a logarithm's range only; its steps stay, so the softmax is uniform here.
    base = RepQ(logarithm=0, fractions=(1.0,))
    config = replace(UNMEASURED, candidates=(16,), budget=Budget(16), base=base)
    assert ratio(network(), config) > 60


def test_more_bits_are_better() -> None:
    found = [
        ratio(tiny_vit(), replace(UNMEASURED, candidates=each, budget=Budget(each[1])))
        for each in ((2, 3, 4), (3, 4, 5), (5, 6, 7))
    ]
    assert found == sorted(found)


# Relevance against what is measured


def test_sensitivity_is_the_divergence_of_one_layer_at_a_time() -> None:
    images = pictures(6)
    model = wrap(tiny_vit(), images[:1])
    wanted = model(images).double().log_softmax(-1)
    config = RepQ(Bits(4, 4, 4, 4, 8, 4), sequential=False)
    repq(model, config, [images])
    found = sensitivities(model, images.split(4))
    assert not any(layer.quantized for layer in layers_of(model))
    for layer in layers_of(model):
        layer.quantized = True
        result = model(images).double().log_softmax(-1)
        layer.quantized = False
        kl = (wanted.exp() * (wanted - result)).sum(1).mean()
        assert found[layer.place.name] == pytest.approx(float(kl), rel=1e-2, abs=1e-9)
    assert min(found.values()) >= 0 and max(found.values()) > 1e-5


def test_scores_that_do_not_rank_as_measured_are_replaced_with_a_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images = pictures(8)
    model = wrap(tiny_vit(), images[:1])
    names = [layer.place.name for layer in layers_of(model)]
    rank = {name: number + 1.0 for number, name in enumerate(names)}
    backwards = {name: 1 / value for name, value in rank.items()}
    config = LRPQViT(budget=Budget(4, operations=False))

    def planned(measured: dict[str, float]) -> object:
        monkeypatch.setattr(method, "contributions", lambda *_, **__: rank)
        monkeypatch.setattr(method, "sensitivities", lambda *_, **__: measured)
        return plan(model, config, [images])

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        agreeing = planned({name: value**3 for name, value in rank.items()})
    assert agreeing.correlation == pytest.approx(1) and not agreeing.measured
    with pytest.warns(UserWarning, match="at least 0.3, found -1.00; bits follow the sensit"):
        opposed = planned(backwards)
    assert opposed.measured and opposed.scores == rank and opposed.sensitivity == backwards
    assert opposed.bits != agreeing.bits
    # Head and patch embedding are the ends of the ranks.
    assert opposed.bits["patch_embed.proj"] >= agreeing.bits["patch_embed.proj"]
    assert opposed.bits["head"] <= agreeing.bits["head"]
    with pytest.warns(UserWarning, match="found nan"):
        assert planned(dict.fromkeys(names, 0.5)).measured


def test_the_correlation_is_reported() -> None:
    images = pictures(16)
    model = wrap(tiny_vit(), images[:1])
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        made = plan(model, LRPQViT(), [images])
    assert made.correlation is not None and -1 <= made.correlation <= 1
    assert (
        made.measured
        == (made.correlation < 0.3)
        == any("relevance: expected a rank correlation" in str(each.message) for each in told)
    )
    assert made.sensitivity is not None and list(made.sensitivity) == list(made.scores)
    assert sum(made.scores.values()) == pytest.approx(1)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:relevance")
def test_mixed_bits_of_a_trained_network_beat_fixed_ones() -> None:
    images, labels = shapes(2048, seed=10**8)
    calibration, _ = shapes(64, seed=10**8 + 1)
    vit = spread(trained_vit())
    made = plan(wrap(vit, calibration[:1]), LRPQViT(), calibration.split(32))
    assert made.correlation is not None and made.correlation > 0.3 and not made.measured

    def found(config: object) -> float:
        return accuracy(quantize(vit, config, calibration), images, labels)

    three = replace(UNMEASURED, candidates=(2, 3, 4), budget=Budget(3))
    fixed = found(RepQ(Bits(3, 3, 3, 3, 8, 3)))
    assert found(three) > fixed
    assert found(replace(three, least=2.0)) > fixed  # by the measured sensitivity


# Deployment


def test_a_share_of_the_operations_stays_float_and_the_rest_is_exported() -> None:
    onnx = pytest.importorskip("onnx")
    images = pictures(8)
    counts = []
    for share in (0.0, 0.15, 0.5):
        model = quantize(tiny_vit(), replace(LRPQViT.deploy(share), least=None), images)
        bits = bits_of(model)
        assert set(bits.values()) <= {8, None}
        costs = costs_of(model, images[:1])
        kept = [name for name, each in bits.items() if each is None]
        whole = sum(each.operations for each in costs.values())
        assert sum(costs[name].operations for name in kept) <= share * whole
        counts.append(len(kept))
        graph = onnx.load_from_string(to_qdq(model, images)).graph
        quantized = sum(node.op_type == "QuantizeLinear" for node in graph.node)
        operands = sum(len(x.OPERANDS) for x in layers_of(model) if x.place.name not in kept)
        # The result of a convolution is quantized too.
        assert quantized == operands + ("patch_embed.proj" not in kept)
    assert counts[0] == 0 < counts[1] < counts[2]
    assert ratio(tiny_vit(), replace(LRPQViT.deploy(0.5), least=None)) > ratio(
        tiny_vit(), UniformPTQ(conv_outputs=True)
    )


def test_hybrids_and_detectors_can_be_quantized() -> None:
    class Detector(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = of_timm("mobilevit_xxs")

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return x.mean(), self.network(x)

    images = pictures(2, 64)
    config = replace(
        UNMEASURED,
        top=3,
        logits=lambda result: result[1],
        candidates=(4, 8),
        budget=Budget(6),
        base=UniformPTQ(),
    )
    model = quantize(Detector(), config, images)
    assert set(bits_of(model).values()) == {4, 8}
    set_quantized(model)
    assert bool(model(images)[1].isfinite().all())


def test_a_budget_below_the_candidates_is_told() -> None:
    with pytest.raises(ValueError, match="a budget of at least 3 in the mean, found 2"):
        quantize(tiny_vit(), replace(UNMEASURED, budget=Budget(2)), pictures(2))
