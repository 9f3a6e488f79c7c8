# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""DependencyViT: dropping beside masking, its maps, and what it keeps (card 03)."""

from __future__ import annotations

import colorsys
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402

from test.models.backbones.randomised import randomise  # noqa: E402
from vit_perception.models.backbones.dependencyvit import (  # noqa: E402
    DROPPING,
    RATIO,
    Block,
    DependencyViT,
)
from vit_perception.models.macs import multiply_adds  # noqa: E402
from vit_perception.models.shelf import create_classifier  # noqa: E402
from vit_perception.models.token_stream import TokenStream, kept_of  # noqa: E402

pytestmark = pytest.mark.torch


def network(**options: Any) -> DependencyViT:
    """Returns a small network, whose gates differ much and whose logits tell of the picture."""
    torch.manual_seed(0)
    arguments = {"width": 24, "depth": 6, "heads": 4, "img_size": (64, 96), "num_classes": 5}
    model = randomise(DependencyViT(**arguments | options))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".attention." in name:
                parameter.mul_(2)
        assert isinstance(model, DependencyViT)
        assert isinstance(model.head, nn.Linear)
        model.head.weight.mul_(1000)
        nn.init.zeros_(model.head.bias)
    return model


@torch.no_grad()
def test_what_was_not_sent_is_never_sent_again() -> None:
    model = network()
    stream = model.begin(torch.rand(2, 3, 64, 96))
    for layer in range(6):
        before = stream.sent
        stream, _ = model.step(layer, stream, (4, 6))
        assert (stream.sent <= before).all() and (stream.sent > 0).all()


def test_tokens_of_lite() -> None:
    counts = [196]
    for index in range(1, len(DROPPING) + 1):
        counts.append(kept_of(counts[-1], RATIO, index))
    assert counts == [196, 164, 132, 100, 69]
    assert kept_of(25, RATIO, 1) == 21, "a product that is whole stays so"
    assert kept_of(2, 0.24, 1) == 1
    assert kept_of(1, 0.24, 2) == 1
    model = create_classifier("dependencyvit_lite_tiny", (224, 224))
    assert isinstance(model, DependencyViT)
    stream = model.begin(torch.zeros(1, 3, 224, 224))
    behind = []
    for layer in range(12):
        stream, _ = model.step(layer, stream, (14, 14))
        behind.append(stream.tokens.shape[1])
    assert behind == [196, 164, 164, 164, 132, 132, 132, 100, 100, 100, 69, 69]


def test_multiply_adds_are_those_of_the_card() -> None:
    """Within 1 %; the shelf's own test allows two."""
    found = {
        name: multiply_adds(
            create_classifier(name, (224, 224)).eval(), torch.zeros(1, 3, 224, 224)
        )
        for name in ("dependencyvit_tiny", "dependencyvit_lite_tiny")
    }
    assert found["dependencyvit_tiny"] == pytest.approx(1.2956e9, rel=0.001)
    assert found["dependencyvit_lite_tiny"] == pytest.approx(0.8494e9, rel=0.001)


@torch.no_grad()
def test_dropping_nothing_is_the_whole_network() -> None:
    whole, lite = network(), network(dropping=(2, 4), ratio=0.0)
    image = torch.rand(2, 3, 64, 96)
    assert torch.equal(lite(image), whole(image))
    assert not torch.allclose(network(dropping=(2, 4))(image), whole(image), rtol=0.01)


