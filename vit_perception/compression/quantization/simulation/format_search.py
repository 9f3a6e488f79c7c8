# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Searches formats and exponent biases of a layer by the error of its output (FPQ, card 41)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from vit_perception.compression.quantization.simulation.capture import Record
from vit_perception.compression.quantization.simulation.float_formats import (
    FloatFormat,
    Format,
    shifts,
)
from vit_perception.compression.quantization.simulation.layers import (
    Layer,
    WeightedLayer,
)
from vit_perception.compression.quantization.simulation.search import output_error


@dataclass
class FormatOperand:
    """An operand of a layer, as far as the search knows it.

    Attributes:
        name: attribute of the layer with its quantizer.
        starts: for each format the bias by min-max.
        format: the chosen one.
        axis: of the layer's output that the biases act on separately, if any.
        multiplicative: whether a factor multiplies the bias; otherwise the largest value.
        shift: fixed integers added to the bias, see `FloatFormat`.
        channels: for each format the biases of input channels, from which `shifts` are drawn.
        factors: for each format the best, in the shape of its bias.
    """

    name: str
    starts: dict[Format, Tensor]
    format: Format
    axis: int | None = None
    multiplicative: bool = False
    shift: Tensor | None = None
    channels: dict[Format, Tensor] | None = None
    factors: dict[Format, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.factors = {each: torch.ones_like(bias) for each, bias in self.starts.items()}

    def quantizer(self, form: Format, factor: float | None = None) -> FloatFormat:
        """Returns the quantizer of a format with its best factors, or with one for all."""
        start, factors = self.starts[form], self.factors[form]
        if factor is not None:
            factors = torch.full_like(start, factor)
        bias = start * factors if self.multiplicative else start - factors.log2()
        shift = self.shift
        if self.channels is not None:
            shift = shifts(self.channels[form], bias, form[0])
        return FloatFormat(*form, bias, shift)


def search_formats(
    layer: Layer,
    record: Record,
    operands: Sequence[FormatOperand],
    factors: Sequence[float],
    rounds: int,
) -> list[float]:
    """Sets the quantizers of a layer to the formats and biases with the least output error.

    A round searches the biases of each operand for each of its formats, then the format of each
    operand with the biases found. The best so far stays.

    Args:
        layer: its quantizers of these operands are replaced, others stay.
        record: of it in float, see `output_error`.
        operands: in the order of the search.
        factors: to try, see `FormatOperand`.
        rounds: 0 leaves what the operands begin with.

    Returns:
        The error at the beginning and after each round; it never rises.
    """
    for each in operands:
        setattr(layer, each.name, each.quantizer(each.format))
    losses = [float(output_error(layer, record))]
    # What an operand's search finds depends on the others alone: the same others are not
    # searched again.
    seen: dict[str, list[FloatFormat]] = {}
    for _ in range(rounds):
        for each in operands:
            others = [getattr(layer, other.name) for other in operands if other is not each]
            if each.name not in seen or not _alike(seen[each.name], others):
                _search_biases(layer, record, each, factors)
                seen[each.name] = others
        for each in operands:
            _choose_format(layer, record, each)
        losses.append(float(output_error(layer, record)))
    return losses


def _alike(some: Sequence[FloatFormat], others: Sequence[FloatFormat]) -> bool:
    return all(
        (one.exponent, one.mantissa) == (other.exponent, other.mantissa)
        and torch.equal(one.scale, other.scale)
        for one, other in zip(some, others, strict=True)
    )


def _search_biases(
    layer: Layer, record: Record, operand: FormatOperand, factors: Sequence[float]
) -> None:
    """Sets the best factors of each format while the other operands stay."""
    with _others_fixed(layer, record, operand.name) as fixed:
        for form, best in operand.factors.items():
            setattr(layer, operand.name, operand.quantizer(form))
            least = output_error(layer, fixed, operand.axis)
            for factor in factors:
                setattr(layer, operand.name, operand.quantizer(form, factor))
                error = output_error(layer, fixed, operand.axis)
                better = error < least
                least = torch.where(better, error, least)
                best = torch.where(better.reshape(best.shape), factor, best)
            operand.factors[form] = best
    setattr(layer, operand.name, operand.quantizer(operand.format))


def _choose_format(layer: Layer, record: Record, operand: FormatOperand) -> None:
    with _others_fixed(layer, record, operand.name) as fixed:
        errors = {}
        for form in (operand.format, *operand.starts):
            setattr(layer, operand.name, operand.quantizer(form))
            errors[form] = float(output_error(layer, fixed))
    operand.format = min(errors, key=errors.__getitem__)
    setattr(layer, operand.name, operand.quantizer(operand.format))


@contextmanager
def _others_fixed(layer: Layer, record: Record, name: str) -> Iterator[Record]:
    """Quantizes all operands but one in advance; yields the record to use meanwhile."""
    names = [each for each in ("weight_quantizer", *layer.OPERANDS) if hasattr(layer, each)]
    kept = {each: getattr(layer, each) for each in names if each != name}
    kept = {each: quantizer for each, quantizer in kept.items() if quantizer is not None}
    inputs = tuple(
        kept[each](x) if each in kept else x
        for each, x in zip(layer.OPERANDS, record.inputs, strict=True)
    )
    for each in kept:
        setattr(layer, each, None)
    if isinstance(layer, WeightedLayer) and "weight_quantizer" in kept:
        layer.weight_quantizer = _Fixed(kept["weight_quantizer"](layer.weight))
    try:
        yield Record(inputs, record.output, record.gradient)
    finally:
        for each, quantizer in kept.items():
            setattr(layer, each, quantizer)


class _Fixed(nn.Module):
    """Gives the same tensor for any."""

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.value = value

    def forward(self, x: Tensor) -> Tensor:
        return self.value
