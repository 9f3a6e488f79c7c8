# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Rules that carry relevance from an operator's result to its inputs (Chefer et al., CVPR 2021).

The facts are card 48's, read from the public code of "Transformer Interpretability Beyond
Attention Visualization" (modules/layers_ours.py). ``op(x, w)`` is linear in each of both.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Bilinear = Callable[[Tensor, Tensor], Tensor]

_FLOOR = 1e-9


def ratio(relevance: Tensor, total: Tensor) -> Tensor:
    """Returns relevance / total, with totals of at least 1e-9 in size; 0 where a total is 0."""
    sized = torch.where(total.abs() < _FLOOR, total.sign() * _FLOOR, total)
    return torch.where(total == 0, torch.zeros_like(total), relevance / sized)


def of_linear(
    op: Bilinear, x: Tensor, weight: Tensor, relevance: Tensor, alpha: float = 1.0
) -> Tensor:
    """Returns the relevance of ``x`` in y = op(x, weight) + bias, whose bias is ignored.

    With Z = x⁺W⁺ + x⁻W⁻ and S = R/Z: x⁺⊙(SW⁺) + x⁻⊙(SW⁻). For α > 1 that is taken α times, less
    α − 1 times the same with W⁺ and W⁻ exchanged.
    """
    plus, minus = weight.clamp(min=0), weight.clamp(max=0)

    def part(above: Tensor, below: Tensor) -> Tensor:
        with torch.enable_grad():
            up = x.detach().clamp(min=0).requires_grad_()
            down = x.detach().clamp(max=0).requires_grad_()
            total = op(up, above) + op(down, below)
        by_up, by_down = torch.autograd.grad(total, (up, down), ratio(relevance, total.detach()))
        return (up * by_up + down * by_down).detach()

    found = part(plus, minus)
    return found if alpha == 1 else alpha * found - (alpha - 1) * part(minus, plus)


def of_image(op: Bilinear, x: Tensor, weight: Tensor, relevance: Tensor) -> Tensor:
    """Returns the relevance of an image behind its first convolution: the z^B rule.

    With L and H the least and the largest value of each image, Z = x·W − L·W⁺ − H·W⁻ and S = R/Z,
    it is x⊙(SW) − L⊙(SW⁺) − H⊙(SW⁻).
    """
    dims = tuple(range(1, x.ndim))
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        low = x.detach().amin(dims, keepdim=True).expand_as(x).clone().requires_grad_()
        high = x.detach().amax(dims, keepdim=True).expand_as(x).clone().requires_grad_()
        total = op(x, weight) - op(low, weight.clamp(min=0)) - op(high, weight.clamp(max=0))
    inputs = (x, low, high)
    found = torch.autograd.grad(total, inputs, ratio(relevance, total.detach()))
    return sum((each * by for each, by in zip(inputs, found, strict=True)), start=0 * x).detach()


def of_sum(a: Tensor, b: Tensor, relevance: Tensor, images: int) -> tuple[Tensor, Tensor]:
    """Returns the relevance of both parts of a + b; shapes may broadcast along the first axis.

    In proportion to the parts, a·S and b·S with S = R/(a + b). Then both are scaled so that the
    totals of an image are R's total in the ratio of |Σa·S| and |Σb·S|.

    Args:
        a, b: the parts; a − c is a + (−c).
        relevance: of the sum.
        images: in the batch; rows of the first axis belong to them in equal, consecutive parts.
    """
    share = ratio(relevance, a + b)
    of_a, of_b = a * share, b * share
    groups = images if len(relevance) % images == 0 else len(relevance)

    def totals(x: Tensor) -> Tensor:
        return x.reshape(groups, -1).sum(1)

    total_a, total_b = totals(of_a), totals(of_b)
    both = total_a.abs() + total_b.abs()

    def scaled(x: Tensor, total: Tensor) -> Tensor:
        wanted = ratio(total.abs(), both) * totals(relevance)
        return (x.reshape(groups, -1) * ratio(wanted, total)[:, None]).reshape(x.shape)

    scaled_a, scaled_b = scaled(of_a, total_a), scaled(of_b, total_b)
    return scaled_a.sum_to_size(a.shape), scaled_b.sum_to_size(b.shape)


def of_mean(op: Callable[[Tensor], Tensor], x: Tensor, relevance: Tensor) -> Tensor:
    """Returns the relevance of ``x`` in y = op(x), a mean or another linear map without a weight.

    In proportion: x⊙∂y/∂x·(R/y).
    """
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        result = op(x)
    (by_x,) = torch.autograd.grad(result, x, ratio(relevance, result.detach()))
    return (x * by_x).detach()


def of_product(op: Bilinear, a: Tensor, b: Tensor, relevance: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the relevance of both operands of a product of activations.

    A⊙∂(AB)/∂A·(R/AB), and the same for B, each halved.
    """
    with torch.enable_grad():
        a, b = a.detach().requires_grad_(), b.detach().requires_grad_()
        product = op(a, b)
    by_a, by_b = torch.autograd.grad(product, (a, b), ratio(relevance, product.detach()))
    return (a * by_a / 2).detach(), (b * by_b / 2).detach()
