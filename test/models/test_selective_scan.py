# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Scans against a plain loop: values, gradients, any length and shape."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from vit_perception.models.selective_scan import (  # noqa: E402
    Softplus,
    doubling_scan,
    gated_scan,
    raster_scan,
    shifted,
)

pytestmark = pytest.mark.torch

LENGTHS = (1, 2, 3, 49, 196, 1200)
#: Rows and columns, batch.
MAPS = ((1, 1, 2), (1, 7, 1), (7, 1, 1), (3, 3, 2), (7, 7, 1), (15, 20, 2), (30, 40, 1))


def drawn(*shape: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Decays from nothing to all but 1 and updates, in double precision."""
    generator = torch.Generator().manual_seed(sum(shape))
    step = torch.empty(shape, dtype=torch.float64).log_normal_(-1, 2, generator=generator)
    decay = torch.exp(-step)
    update = step * torch.randn(shape, dtype=torch.float64, generator=generator)
    return decay.requires_grad_(), update.requires_grad_()


def looped(decay: torch.Tensor, update: torch.Tensor) -> torch.Tensor:
    """States of [L, ...], step by step."""
    state, states = torch.zeros_like(update[0]), []
    for a, b in zip(decay, update, strict=True):
        state = a * state + b
        states.append(state)
    return torch.stack(states)


def as_sequence(x: torch.Tensor) -> torch.Tensor:
    """[K, B, H, W, D] to raster order [H * W, K, B, D]."""
    return x.permute(2, 3, 0, 1, 4).flatten(0, 1)


def assert_scan(found: torch.Tensor, wanted: torch.Tensor, inputs: tuple[torch.Tensor]) -> None:
    torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-12)
    weights = torch.randn(wanted.shape, dtype=wanted.dtype)
    ours, theirs = (
        # A single step has no use for its decay.
        torch.autograd.grad((x * weights).sum(), inputs, allow_unused=True, materialize_grads=True)
        for x in (found, wanted)
    )
    for gradient, expected in zip(ours, theirs, strict=True):
        torch.testing.assert_close(gradient, expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("length", LENGTHS)
def test_the_doubling_scan_is_the_loop(length: int) -> None:
    inputs = drawn(length, 2, 5)
    assert_scan(doubling_scan(*inputs, dim=0), looped(*inputs), inputs)


@pytest.mark.parametrize(("rows", "columns", "batch"), MAPS)
def test_the_raster_scan_is_the_loop(rows: int, columns: int, batch: int) -> None:
    inputs = drawn(2, batch, rows, columns, 5)
    wanted = looped(*(as_sequence(x) for x in inputs))
    assert_scan(as_sequence(raster_scan(*inputs)), wanted, inputs)


@pytest.mark.parametrize("length", LENGTHS)
def test_single_precision_is_near_enough(length: int) -> None:
    decay, update = (x.detach() for x in drawn(length, 64))
    wanted = looped(decay, update)
    columns = max(side for side in range(1, 41) if length % side == 0)
    found = doubling_scan(decay.float(), update.float(), dim=0)
    assert (found - wanted).abs().max() <= 1e-5 * wanted.abs().max()
    maps = [x.float().reshape(1, 1, length // columns, columns, 64) for x in (decay, update)]
    found = as_sequence(raster_scan(*maps)).flatten(1)
    assert (found - wanted).abs().max() <= 1e-5 * wanted.abs().max()


@pytest.mark.parametrize("length", [1, 2, 31, 33, 96, 1201])
def test_the_gated_scan_is_the_loop(length: int) -> None:
    generator = torch.Generator().manual_seed(length)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, dtype=torch.float64, generator=generator)

    inputs = [normal(2, length, 5).exp() / 9, normal(2, length, 5)]
    inputs += [normal(2, length, 3), normal(2, length, 3), -normal(3, 5).exp()]
    step, x, gate_in, gate_out, rate = (each.requires_grad_() for each in inputs)
    decay = torch.exp(step.unsqueeze(2) * rate)
    update = (step * x).unsqueeze(2) * gate_in.unsqueeze(3)
    states = looped(decay.transpose(0, 1), update.transpose(0, 1)).transpose(0, 1)
    wanted = (gate_out.unsqueeze(2) @ states).squeeze(2)
    assert_scan(gated_scan(*inputs), wanted, tuple(inputs))
    single = gated_scan(*(each.detach().float() for each in inputs))
    assert (single - wanted).abs().max() <= 1e-5 * wanted.abs().max()


def test_decays_of_zero_leave_the_updates_and_of_one_sum_them_up() -> None:
    _, update = drawn(2, 1, 5, 7, 3)
    assert torch.equal(raster_scan(torch.zeros_like(update), update), update)
    summed = as_sequence(raster_scan(torch.ones_like(update), update))
    torch.testing.assert_close(summed, as_sequence(update).cumsum(0))


def test_shifting() -> None:
    x = torch.arange(1.0, 7).reshape(2, 3)
    assert shifted(x, 1, 1).tolist() == [[0, 1, 2], [0, 4, 5]]
    assert shifted(x, 1, 0).tolist() == [[0, 0, 0], [1, 2, 3]]
    assert shifted(x, 3, -1).tolist() == [[0, 0, 0], [0, 0, 0]]


def test_softplus_for_inference_is_softplus() -> None:
    x = torch.cat((torch.linspace(-100, 100, 2001), torch.tensor([0.0, -1e-6, 1e4, -1e4])))
    wanted = torch.nn.functional.softplus(x.double())
    found = Softplus().fuse()(x)
    torch.testing.assert_close(found.double(), wanted, rtol=1e-6, atol=2e-7)
