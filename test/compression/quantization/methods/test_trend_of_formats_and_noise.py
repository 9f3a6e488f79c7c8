# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What floating-point formats and noise gain in a trained network."""

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
from vit_perception.compression.quantization.methods.llm_fp4 import LLMFP4  # noqa: E402
from vit_perception.compression.quantization.methods.noisyquant import NoisyQuant  # noqa: E402
from vit_perception.compression.quantization.methods.quantize import quantize  # noqa: E402
from vit_perception.compression.quantization.methods.uniform import UniformPTQ  # noqa: E402
from vit_perception.compression.quantization.simulation.bits import Bits  # noqa: E402
from vit_perception.compression.quantization.simulation.quantizers import (  # noqa: E402
    signal_to_noise,
)

pytestmark = [pytest.mark.torch, pytest.mark.slow]

FOUR, SIX = Bits(4, 4, 4, 4, 8, 4), Bits(6, 6, 6, 6, 8, 6)


def found(model: torch.nn.Module, config: object) -> tuple[float, float]:
    """Returns signal-to-noise ratio of logits in decibels, and accuracy."""
    images, labels = shapes(1024, seed=10**8)
    # Largest values of channels need more images than those of tensors.
    made = quantize(model, config, shapes(64, seed=10**8 + 1)[0])
    with torch.no_grad():
        ratio = signal_to_noise(model(images), made(images))
    return ratio, accuracy(made, images, labels)


def test_formats_stand_channels_that_differ() -> None:
    vit = spread(trained_vit())
    plain = LLMFP4(SIX, rounds=0, pre_shift=False)
    # The paper's striking fact: 6 bits by min-max are enough, where integers are not.
    floats, integers = found(vit, plain), found(vit, UniformPTQ(SIX))
    assert floats[0] > integers[0] + 5
    # At 4 bits they are not; shifted exponents are.
    plain = replace(plain, bits=FOUR)
    collapsed, shifted = found(vit, plain), found(vit, replace(plain, pre_shift=True))
    assert collapsed[1] < 0.8
    assert shifted[1] > 0.95
    assert shifted[0] > collapsed[0] + 8


def test_search_and_shifts_gain_where_channels_are_alike() -> None:
    vit = trained_vit()
    config = LLMFP4(FOUR, count=20, rounds=1, objective="output")
    plain = found(vit, replace(config, rounds=0, pre_shift=False))
    baseline = found(vit, replace(config, pre_shift=False))
    assert baseline[0] > plain[0] + 1
    assert found(vit, config)[0] > baseline[0] - 0.3


def test_noise_gains_more_than_a_corrected_bias_with_wide_steps() -> None:
    vit = trained_vit()
    base = UniformPTQ(FOUR, symmetric_inputs=True)
    plain = found(vit, base)[0]
    corrected = found(vit, NoisyQuant(base, count=0, corrected=True))[0]
    noisy = found(vit, NoisyQuant(base))[0]
    assert corrected > plain + 0.2
    assert noisy > corrected + 2
    # The layer behind GELU profits most.
    assert found(vit, NoisyQuant(base, roles=("fc2",)))[0] > corrected + 2
