# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""MobileMamba: splits, the selective scan's limits and symmetry, the wavelet branch (card 46)."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from test.models.backbones.randomised import randomise  # noqa: E402
from vit_perception.models.backbones import mobilemamba  # noqa: E402
from vit_perception.models.backbones.mobilemamba import (  # noqa: E402
    LOCAL_SHARE,
    SCAN_SHARE,
    GatedScan,
    channel_split,
)
from vit_perception.models.haar import WaveletConv  # noqa: E402
from vit_perception.models.macs import multiply_adds  # noqa: E402
from vit_perception.models.selective_scan import SelectiveScan  # noqa: E402
from vit_perception.models.shelf import (  # noqa: E402
    create_backbone,
    create_classifier,
    for_inference,
)

pytestmark = pytest.mark.torch

SPLITS = {
    mobilemamba.T2: ((112, 28, 4), (192, 54, 26), (224, 110, 34)),
    mobilemamba.T4: ((144, 32, 0), (256, 73, 39), (272, 134, 42)),
    mobilemamba.S6: ((160, 32, 0), (272, 76, 36), (272, 134, 42)),
    mobilemamba.B: ((160, 40, 0), (256, 75, 45), (272, 134, 42)),
}


def looped(scan: SelectiveScan, x: torch.Tensor) -> torch.Tensor:
    """Both directions pixel by pixel as the card has it, before the norm: [B, D, H, W]."""
    flat = x.flatten(2)
    total = torch.zeros_like(flat)
    for direction in range(2):
        sequence = flat.flip(2) if direction else flat
        state, found = torch.zeros_like(flat[:, :, 0]), []
        for pixel in sequence.unbind(2):
            chosen = pixel @ scan.select[direction]
            step = chosen[:, :-2] @ scan.step[direction] + scan.step_bias[direction]
            step = functional.softplus(step)
            decay = torch.exp(step * -torch.exp(scan.decay_log[direction]))
            state = decay * state + step * chosen[:, -2:-1] * pixel
            found.append(chosen[:, -1:] * state + scan.skip[direction] * pixel)
        found = torch.stack(found, dim=2)
        total += found.flip(2) if direction else found
    return total.reshape(x.shape)


def states(scan: SelectiveScan, x: torch.Tensor) -> torch.Tensor:
    return scan.states(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


@pytest.fixture
def scan() -> SelectiveScan:
    torch.manual_seed(5)
    made = SelectiveScan(24, 2)
    with torch.no_grad():
        for parameter in (made.step, made.step_bias, made.decay_log, made.skip):
            parameter.normal_()
    return made.requires_grad_(False)


def test_channels_are_split_as_published() -> None:
    for widths, wanted in SPLITS.items():
        shares = zip(widths, SCAN_SHARE, LOCAL_SHARE, strict=True)
        assert tuple(channel_split(*each) for each in shares) == wanted


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 2), (3, 1), (7, 7), (14, 14), (6, 20)])
def test_the_selective_scan_is_the_loop(scan: SelectiveScan, rows: int, columns: int) -> None:
    x = torch.randn(2, 24, rows, columns)
    wanted = looped(scan, x)
    assert (states(scan, x) - wanted).abs().max() <= 1e-5 * wanted.abs().max()


def test_without_steps_only_the_skip_is_left(scan: SelectiveScan) -> None:
    scan.step_bias.fill_(-200.0)
    scan.step.zero_()
    x = torch.randn(1, 24, 5, 6)
    torch.testing.assert_close(states(scan, x), scan.skip.sum(0)[:, None, None] * x)


def test_with_a_large_decay_there_is_no_memory(scan: SelectiveScan) -> None:
    scan.decay_log.fill_(20.0)
    x = torch.randn(1, 24, 5, 6)
    wanted = scan.skip.sum(0) * x.flatten(2).transpose(1, 2)
    for direction in range(2):
        chosen = x.flatten(2).transpose(1, 2) @ scan.select[direction]
        step = chosen[..., :-2] @ scan.step[direction] + scan.step_bias[direction]
        gates = chosen[..., -2:-1] * chosen[..., -1:]
        wanted += gates * functional.softplus(step) * x.flatten(2).transpose(1, 2)
    found = states(scan, x).flatten(2).transpose(1, 2)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


