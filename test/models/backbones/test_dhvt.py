# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""DHVT: tokens of heads, and the class token's weights (card 60)."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from test.models.backbones.randomised import randomise  # noqa: E402
from test.models.shapes import KINDS, shapes  # noqa: E402
from vit_perception.models.backbones.dhvt import (  # noqa: E402
    DHVT,
    DynamicPerceptron,
    HeadAttention,
    Patches,
)

pytestmark = pytest.mark.torch


@torch.no_grad()
def test_without_tokens_of_heads_it_is_plain_attention(monkeypatch: pytest.MonkeyPatch) -> None:
    attention = randomise(HeadAttention(32, 4))
    x = torch.randn(2, 7, 32)
    parts = attention.qkv(x).unflatten(2, (3, 4, -1)).permute(2, 0, 3, 1, 4)
    seen = F.scaled_dot_product_attention(*parts.unbind(0))
    plain = attention.proj(seen.transpose(1, 2).flatten(2))

    def deaf(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        mask = torch.zeros(query.shape[2], query.shape[2])
        mask[:, -4:] = float("-inf")
        return torch.softmax(query @ key.transpose(2, 3) * 8**-0.5 + mask, 3) @ value

    monkeypatch.setattr(F, "scaled_dot_product_attention", deaf)
    found = attention(x)
    torch.testing.assert_close(found[:, 1:], plain[:, 1:], rtol=1e-5, atol=1e-6)
    assert not torch.allclose(found[:, 0], plain[:, 0])  # the mean of the heads' tokens is added


@torch.no_grad()
def test_tokens_of_heads_by_hand() -> None:
    attention = randomise(HeadAttention(12, 3))
    x = torch.randn(1, 5, 12)
    found = attention.head_tokens(x)
    for head in range(3):
        told = attention.tell(x[0, :, 4 * head : 4 * head + 4].mean(0)).reshape(3, 4)
        wanted = F.gelu(attention.norm(told)).flatten() + attention.embedding[0, head]
        torch.testing.assert_close(found[0, head], wanted)


@torch.no_grad()
def test_attention_knows_no_places_and_the_perceptron_does() -> None:
    attention, perceptron = randomise(HeadAttention(32, 4)), randomise(DynamicPerceptron(32))
    x = torch.randn(1, 13, 32)
    order = torch.cat((torch.zeros(1, dtype=torch.long), 1 + torch.randperm(12)))
    torch.testing.assert_close(
        attention(x[:, order]), attention(x)[:, order], rtol=1e-5, atol=1e-5
    )
    assert not torch.allclose(perceptron(x[:, order], (3, 4)), perceptron(x, (3, 4))[:, order])


@torch.no_grad()
def test_patches_scale_the_class_token_and_nothing_else_touches_it() -> None:
    perceptron = randomise(DynamicPerceptron(16))
    x = torch.randn(2, 13, 16)
    weights = perceptron(x, (3, 4))[:, 0] / x[:, 0]
    other = x.clone()
    other[:, 0] = torch.randn(2, 16)
    torch.testing.assert_close(perceptron(other, (3, 4))[:, 0] / other[:, 0], weights)
    for parameter in perceptron.reduce.parameters():
        nn.init.zeros_(parameter)
    perceptron.reduce.norm.running_mean.zero_()
    first, hidden, second = perceptron.weigh
    alone = second(hidden(first.bias))
    torch.testing.assert_close(perceptron(x, (3, 4))[:, 0], x[:, 0] * alone)


def test_convolutions_of_patches() -> None:
    widths = [each.conv.out_channels for each in Patches(3, 192, 16) if hasattr(each, "conv")]
    assert widths == [24, 48, 96, 192]
    assert [type(each).__name__ for each in Patches(3, 192, 2)] == [
        "Affine",
        "ConvNorm",
        "GELU",
        "Affine",
    ]
    assert [type(each).__name__ for each in Patches(3, 192, 4)][-2:] == ["ConvNorm", "Affine"]


@pytest.mark.slow
def test_it_learns_from_little_data() -> None:
    torch.manual_seed(0)
    model = DHVT(48, 4, patch=4, depth=4, num_classes=KINDS)
    images, kinds = shapes(1000, 32, 0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    for round_ in range(15):
        order = torch.randperm(1000, generator=torch.Generator().manual_seed(round_))
        for some in order.split(50):
            optimizer.zero_grad()
            F.cross_entropy(model(images[some]), kinds[some]).backward()
            optimizer.step()
    others, wanted = shapes(500, 32, 1)
    with torch.no_grad():
        right = float((model.eval()(others).argmax(1) == wanted).float().mean())
    print(right)
    assert right > 0.7
