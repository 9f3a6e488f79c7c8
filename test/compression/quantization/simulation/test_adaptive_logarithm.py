# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The logarithm with a searched base: its forms, its codes, and the figures of card 33."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from vit_perception.compression.quantization.simulation.adaptive_logarithm import (  # noqa: E402
    RESOLUTION,
    AdaptiveLogarithm,
    Shifted,
)
from vit_perception.compression.quantization.simulation.observers import (  # noqa: E402
    minmax,
    mse,
    shrunk,
)
from vit_perception.compression.quantization.simulation.quantizers import (  # noqa: E402
    GELU_FLOOR,
    Logarithm,
    Quantizer,
    Uniform,
)

pytestmark = pytest.mark.torch

BITS = [3, 4, 6]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def softmax() -> torch.Tensor:
    return (3 * torch.randn(64, 197, 197, generator=generator())).softmax(-1)


@pytest.fixture(scope="module")
def gelu() -> torch.Tensor:
    logits = 1.5 * torch.randn(64 * 197 * 768, generator=generator()) - 0.5
    return torch.nn.functional.gelu(logits)


def error(quantizer: Quantizer, x: torch.Tensor) -> float:
    """Returns the squared error relative to the energy of the tensor."""
    return float((quantizer(x) - x).square().sum() / x.square().sum())


def uniform(x: torch.Tensor, bits: int) -> Uniform:
    """Returns the uniform quantizer with the best factor of the range."""

    def made(low: torch.Tensor, high: torch.Tensor) -> Uniform:
        return Uniform.from_range(low, high, bits)

    return made(*mse(x, shrunk(minmax(x), [i / 25 for i in range(10, 28)]), made))


# Forms


@pytest.mark.parametrize("bits", BITS)
def test_a_whole_octave_is_log2_in_both_forms(bits: int) -> None:
    x = torch.rand(20_000, generator=generator()).pow(6)
    wanted = Logarithm(bits, steps=1)(x)
    for tabled in (True, False):
        assert torch.equal(AdaptiveLogarithm(bits, 37, tabled=tabled)(x), wanted)
    # The table has no mantissas but 1.
    table = AdaptiveLogarithm(bits, 37).table()[:-1]
    assert torch.equal(table, 2.0 ** -torch.arange(2.0**bits))


@pytest.mark.parametrize("bits", BITS)
def test_half_an_octave_is_the_root_of_two(bits: int) -> None:
    x = torch.rand(20_000, generator=generator()).pow(6)
    half = AdaptiveLogarithm(bits, RESOLUTION / 2, tabled=False)
    torch.testing.assert_close(half(x), Logarithm(bits, steps=2)(x), rtol=1e-6, atol=0)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("q", [1, 10, 16, 27, 36, 90, 138])
@pytest.mark.parametrize("bits", BITS)
def test_forms_differ_by_less_than_a_mantissa(bits: int, q: int, strict: bool) -> None:
    tabled = AdaptiveLogarithm(bits, q, strict=strict)
    free = AdaptiveLogarithm(bits, q, strict=strict, tabled=False)
    codes = torch.arange(tabled.zero_code + 1.0)
    assert tabled.zero_code == 2**bits - strict
    assert tabled.values(codes)[-1] == free.values(codes)[-1] == 0
    # Values below 1e-15 have no code: 49 octaves are the most.
    codes = torch.cat([codes[:-1][codes[:-1] * q < 49 * RESOLUTION], codes[-1:]])
    a, b = tabled.values(codes).double(), free.values(codes).double()
    largest = 1 / (2 ** (bits + 1) - 2)
    assert float(((a - b)[:-1].abs() / b[:-1]).max()) <= largest + 1e-6
    # A mantissa has bits + 1 bits.
    mantissas = a[:-1] * 2.0 ** torch.floor(codes[:-1].double() * q / RESOLUTION)
    whole = mantissas * (2 ** (bits + 1) - 2)
    torch.testing.assert_close(whole, whole.round(), rtol=0, atol=1e-4)


@pytest.mark.parametrize("scale", [1.0, 0.37, 5.25])
@pytest.mark.parametrize("q", [1, 10, 27])
@pytest.mark.parametrize("bits", BITS)
def test_powers_of_the_base_are_exact(bits: int, q: int, scale: float) -> None:
    quantizer = AdaptiveLogarithm(bits, q, torch.tensor(scale), tabled=False)
    codes = torch.arange(2.0**bits)
    x = quantizer.scale * torch.exp2(-codes * (q / RESOLUTION))
    assert torch.equal(quantizer.codes(x), codes)
    torch.testing.assert_close(quantizer(x), x, rtol=1e-6, atol=0)


def test_beyond_both_ends() -> None:
    quantizer = AdaptiveLogarithm(4, 16, torch.tensor(2.0))
    x = torch.tensor([-1.0, 0.0, 1e-30, 2.0, 50.0])
    assert quantizer(x).tolist() == [0, 0, 0, 2, 2]
    # The last code reaches down to its half step, 15.5 steps below the scale.
    edge = 2 * 2 ** (-15.5 * 16 / 37)
    assert float(quantizer(torch.tensor(edge * 1.01))) > 0
    assert float(quantizer(torch.tensor(edge * 0.99))) == 0
    strict = AdaptiveLogarithm(4, 16, torch.tensor(2.0), strict=True)
    assert float(strict(torch.tensor(edge * 1.01))) == 0