def test_turning_map_and_directions_over_turns_the_result_over(scan: SelectiveScan) -> None:
    x = torch.randn(2, 24, 6, 5)
    wanted = states(scan, x).flip(2, 3)
    for parameter in (scan.select, scan.step, scan.step_bias, scan.decay_log, scan.skip):
        parameter.copy_(parameter.flip(0))
    torch.testing.assert_close(states(scan, x.flip(2, 3)), wanted, rtol=1e-5, atol=1e-5)


def test_the_first_pixel_reaches_the_last_and_back(scan: SelectiveScan) -> None:
    scan.decay_log.fill_(-6.0)
    x = torch.randn(1, 24, 12, 12).requires_grad_()
    for source, target in (((0, 0), (11, 11)), ((11, 11), (0, 0))):
        (gradient,) = torch.autograd.grad(states(scan, x)[0, :, target[0], target[1]].sum(), x)
        assert gradient[0, :, source[0], source[1]].abs().max() > 1e-6


@pytest.mark.parametrize("kernel", [3, 7])
@pytest.mark.parametrize(("rows", "columns"), [(6, 8), (3, 3), (7, 4)])
def test_a_wavelet_branch_that_does_nothing_gives_the_map(
    rows: int, columns: int, kernel: int
) -> None:
    wave = WaveletConv(5, kernel)
    assert wave.scale.eq(0.1).all()
    x = torch.randn(2, rows, columns, 5)
    with torch.no_grad():
        nn.init.dirac_(wave.conv.weight, groups=20)
        wave.scale.fill_(1)
        torch.testing.assert_close(wave(x), x, rtol=1e-6, atol=1e-6)
        # Channel 1's mean band alone: only that channel stays.
        wave.scale.zero_()
        wave.scale[4] = 1
        found = wave(x)
    assert found[..., 1].abs().min() > 0
    assert found[..., [0, 2, 3, 4]].abs().max() == 0


def test_projections_of_the_scan_are_folded() -> None:
    torch.manual_seed(6)
    gated = randomise(nn.Sequential(GatedScan(32)))
    x = torch.randn(1, 6, 7, 32)
    with torch.no_grad():
        wanted, found = gated(x), for_inference(gated)(x)
    assert (found - wanted).abs().max() <= 1e-5 * wanted.abs().max()


def test_only_the_norm_of_the_scan_is_left_for_inference() -> None:
    fused = for_inference(create_classifier("mobilemamba_t2", (64, 64)))
    # Shortcuts around depthwise convolutions have become their centre taps.
    around = [m.m for m in fused.modules() if isinstance(m, mobilemamba.Residual)]
    assert len(around) == 5 * 3 + 2 * 2
    assert not any(isinstance(part, nn.Conv2d) for part in around)
    assert not any(isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)) for m in fused.modules())
    assert sum(isinstance(m, nn.LayerNorm) for m in fused.modules()) == 5


def test_a_new_block_doubles_its_input() -> None:
    torch.manual_seed(7)
    block = mobilemamba.Block((32, 12, 4), 7, 0.0).eval()
    x = torch.randn(1, 48, 5, 6)
    with torch.no_grad():
        torch.testing.assert_close(block(x), 2 * x)


@pytest.mark.parametrize(("name", "macs"), [("t2", 2.1e9), ("s6", 3.8e9), ("b1", 5.0e9)])
def test_multiply_adds_at_480_by_640(name: str, macs: float) -> None:
    model = create_classifier(f"mobilemamba_{name}", (480, 640)).eval()
    assert multiply_adds(model, torch.zeros(1, 3, 480, 640)) == pytest.approx(macs, rel=0.02)


def test_odd_sides_round_up() -> None:
    backbone = create_backbone("mobilemamba_t2", (480, 640)).eval()
    with torch.no_grad():
        sizes = [tuple(x.shape[2:]) for x in backbone(torch.zeros(1, 3, 480, 640))]
    assert sizes == [(30, 40), (15, 20), (8, 10)]
