# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Mamba's layer beside transformers' (card 07)."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from vit_perception.models.mamba import STATES, Mamba  # noqa: E402
from vit_perception.models.selective_scan import raster_scan  # noqa: E402

pytestmark = pytest.mark.torch


@torch.no_grad()
@pytest.mark.parametrize(("width", "rows", "columns"), [(64, 16, 16), (32, 5, 23), (8, 1, 40)])
def test_it_equals_the_library(width: int, rows: int, columns: int) -> None:
    transformers = pytest.importorskip("transformers")
    from transformers.models.mamba.modeling_mamba import MambaMixer

    config = transformers.MambaConfig(
        hidden_size=width,
        state_size=STATES,
        conv_kernel=4,
        expand=2,
        time_step_rank=-(-width // 16),
        use_bias=False,
        use_conv_bias=True,
    )
    torch.manual_seed(0)
    reference = MambaMixer(config, layer_idx=0).eval()
    for parameter in reference.parameters():
        parameter.add_(0.1 * torch.randn_like(parameter))
    ours = Mamba(width)
    ours.load_state_dict(reference.state_dict())
    x = torch.randn(2, rows, columns, width)
    wanted = reference(x.flatten(1, 2)).unflatten(1, (rows, columns))
    torch.testing.assert_close(ours(x), wanted, rtol=1e-5, atol=1e-5)


def test_parameters_of_the_card() -> None:
    assert sum(p.numel() for p in Mamba(64).parameters()) == 32_640


def test_first_steps_are_between_a_thousandth_and_a_tenth() -> None:
    torch.manual_seed(0)
    steps = nn.functional.softplus(Mamba(64).dt_proj.bias)
    assert steps.min() >= 1e-3 * 0.999 and steps.max() <= 0.1 * 1.001
    assert steps.std() > 0.01


@torch.no_grad()
@pytest.mark.parametrize(("rows", "columns"), [(16, 16), (16, 64), (64, 64)])
def test_scan_equals_the_recurrence(rows: int, columns: int) -> None:
    generator = torch.Generator().manual_seed(0)
    decay = torch.rand(1, 1, rows, columns, 8, generator=generator, dtype=torch.float64)
    update = torch.randn(decay.shape, generator=generator, dtype=torch.float64)
    state, wanted = torch.zeros(8, dtype=torch.float64), []
    for a, b in zip(decay.reshape(-1, 8), update.reshape(-1, 8), strict=True):
        state = a * state + b
        wanted.append(state)
    found = raster_scan(decay.float(), update.float()).reshape(-1, 8)
    torch.testing.assert_close(found, torch.stack(wanted).float(), rtol=1e-5, atol=1e-6)


@torch.no_grad()
def test_a_pixel_sees_those_before_it_alone() -> None:
    torch.manual_seed(0)
    layer = Mamba(16)
    x = torch.randn(1, 6, 7, 16)
    changed = x.clone()
    changed[0, 3, 2] += 1
    moved = (layer(changed) - layer(x)).abs().amax(3).flatten() > 0
    first = 3 * 7 + 2
    assert not moved[:first].any() and moved[first:].all()
