# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Gates of heads: what they compute, how they start, and their form for inference."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from vit_perception.models.head_gates import (  # noqa: E402
    Gates,
    LinearGates,
    MlpGates,
    head_gates,
)

pytestmark = pytest.mark.torch

CHANNELS, HEADS = 48, 3
FORMS = ("linear", "mlp", "all_heads")


def made(form: str, **options: object) -> nn.Module:
    torch.manual_seed(0)
    return head_gates(CHANNELS, HEADS, Gates(form, **options))  # type: ignore[arg-type]


def tokens() -> torch.Tensor:
    return torch.randn(2, 7, CHANNELS, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("form", ["linear", "mlp"])
def test_a_head_reads_its_own_channels(form: str) -> None:
    gates = made(form)
    x = tokens()
    changed = x.clone()
    changed[..., 16:32] += 1
    apart = (gates(changed) - gates(x)).abs()
    assert apart.shape == (2, 7, HEADS)
    assert (apart[..., 1] > 1e-6).all()
    assert (apart[..., [0, 2]] == 0).all()


def test_linear_gates_are_a_linear_layer_a_head() -> None:
    gates = made("linear")
    assert isinstance(gates, LinearGates)
    layers = [nn.Linear(16, 1) for _ in range(HEADS)]
    for head, layer in enumerate(layers):
        layer.load_state_dict({"weight": gates.weight[head][None], "bias": gates.bias[head][None]})
    parts = tokens().split(16, -1)
    wanted = torch.cat([layer(x) for layer, x in zip(layers, parts, strict=True)], -1)
    torch.testing.assert_close(gates(tokens()), wanted, rtol=1e-6, atol=1e-6)


def test_mlp_gates_are_two_layers_a_head() -> None:
    gates = made("mlp", hidden=5)
    assert isinstance(gates, MlpGates)
    wanted = []
    for head, x in enumerate(tokens().split(16, -1)):
        hidden = (x @ gates.hidden_weight[head] + gates.hidden_bias[head]).relu()
        wanted.append(hidden @ gates.weight[head] + gates.bias[head])
    torch.testing.assert_close(gates(tokens()), torch.stack(wanted, -1), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("form", ["linear", "mlp"])
def test_they_fold_to_plain_layers(form: str) -> None:
    gates = made(form)
    folded = gates.fuse()
    assert all(isinstance(each, (nn.Linear, nn.ReLU, nn.Sequential)) for each in folded.modules())
    torch.testing.assert_close(folded(tokens()), gates(tokens()), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("start", [0.1, 0.25, 0.9])
def test_they_start_about_as_far_open_as_told(form: str, start: float) -> None:
    gates = made(form, start=start)
    assert gates.bias.sigmoid().tolist() == pytest.approx([start] * HEADS, abs=1e-6)


@pytest.mark.parametrize("form", FORMS)
def test_default_start_is_that_of_a_linear_layer(form: str) -> None:
    gates = made(form, start=None)
    inputs = {"linear": 16, "mlp": 4, "all_heads": 48}[form]
    bias = gates.bias.detach()
    assert bias.abs().max() <= inputs**-0.5
    assert bias.std() > 0


@pytest.mark.parametrize("form", FORMS)
def test_fine_tuning_starts_near_the_bias(form: str) -> None:
    gates = made(form, start=0.5, fine_tuning=True)
    # Weights of deviation 0.01 over 48 channels at most.
    assert gates(tokens()).abs().max() < 0.5
    assert gates(tokens()).abs().max() > 0


def test_shares_at_the_ends_give_finite_logits() -> None:
    for start, logit in ((0.0, -36.841), (1.0, 36.841)):
        assert made("linear", start=start).bias.tolist() == pytest.approx([logit] * 3, abs=1e-3)


@pytest.mark.parametrize(
    ("start", "fine_tuning"), [(1.5, False), (-0.1, False), (0.0, True), (None, True)]
)
def test_impossible_starts_are_refused(start: float | None, fine_tuning: bool) -> None:
    with pytest.raises(ValueError, match="start: expected"):
        Gates(start=start, fine_tuning=fine_tuning)
