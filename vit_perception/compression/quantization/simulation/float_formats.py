# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Floating-point formats of few bits, with a real-valued exponent bias (LLM-FP4, card 41)."""

from __future__ import annotations

import torch
from torch import Tensor

from vit_perception.compression.quantization.simulation.quantizers import Quantizer, rounded

Format = tuple[int, int]
"""Bits of exponent and mantissa."""
# A channel of zeros would have an infinite bias.
_SMALLEST = 2.0**-24


class FloatFormat(Quantizer):
    """Sign, exponent and mantissa; neither infinity nor NaN (arXiv 2310.16836, section 3.1).

    A format of e and m bits is called EeMm.

    With p = max(⌊log2|x| + bias⌋, 1), where 1 also covers the subnormals, the step is
    2^(p − m − bias). A value is 2^−bias times an integer code's value, so the bias takes the place
    of a scale. Rounds half to even. The gradient is straight-through inside the range.

    With one exponent bit the steps are equal: E1M2 is a symmetric uniform quantizer of 15 levels.
    E4M3 is ONNX's float8e4m3fn with the scale 2^(7 − bias), but for the codes above 448, which
    are NaN there. ONNX Runtime's CPU engine computes in none of these formats.

    Args:
        exponent: bits e, at least 1.
        mantissa: bits m, at least 0.
        bias: of the exponent, float of a shape that broadcasts with what is quantized.
        shift: integer valued, added to the bias; of a shape that broadcasts with it. None: 0.
            What differs between channels of the reduced axis is kept here: a power of two that
            moves from one factor to the other without rounding.
    """

    bias: Tensor
    shift: Tensor | None

    def __init__(
        self, exponent: int, mantissa: int, bias: Tensor, shift: Tensor | None = None
    ) -> None:
        super().__init__(1 + exponent + mantissa)
        self.exponent, self.mantissa = exponent, mantissa
        self.register_buffer("bias", bias.detach().clone().float())
        self.register_buffer("shift", None if shift is None else shift.detach().clone().float())

    @property
    def highest(self) -> float:
        """Largest value of a code, where the bias is 0."""
        return float((2 - 2.0**-self.mantissa) * 2.0 ** (2**self.exponent - 1))

    @property
    def scale(self) -> Tensor:
        """2^−(bias + shift), the unit of codes; float64."""
        bias = self.bias.double()
        return torch.exp2(-(bias if self.shift is None else bias + self.shift))

    def codes(self, x: Tensor) -> Tensor:
        """Returns the values of the nearest codes where the bias is 0, of the shape of ``x``."""
        x = (x / self.scale.to(x.dtype)).clamp(-self.highest, self.highest)
        # x over its mantissa in [0.5, 1) is exactly 2^(⌊log2|x|⌋ + 1), where log2 would round; of
        # 0 it is NaN, which fmax ignores.
        power = x.detach() / torch.frexp(x.detach()).mantissa
        step = torch.fmax(power / 2, power.new_tensor(2)) / 2**self.mantissa
        codes: Tensor = rounded(x / step) * step
        return codes

    def values(self, codes: Tensor) -> Tensor:
        """Returns the values of codes."""
        return codes * self.scale.to(codes.dtype)

    def forward(self, x: Tensor) -> Tensor:
        """Returns the nearest values of the shape of ``x``."""
        return self.values(self.codes(x))

    def extra_repr(self) -> str:
        """Returns format and shape of the bias for `repr`."""
        return f"E{self.exponent}M{self.mantissa}, bias={tuple(self.bias.shape)}"


def bias_of(largest: Tensor, exponent: int, mantissa: int) -> Tensor:
    """Returns the bias with which the largest code is a given value (card 41).

    2^e − log2(largest) + log2(2 − 2^−m) − 1, as float of the shape of ``largest``.

    Args:
        largest: absolute values, float ≥ 0.
        exponent, mantissa: bits of the format.
    """
    top = torch.log2(torch.tensor(2 - 2.0**-mantissa, dtype=torch.float64))
    octave = largest.detach().double().clamp(min=_SMALLEST).log2()
    bias: Tensor = 2**exponent - 1 + top - octave
    return bias.float()


def formats_of(bits: int) -> list[tuple[int, int]]:
    """Returns exponent and mantissa bits of the formats that FPQ searches, by exponent bits.

    At least one exponent bit; from 7 bits on, at most five (card 41, Configurations).
    """
    return [(exponent, bits - 1 - exponent) for exponent in range(1, min(bits - 1, 5) + 1)]


def shifts(channels: Tensor, bias: Tensor, exponent: int) -> Tensor:
    """Returns what is added to a shared bias in each channel: clip(round(b̃_j − ρ), 0, 2^e − 1).

    This is the paper's rounding. The official code rounds b̃_j and ρ before it subtracts, which
    can differ by one and leaves up to 1 between b̃_j and the result in place of 0.5.

    Args:
        channels: biases b̃_j, each from the largest value of its channel.
        bias: the shared ρ.
        exponent: bits e.
    """
    return (channels - bias).round().clamp(0, 2**exponent - 1)
