# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The 2-D selective scan: values, directions, reach, gradients and beginnings (card 11)."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from vit_perception.models.mamba import STATES  # noqa: E402
from vit_perception.models.ss2d import SS2D, cross_merge, cross_scan  # noqa: E402

pytestmark = pytest.mark.torch


def drawn(width: int = 16) -> SS2D:
    torch.manual_seed(0)
    layer = SS2D(width).double()
    nn.init.normal_(layer.skip)
    return layer.eval()


@torch.no_grad()
@pytest.mark.parametrize(("rows", "columns"), [(5, 7), (1, 3), (9, 8)])
def test_the_scan_is_the_cards_recurrence(rows: int, columns: int) -> None:
    layer = drawn()
    x = torch.randn(2, rows, columns, 32, dtype=torch.double)
    places = torch.arange(rows * columns).reshape(rows, columns)
    orders = [places.flatten(), places.T.flatten()]
    orders += [order.flip(0) for order in orders]
    wanted = torch.zeros(2, rows * columns, 32, dtype=torch.double)
    biases, skips = layer.step_bias.reshape(4, 32), layer.skip.reshape(4, 32)
    for k, order in enumerate(orders):
        decay = -layer.decay_log[k].exp().T
        state = torch.zeros(2, 32, STATES, dtype=torch.double)
        for place in order:
            u = x.flatten(1, 2)[:, place]
            told = u @ layer.select[k]
            step = F.softplus(told[:, : layer.rank] @ layer.step[k] + biases[k])
            gate_in, gate_out = told[:, layer.rank :].split(STATES, dim=1)
            state = (step[..., None] * decay).exp() * state
            state = state + (step * u)[..., None] * gate_in[:, None]
            wanted[:, place] += (state * gate_out[:, None]).sum(2) + skips[k] * u
    found = layer.scan(x)
    torch.testing.assert_close(found, wanted.reshape(x.shape), rtol=1e-9, atol=1e-11)
    single = layer.float().scan(x.float())
    assert (single - found).abs().max() <= 1e-5 * found.abs().max()


def test_scan_and_merge_give_the_map_four_times() -> None:
    x = torch.randn(2, 5, 7, 3)
    assert torch.equal(cross_merge(cross_scan(x), 5, 7), 4 * x)


@torch.no_grad()
@pytest.mark.parametrize(
    ("turned", "order"),
    [
        (lambda x: x.transpose(1, 2), [1, 0, 3, 2]),
        (lambda x: x.flip(1, 2), [2, 3, 0, 1]),
        (lambda x: x.transpose(1, 2).flip(1, 2), [3, 2, 1, 0]),
    ],
)
def test_a_turned_map_permutes_the_directions(turned, order: list[int]) -> None:  # type: ignore[no-untyped-def]
    x = torch.randn(2, 5, 7, 32, dtype=torch.double)
    assert torch.equal(cross_scan(turned(x)), cross_scan(x)[order])
    layer = drawn()
    other = copy.deepcopy(layer)
    for name in ("select", "step", "decay_log"):
        getattr(other, name).copy_(getattr(layer, name)[order])
    other.step_bias.copy_(layer.step_bias.reshape(4, -1)[order].flatten())
    torch.testing.assert_close(other.scan(turned(x)), turned(layer.scan(x)))


@torch.no_grad()
def test_the_first_direction_is_causal() -> None:
    layer = drawn()
    sequences = cross_scan(torch.randn(1, 6, 7, 32, dtype=torch.double))
    changed = sequences.clone()
    changed[0, 0, 20] += 1
    moved = (layer.read(changed) - layer.read(sequences)).abs().amax(3)[:, 0] > 0
    assert not moved[0, :20].any() and moved[0, 20:].all() and not moved[1:].any()


def test_the_centre_sees_every_pixel() -> None:
    x = torch.randn(1, 9, 11, 16, dtype=torch.double, requires_grad=True)
    drawn()(x)[0, 4, 5].sum().backward()
    assert (x.grad.abs().amax(3) > 0).all()


def test_training_keeps_no_states_and_has_the_same_gradients() -> None:
    layer = drawn()
    x = torch.randn(2, 6, 7, 16, dtype=torch.double)
    gradients = []
    for training in (False, True):
        layer.train(training).zero_grad()
        layer(x).square().sum().backward()
        gradients.append([p.grad.clone() for p in layer.parameters()])
    torch.testing.assert_close(gradients[0], gradients[1])


@torch.no_grad()
def test_scans_are_never_in_half_precision() -> None:
    layer, seen = drawn().float(), []
    layer.norm.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        layer(torch.randn(1, 4, 5, 16))
    assert seen[0].dtype == torch.float32
    assert not torch.equal(seen[0], seen[0].bfloat16().float())


@torch.no_grad()
def test_both_starts() -> None:
    ours, published = SS2D(32), SS2D(32, published_start=True)
    assert torch.equal(published.decay_log, torch.zeros(4, STATES, 64))
    assert abs(float(published.step.std()) - 1) < 0.2
    assert abs(float(published.step_bias.std()) - 1) < 0.2
    rates = ours.decay_log.exp()
    torch.testing.assert_close(rates, torch.arange(1.0, 17)[:, None].expand(4, 16, 64))
    steps = F.softplus(ours.step_bias)
    assert steps.min() > 0.99e-3 and steps.max() < 0.101