def masked(model: DependencyViT, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Computes as DependencyViT, with masks in place of dropping.

    Returns logits, the map's tokens [B, N, C] and whether each is left [B, N].
    """
    stream = model.begin(image)
    x, sent = stream.tokens, stream.sent
    left = torch.ones_like(sent, dtype=torch.bool)
    for block in model.blocks:
        assert isinstance(block, Block)
        layer = block.attention
        tokens = block.norm1(x)
        query, key, value = (
            each.unflatten(2, (layer.heads, -1)).transpose(1, 2)
            for each in layer.qkv(tokens).chunk(3, 2)
        )
        logits = query @ key.transpose(2, 3) * query.shape[3] ** -0.5
        forward = logits.masked_fill(~left[:, None, None], -torch.inf).softmax(3)
        sent = torch.where(left, sent * layer.gate(tokens).sigmoid()[:, :, 0], sent)
        head = (layer.choose(tokens) / 0.1).softmax(2)
        reverse = torch.einsum("bhij,bih,bi->bhji", forward, head, sent * left)
        taken = torch.einsum("bhji,bhic->bjhc", reverse, value).flatten(2)
        x = torch.where(left[:, :, None], x + block.scale1(layer.proj(taken)), x)
        if block.dropping is not None:
            score = sent if block.score == "sent" else reverse.sum((1, 3))
            count = kept_of(int(left[0].sum()), *block.dropping)
            least = score.masked_fill(~left, -1).sort(1, descending=True).values[:, count - 1]
            left = left & (score >= least[:, None])
        more = block.scale2(block.perceptron(block.norm2(x)))
        x = torch.where(left[:, :, None], x + more, x)
    votes = model.norm(x) * (sent * left)[:, :, None]
    return model.head(votes.sum(1) / left.sum(1, keepdim=True)), model.norm(x), left


@torch.no_grad()
@pytest.mark.parametrize("score", ["sent", "received"])
def test_dropping_equals_masking(score: str) -> None:
    """Tokens, what they send and where they lie stay together; the map keeps the dropped ones."""
    model = network(dropping=(2, 3, 5), ratio=0.2, score=score)
    image = torch.rand(3, 3, 64, 96)
    image[2] = image[1]
    wanted, tokens, left = masked(model, image)
    stream = model.run(image)
    assert stream.tokens.shape[1] == int(left[0].sum()) == 9
    assert torch.equal(stream.places.sort(1).values, left.nonzero()[:, 1].reshape(3, -1))
    assert torch.equal(stream.places[1], stream.places[2])
    assert not torch.equal(stream.places[0], stream.places[1])
    torch.testing.assert_close(model(image), wanted, rtol=1e-4, atol=1e-4)
    (found,) = model.forward_intermediates(image, intermediates_only=True)
    torch.testing.assert_close(found.flatten(2).transpose(1, 2), tokens, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_the_map_of_what_matters() -> None:
    model = network(dropping=(2, 3, 5), ratio=0.2)
    image = torch.rand(1, 3, 64, 96)
    found = model.saliency(image)
    assert found.shape == (1, 4, 6)
    stream = model.run(image)
    assert torch.equal(found.flatten(1).gather(1, stream.places), stream.sent)
    assert (found > 0).all() and (found <= 1).all()


@torch.no_grad()
def test_dependencies_of_dropped_tokens_end() -> None:
    model = network(dropping=(2, 3, 5), ratio=0.2)
    image = torch.rand(2, 3, 64, 96)
    *_, left = masked(model, image)
    first = model.dependencies(image, [0, 1])
    assert first.shape == (2, 24, 24) and (first > 0).all()
    last = model.dependencies(image, [5])
    assert torch.equal(last > 0, left[:, :, None] & left[:, None, :])
    parts = sum(model.dependencies(image, [layer]) for layer in range(6))
    torch.testing.assert_close(model.dependencies(image), parts)


def test_conditional_positions() -> None:
    plain, other = (
        create_classifier("dependencyvit_tiny", (224, 224)),
        DependencyViT(192, conditional=True),
    )
    count, fewer = (sum(p.numel() for p in model.parameters()) for model in (plain, other))
    assert count - fewer == 35_712
    model = network(conditional=True, dropping=(2, 4))
    with torch.no_grad():
        for size in ((64, 96), (70, 110), (32, 160)):
            found = model.forward_intermediates(torch.rand(1, 3, *size), intermediates_only=True)
            assert tuple(found[0].shape) == (1, 24, size[0] // 16, size[1] // 16)
        image = torch.rand(1, 3, 64, 96)
        moved = model(image.roll(16, 3))
        assert not torch.allclose(moved, model(image), rtol=0.01)
    with pytest.raises(ValueError, match="expected layers from 2"):
        network(conditional=True, dropping=(1, 3))
    with pytest.raises(ValueError, match="expected 0 to 1 / 4, found 0.25"):
        network(dropping=(1, 2, 3, 4), ratio=0.25)


SIDE, CELL, HUES = 64, 8, 10
DROPS = {"dropping": (1, 2, 3), "ratio": RATIO}


def things(count: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Returns pictures of a disc on coloured clutter, its hue, and which patches it covers.

    Pictures are float [count, 3, 64, 64], hues int64 [count], patches bool [count, 8, 8].
    """
    generator = torch.Generator().manual_seed(seed)
    colours = torch.tensor([colorsys.hsv_to_rgb(hue / HUES, 1, 1) for hue in range(HUES)])
    hues = torch.randint(HUES, (count,), generator=generator)
    clutter = torch.rand(count, 3, 16, 16, generator=generator)
    clutter = clutter.repeat_interleave(4, 2).repeat_interleave(4, 3)
    centre = 16 + 32 * torch.rand(count, 2, 1, 1, generator=generator)
    line = torch.arange(SIDE) + 0.5
    inside = (line[:, None] - centre[:, 0]).square() + (line - centre[:, 1]).square() < 100
    pictures = torch.where(inside[:, None], colours[hues][:, :, None, None], clutter) - 0.5
    pictures = pictures + 0.1 * torch.randn(pictures.shape, generator=generator)
    return pictures, hues, nn.functional.avg_pool2d(inside[:, None].float(), CELL)[:, 0] > 0.5


def learned(**options: Any) -> DependencyViT:
    torch.manual_seed(0)
    model = DependencyViT(
        48, 4, 4, patch=CELL, img_size=SIDE, layer_scale=0.1, num_classes=HUES, **options
    )
    images, hues, _ = things(1000, 0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=16 * 20)
    for round_ in range(16):
        order = torch.randperm(1000, generator=torch.Generator().manual_seed(round_))
        for some in order.split(50):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images[some]), hues[some]).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    return model.eval()


@torch.no_grad()
def right_of(model: DependencyViT) -> float:
    images, hues, _ = things(500, 1)
    return float((model(images).argmax(1) == hues).float().mean())


@pytest.mark.slow
def test_lite_keeps_the_tokens_of_things(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, lite = right_of(learned()), learned(**DROPS)
    images, _, cells = things(500, 1)
    sent = lite.saliency(images)
    with torch.no_grad():
        places = lite.run(images).places
    left = torch.zeros(len(images), cells[0].numel()).scatter(1, places, 1.0).reshape(cells.shape)
    keep = TokenStream.keep

    def keep_any(stream: TokenStream, count: int, score: Tensor) -> TokenStream:
        return keep(stream, count, torch.rand_like(score))

    found = right_of(lite)
    monkeypatch.setattr(TokenStream, "keep", keep_any)
    at_random = right_of(learned(**DROPS))
    print(
        whole, found, at_random, *(float(x[cells].mean() / x[~cells].mean()) for x in (sent, left))
    )
    assert sent[cells].mean() > sent[~cells].mean()
    assert left[cells].mean() > left[~cells].mean()
    assert found >= whole - 0.02
    assert found > at_random
