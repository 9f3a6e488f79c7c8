# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Reversed attention: what is sent is received; both forms of its product (card 03)."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402

from vit_perception.models.reversed_attention import ReversedAttention  # noqa: E402

pytestmark = pytest.mark.torch


def attention(width: int, heads: int, seed: int = 1) -> ReversedAttention:
    torch.manual_seed(seed)
    return ReversedAttention(width, heads)


@torch.no_grad()
def test_what_is_sent_is_what_is_received() -> None:
    layer = attention(24, 4)
    sent = torch.rand(2, 7)
    _, messages = layer(3 * torch.randn(2, 7, 24), sent)
    found = messages.dependencies()
    torch.testing.assert_close(found.sum(1), messages.sent, rtol=0, atol=1e-6)
    torch.testing.assert_close(found.sum(2), messages.received(), rtol=0, atol=1e-6)
    torch.testing.assert_close(messages.received().sum(1), messages.sent.sum(1))
    assert (messages.sent < sent).all()
    assert found.sum(2).std() > 0.1, "rows are not normalised"


@torch.no_grad()
def test_it_equals_two_maps_of_weights() -> None:
    """The plain form of the paper, with the reversed map itself."""
    layer = attention(24, 4)
    x, sent = 3 * torch.randn(2, 7, 24), torch.rand(2, 7)
    query, key, value = (
        each.unflatten(2, (4, 6)).transpose(1, 2) for each in layer.qkv(x).chunk(3, 2)
    )
    forward = (query @ key.transpose(2, 3) / math.sqrt(6)).softmax(3)
    head = (layer.choose(x) / 0.1).softmax(2)
    first, activation, second = layer.gate
    sent_now = sent * torch.sigmoid(second(activation(first(x))))[:, :, 0]
    reverse = torch.einsum("bhij,bih,bi->bhji", forward, head, sent_now)
    taken = torch.einsum("bhji,bhic->bjhc", reverse, value).flatten(2)
    out, _ = layer(x, sent)
    torch.testing.assert_close(out, layer.proj(taken), rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_one_head_and_an_open_gate_transpose_attention() -> None:
    """Three tokens at angles of 120 degrees, whose map is symmetric, are attended to as usual."""
    layer = attention(2, 1)
    layer.gate[2] = Open()
    eye, zero = torch.eye(2), torch.zeros(2, 2)
    layer.qkv.weight.copy_(torch.cat((2 * eye, 2 * eye, eye)))
    layer.proj.weight.copy_(eye)
    nn.init.zeros_(layer.proj.bias)
    angles = 2 * math.pi / 3 * torch.arange(3)
    x = torch.stack((angles.cos(), angles.sin()), 1)[None]
    out, messages = layer(x, torch.ones(1, 3))
    near, far = math.exp(4 / math.sqrt(2)), math.exp(-2 / math.sqrt(2))
    wanted = torch.full((3, 3), far).fill_diagonal_(near) / (near + 2 * far)
    torch.testing.assert_close(messages.dependencies()[0], wanted)
    torch.testing.assert_close(out[0], wanted @ x[0])
    # Without symmetry, columns sum to 1 and rows do not.
    layer.qkv.weight.copy_(torch.cat((3 * eye, torch.tensor([[0.0, 1], [2, 0]]), zero)))
    _, messages = layer(x, torch.ones(1, 3))
    found = messages.dependencies()[0]
    torch.testing.assert_close(found, messages.choices[0, 0].T)
    torch.testing.assert_close(found.sum(0), torch.ones(3))
    assert not torch.allclose(found.sum(1), torch.ones(3), atol=0.1)


class Open(nn.Module):
    """Logits that a sigmoid makes 1 of."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.full_like(x[..., :1], 100.0)
