# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The progressive search finds what an exhaustive one does."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from test.compression.quantization.tiny import pictures, tiny_vit  # noqa: E402
from vit_perception.compression.quantization.simulation.capture import (  # noqa: E402
    Record,
    records,
)
from vit_perception.compression.quantization.simulation.layers import (  # noqa: E402
    Layer,
    QuantizedProduct,
    layers_of,
)
from vit_perception.compression.quantization.simulation.observers import (  # noqa: E402
    HEAD,
    OUT_CHANNEL,
    TENSOR,
    Sharing,
)
from vit_perception.compression.quantization.simulation.output_errors import (  # noqa: E402
    Error,
    operand_error,
    own_error,
    weight_error,
)
from vit_perception.compression.quantization.simulation.progressive import (  # noqa: E402
    Effort,
    Grid,
    progressive,
    uniform_grid,
)
from vit_perception.compression.quantization.simulation.quantizers import Uniform  # noqa: E402
from vit_perception.compression.quantization.simulation.wrapped import wrap  # noqa: E402

pytestmark = pytest.mark.torch

EFFORT = Effort()


def valley(scale: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Least at scale 0.3137 for other 5, and at 0.7 for other 2, for two groups."""
    places = torch.where(other == 5, 0.3137, 0.7)
    return ((scale - places).square() + (other != torch.tensor([5.0, 2.0]))).double()


def coarse() -> Grid:
    scales = torch.linspace(0, 1, 8)[:, None].expand(-1, 2)
    others = torch.arange(8.0).repeat_interleave(8)[:, None].expand(-1, 2)
    return Grid(scales.repeat(8, 1), others, scales[1] - scales[0])


def test_groups_are_searched_side_by_side() -> None:
    scale, other, error = progressive(valley, coarse(), Effort(64, 8, 6))
    assert other.tolist() == [5, 2]
    torch.testing.assert_close(scale, torch.tensor([0.3137, 0.7]), rtol=0, atol=1e-4)
    torch.testing.assert_close(error, valley(scale, other))
    errors = [progressive(valley, coarse(), Effort(64, 8, steps))[2] for steps in (1, 2, 3, 6)]
    for before, after in zip(errors, errors[1:], strict=False):
        assert bool((after <= before).all())


def test_the_best_pair_so_far_is_kept() -> None:
    # A single good point; refined scales leave out the middle, so that no later step sees it.
    def needle(scale: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        return torch.where((scale == 0.5) & (other == 3), 0.0, 1.0).double()

    scales = torch.linspace(0, 1, 9)[:, None]
    grid = Grid(
        scales.repeat(2, 1), torch.tensor([[3.0]] * 9 + [[4.0]] * 9), scales[1] - scales[0]
    )
    for steps in (1, 2, 6):
        scale, other, error = progressive(needle, grid, Effort(16, 4, steps))
        assert (float(scale), float(other), float(error)) == (0.5, 3, 0)
    better = grid.and_pair(torch.tensor([7.0]), torch.tensor([1.0]))
    assert progressive(lambda s, o: (s - 7).abs().double(), better, Effort(16, 4))[0] == 7


def test_the_number_of_evaluations() -> None:
    seen: list[float] = []

    def counted(scale: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        seen.append(float(scale))
        return (scale - 0.3).abs().double()

    scales = torch.linspace(0.1, 1, 128)[:, None]
    progressive(counted, Grid(scales, torch.zeros_like(scales), scales[1] - scales[0]), EFFORT)
    assert len(seen) == 6 * 128
    for wrong in ({"width": 65}, {"width": 0}, {"steps": 0}):
        with pytest.raises(ValueError, match="effort: expected a width from 1 to half of the"):
            Effort(**{"candidates": 128, **wrong})


def test_a_grid_begins_as_the_paper_says() -> None:
    x = torch.rand(1001, generator=torch.Generator().manual_seed(0)) * 4 - 1
    grid = uniform_grid(x, 4, TENSOR, EFFORT, zero_points=8)
    official = slice(0, 128)
    assert grid.others[official, 0].unique().tolist() == list(range(4, 12))
    scales = grid.scales[official, 0].unique()
    assert len(scales) == 16
    near, far = x.quantile(0.9) - x.quantile(0.1), x.max() - x.min()
    torch.testing.assert_close(scales[[0, -1]], torch.stack([near, far]) / 15)
    # Then come scales for the zero point of the range; the last pair is the range.
    assert len(grid.scales) == 128 + 16
    last = Uniform.from_range(x.min(), x.max(), 4)
    torch.testing.assert_close(grid.scales[-1, 0], last.scale)
    assert bool((grid.others[128:, 0] == last.zero_point).all())


def test_tensors_of_one_sign_find_their_zero_point_at_many_bits() -> None:
    x = torch.rand(1001, generator=torch.Generator().manual_seed(0)) * 3
    for values, zero in ((x, 0), (-x, 255)):
        quantizer, error = fitted(values, 8, TENSOR, 16, own_error(values))
        assert float(quantizer.zero_point) == zero
        assert error / float(x.square().sum()) < 1e-5
    free = uniform_grid(x + 5, 4, TENSOR, EFFORT, zero_points=16, free=True)
    assert float(free.others[-1]) == round(-float((x + 5).min() / free.scales[-1])) < 0


def fitted(
    x: torch.Tensor,
    bits: int,
    sharing: Sharing,
    zero_points: int,
    error: Error,
    effort: Effort = EFFORT,
    grid: Grid | None = None,
) -> tuple[Uniform, float]:
    """Returns the quantizer a search finds and its error, summed over groups."""
    grid = grid or uniform_grid(x, bits, sharing, effort, zero_points=zero_points)
    shape = sharing.spread(grid.scales[0], x).shape
    quantizer = Uniform(bits, grid.scales[0].reshape(shape))

    def errors(scale: torch.Tensor, zero: torch.Tensor) -> torch.Tensor:
        quantizer.scale, quantizer.zero_point = scale.reshape(shape), zero.reshape(shape)
        return error(quantizer(x)).double().reshape(-1)

    scale, zero, least = progressive(errors, grid, effort)
    quantizer.scale, quantizer.zero_point = scale.reshape(shape), zero.reshape(shape)
    return quantizer, float(least.sum())


def exhaustive(
    x: torch.Tensor, bits: int, sharing: Sharing, zero_points: int, error: Error
) -> float:
    """Returns the least error of 128 scales × the zero points."""
    every = Effort(128 * zero_points, 1, 1)
    grid = uniform_grid(x, bits, sharing, every, zero_points=zero_points)
    grid = Grid(*(each[: 128 * zero_points] for each in (grid.scales, grid.others)), grid.spacing)
    return fitted(x, bits, sharing, zero_points, error, every, grid)[1]


def operands(layer: Layer, record: Record) -> list[tuple[torch.Tensor, Sharing, int, Error]]:
    """Returns what a layer's search is about: values, groups, zero points of 4 bits, error."""
    sharing, zeros = (HEAD, 8) if isinstance(layer, QuantizedProduct) else (TENSOR, 16)
    found = [
        (values, sharing, zeros, operand_error(layer, record, number))
        for number, values in enumerate(record.inputs)
    ]
    if not isinstance(layer, QuantizedProduct):
        found.append((layer.weight, OUT_CHANNEL, 8, weight_error(layer, record)))
    return found


@pytest.mark.slow
def test_every_layer_is_no_worse_than_a_full_grid() -> None:
    images = pictures(2)
    model = wrap(tiny_vit(), images[:1])
    compared = 0
    for layer, record in records(model, layers_of(model), [images]):
        if layer.place.name.startswith("blocks.1"):
            continue
        for values, sharing, zeros, error in operands(layer, record):
            _, least = fitted(values, 4, sharing, zeros, error)
            grid = uniform_grid(values, 4, sharing, EFFORT, zero_points=zeros)
            first = Grid(grid.scales[:128], grid.others[:128], grid.spacing)
            once = Effort(128, 16, 1)
            assert least <= fitted(values, 4, sharing, zeros, error, once, first)[1]
            full = exhaustive(values, 4, sharing, zeros, error)
            assert least <= 1.02 * full, layer.place.name
            compared += 1
    assert compared == 6 * 2 + 2 * 2
