# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""iLLaMA: positions, mask, norms and the place of its class token (card 53)."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402

from test.models.backbones.randomised import randomise  # noqa: E402
from test.models.shapes import KINDS, shapes  # noqa: E402
from vit_perception.models.backbones.illama import (  # noqa: E402
    Attention,
    ILLaMA,
    RMSNorm,
    SwiGLU,
    rotated,
)

pytestmark = pytest.mark.torch


def small(**options: object) -> ILLaMA:
    torch.manual_seed(0)
    return randomise(ILLaMA(64, 3, 4, img_size=(64, 96), num_classes=5, **options))


def queries(count: int = 6, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(2, 2, 4, count, 16, generator=generator))


@pytest.mark.parametrize(("width", "hidden"), [(192, 512), (384, 1024), (768, 2048), (1024, 2816)])
def test_hidden_sizes_of_the_card(width: int, hidden: int) -> None:
    with torch.device("meta"):
        assert SwiGLU(width).gate.out_features == hidden


def test_rotation_equals_the_complex_form_and_tells_distances() -> None:
    x = torch.randn(1, 1, 9, 16, dtype=torch.float64)
    turns = torch.outer(torch.arange(9.0), 10_000 ** (-torch.arange(0, 16, 2) / 16)).double()
    unit = torch.polar(torch.ones_like(turns), turns)
    wanted = torch.view_as_real(torch.view_as_complex(x.unflatten(3, (-1, 2))) * unit).flatten(3)
    torch.testing.assert_close(rotated(x), wanted, rtol=1e-6, atol=1e-6)
    same = x[:, :, :1].expand(-1, -1, 9, -1)
    products = rotated(same)[0, 0] @ rotated(same)[0, 0].T
    for offset in range(-8, 9):
        diagonal = products.diagonal(offset)
        torch.testing.assert_close(
            diagonal, diagonal[:1].expand_as(diagonal), rtol=1e-5, atol=1e-5
        )


def test_the_mask_lies_behind_the_softmax() -> None:
    attention = Attention(64, 4, strict=False)
    query, key = queries()
    weights = attention.weights(query, key)
    assert not weights.triu(1).any()
    rows = weights.sum(3)
    assert (rows[:, :, :-1] < 1).all()
    torch.testing.assert_close(rows[:, :, -1], torch.ones_like(rows[:, :, -1]))
    attention.soft_mask = 1.0
    whole = attention.weights(query, key)
    torch.testing.assert_close(whole.tril(), weights)
    attention.soft_mask = 0.25
    torch.testing.assert_close(attention.weights(query, key), 0.25 * whole + 0.75 * weights)
    attention.strict = True
    torch.testing.assert_close(attention.weights(query, key).sum(3), torch.ones_like(rows))


@torch.no_grad()
@pytest.mark.parametrize("strict", [False, True])
def test_later_tokens_matter_by_the_sum_alone(strict: bool) -> None:
    attention = Attention(64, 4, strict=strict)
    query, key = queries()
    changed = key.clone()
    changed[:, :, 4] += 1
    before, after = attention.weights(query, key), attention.weights(query, changed)
    ratio = (after / before)[:, :, 3, :4]
    if strict:
        torch.testing.assert_close(ratio, torch.ones_like(ratio))
    else:
        assert (ratio - 1).abs().max() > 1e-3
        torch.testing.assert_close(ratio, ratio[..., :1].expand_as(ratio))


@torch.no_grad()
def test_without_a_mask_tokens_see_each_other() -> None:
    model = small()
    image = torch.rand(1, 3, 64, 96)
    other = image.clone()
    other[:, :, -16:, -16:] += 1  # the last patch
    for value, reaches in ((1.0, True), (0.0, True)):
        model.set_soft_mask(value)
        moved = (model.forward_features(other) - model.forward_features(image)).abs().amax(2)[0]
        assert (moved[:-2] > 0).any() == reaches
    strict = small(strict=True)
    moved = (strict.forward_features(other) - strict.forward_features(image)).abs().amax(2)[0]
    assert not moved[:-2].any() and moved[-2:].all()
    with pytest.raises(ValueError, match="soft mask: expected 0 to 1, found 2"):
        model.set_soft_mask(2)


@torch.no_grad()
def test_a_class_token_in_front_would_see_nothing() -> None:
    """With a strict mask the first token of a sequence is the same for every picture."""
    strict = small(strict=True)

    def first(image: Tensor) -> Tensor:
        patches = strict.patches(image).flatten(2).transpose(1, 2)
        return strict.blocks(torch.cat((strict.class_token, patches), 1))[:, 0]

    one, other = torch.rand(2, 1, 3, 64, 96)
    assert torch.equal(first(one), first(other))
    assert not torch.allclose(strict(one), strict(other))


@torch.no_grad()
def test_the_norm_is_that_of_torch() -> None:
    ours, theirs = randomise(RMSNorm(32)), nn.RMSNorm(32, 1e-6)
    theirs.load_state_dict(ours.state_dict())
    x = 3 * torch.randn(2, 5, 32)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-6, atol=1e-6)


@pytest.mark.slow
def test_it_learns_shapes_from_its_last_token() -> None:
    torch.manual_seed(0)
    model = ILLaMA(96, 4, 4, img_size=64, num_classes=KINDS)
    images, kinds = shapes(1000, 64, 0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    rounds = 30
    for round_ in range(rounds):
        # The mask comes in over the first half, as the paper's does.
        model.set_soft_mask(max(0.0, 1 - 2 * round_ / rounds))
        order = torch.randperm(1000, generator=torch.Generator().manual_seed(round_))
        for some in order.split(50):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images[some]), kinds[some]).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
    model.set_soft_mask(0.0)
    with torch.no_grad():
        right = float((model.eval()(images).argmax(1) == kinds).float().mean())
    print(right)
    assert right > 0.9