def test_the_form_without_tables_learns() -> None:
    quantizer = AdaptiveLogarithm(4, 16, torch.tensor(2.0), tabled=False)
    quantizer.scale.requires_grad_()
    x = torch.tensor([0.7, 1.3, 5.0, 1e-6], requires_grad=True)
    result = quantizer(x)
    result.sum().backward()
    # Straight-through: d/dx of s·(x/s) is x̂/x inside, 0 where clipped or 0.
    wanted = (result / x).detach()
    wanted[2:] = 0
    torch.testing.assert_close(x.grad, wanted)
    # Only what is clipped to the scale, here one value, moves with it.
    assert float(quantizer.scale.grad) == pytest.approx(1, abs=1e-5)


def test_shifted_ends_at_the_floor() -> None:
    quantizer = Shifted(AdaptiveLogarithm(4, 16, torch.tensor(3.0)))
    x = torch.tensor([-GELU_FLOOR, -1.0, 3 - GELU_FLOOR, 9.0])
    wanted = torch.tensor([-GELU_FLOOR, -GELU_FLOOR, 3 - GELU_FLOOR, 3 - GELU_FLOOR])
    torch.testing.assert_close(quantizer(x), wanted)
    assert not quantizer.exportable and quantizer.bits == 4


# The figures measured for card 33: softmax of N(0, 3²), GELU of N(−0.5, 1.5²)


@pytest.mark.parametrize(
    ("bits", "even", "octave", "best", "q"),
    [
        (3, 0.0473, 0.0448, 0.0309, 27),
        (4, 0.0188, 0.0440, 0.0099, 16),
        (6, 0.0027, 0.044, 0.003, 10),
    ],
)
def test_errors_on_a_softmax(
    softmax: torch.Tensor, bits: int, even: float, octave: float, best: float, q: int
) -> None:
    assert error(uniform(softmax[:8], bits), softmax) == pytest.approx(even, rel=0.05)
    assert error(Logarithm(bits, steps=1), softmax) == pytest.approx(octave, rel=0.05)
    found = error(AdaptiveLogarithm(bits, q), softmax)
    assert found == pytest.approx(best, rel=0.05)
    # The card's base is the best of the official candidates, but for what the table rounds.
    some = softmax[:4]
    errors = {each: error(AdaptiveLogarithm(bits, each), some) for each in range(10, 139)}
    least = min(errors, key=errors.__getitem__)
    assert abs(least - q) <= 2
    assert errors[least] >= 0.95 * errors[q]


@pytest.mark.parametrize(
    ("bits", "even", "best"), [(3, 0.0282, 0.0271), (4, 0.0175, 0.0081), (6, 0.0019, 0.0036)]
)
def test_errors_on_gelu(gelu: torch.Tensor, bits: int, even: float, best: float) -> None:
    some = gelu[::25]
    low, high = minmax(gelu)

    def made(low: torch.Tensor, high: torch.Tensor) -> Uniform:
        return Uniform.from_range(low, high, bits)

    ranges = shrunk((low, high), [i / 25 for i in range(10, 28)])
    assert error(made(*mse(some, ranges, made)), some) == pytest.approx(even, rel=0.05)
    # The scale is the 99.99 % quantile; a search over scales finds less at 3 bits (0.0247).
    scale = some.sort().values[-len(some) // 10_000] + GELU_FLOOR
    found = min(error(Shifted(AdaptiveLogarithm(bits, q, scale)), some) for q in range(10, 35))
    assert found == pytest.approx(best, rel=0.05)


@pytest.mark.parametrize(("bits", "q", "symbols"), [(3, 27, 9), (4, 16, 17), (6, 10, 65)])
def test_the_zero_is_a_symbol_more_unless_strict(
    softmax: torch.Tensor, bits: int, q: int, symbols: int
) -> None:
    # A code of 6 bits reaches down to 2^-17; and a uniform fill shows all codes above.
    x = torch.cat(
        [softmax[:2].flatten(), torch.exp2(-20 * torch.rand(10_000, generator=generator()))]
    )
    assert len(AdaptiveLogarithm(bits, q)(x).unique()) == symbols
    assert len(AdaptiveLogarithm(bits, q, strict=True)(x).unique()) == symbols - 1 == 2**bits


def test_from_six_bits_bases_below_the_official_bound_beat_uniform(softmax: torch.Tensor) -> None:
    some = softmax[:4]
    even = error(uniform(some, 6), some)
    official = min(error(AdaptiveLogarithm(6, q), some) for q in range(10, 20))
    searched = min(error(AdaptiveLogarithm(6, q), some) for q in range(1, 10))
    assert official > even > 2 * searched
    assert math.isclose(searched, 0.00093, rel_tol=0.05)
