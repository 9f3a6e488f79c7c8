# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What AdaLog's logarithms bring a trained network."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from test.compression.quantization.shapes import (  # noqa: E402
    accuracy,
    shapes,
    spread,
    trained_vit,
)
from vit_perception.compression.quantization.methods.adalog import AdaLog  # noqa: E402
from vit_perception.compression.quantization.methods.quantize import quantize  # noqa: E402
from vit_perception.compression.quantization.methods.uniform import UniformPTQ  # noqa: E402
from vit_perception.compression.quantization.simulation.bits import Bits  # noqa: E402
from vit_perception.compression.quantization.simulation.progressive import Effort  # noqa: E402
from vit_perception.compression.quantization.simulation.reconstruction import (  # noqa: E402
    Reconstruction,
)

pytestmark = [pytest.mark.torch, pytest.mark.slow]

EFFORT = Effort(64, 8, 4)
FOUR = Bits(4, 4, 4, 4, 8)


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return shapes(1024, seed=10**8)[0]


def error(
    config: object, images: torch.Tensor, vit: torch.nn.Module | None = None, count: int = 32
) -> float:
    """Returns the squared error of the logits on average."""
    vit = vit or trained_vit()
    calibration, _ = shapes(count, seed=10**8 + 1)
    with torch.no_grad():
        return float((quantize(vit, config, calibration)(images) - vit(images)).square().mean())


def test_searched_bases_beat_uniform_and_log2_at_four_bits(images: torch.Tensor) -> None:
    searched = error(AdaLog(FOUR, effort=EFFORT, rounds=1), images)
    even = error(AdaLog(FOUR, "uniform", "uniform", effort=EFFORT, rounds=1), images)
    octaves = error(AdaLog(FOUR, "log2", "log2", effort=EFFORT, rounds=1), images)
    plain = error(UniformPTQ(FOUR, "output_mse", symmetric_weights=False), images)
    # All else is equal, and then against plain uniform quantizers with searched scales.
    assert searched < 0.9 * even
    assert searched < 0.9 * octaves
    assert searched < plain


def test_eight_bits_cost_less_than_half_a_percent(images: torch.Tensor) -> None:
    labels = shapes(1024, seed=10**8)[1]
    eight = AdaLog(Bits(8, 8, 8, 8, 8), effort=EFFORT, rounds=1)
    model = quantize(trained_vit(), eight, shapes(32, seed=10**8 + 1)[0])
    assert accuracy(model, images, labels) > accuracy(trained_vit(), images, labels) - 0.005


def test_one_scale_for_all_channels_needs_reparameterisation(images: torch.Tensor) -> None:
    config = AdaLog(FOUR, effort=EFFORT, rounds=1)
    vit = spread(trained_vit())
    without = error(replace(config, reparameterised=False), images, vit)
    assert error(config, images, vit) < 0.5 * without


def test_reconstruction_brings_logits_nearer_at_three_bits(images: torch.Tensor) -> None:
    short = Reconstruction(300, 16, rounding_rate=0.03, scale_rate=1e-4, regularisation=1e-3)
    config = AdaLog(Bits(3, 3, 3, 3, 8), effort=Effort(32, 8, 3), rounds=1)
    found = error(replace(config, reconstruction=short), images, count=128)
    assert found < 0.9 * error(config, images, count=128)
