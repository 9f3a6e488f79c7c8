# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Wide layers: the baseline, and heads that add up (card 25)."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional as F  # noqa: E402

from test.models.backbones.randomised import randomise  # noqa: E402
from test.models.shapes import KINDS, shapes  # noqa: E402
from vit_perception.models.backbones.wide import HEAD, WideAttention, heads_of  # noqa: E402
from vit_perception.models.shelf import create_classifier, shelf  # noqa: E402

pytestmark = pytest.mark.torch


@torch.no_grad()
def test_twelve_layers_of_three_heads_are_deit_tiny() -> None:
    import timm  # after the package, which mends torchvision for it

    ours = randomise(create_classifier("wide_vit_12_3", (224, 224)))
    theirs = timm.create_model("deit_tiny_patch16_224").eval()
    theirs.load_state_dict(ours.state_dict())
    image = torch.rand(1, 3, 224, 224)
    torch.testing.assert_close(ours(image), theirs(image), rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_heads_add_up() -> None:
    attention = randomise(WideAttention(32, 5, qkv_bias=True))
    x = torch.randn(2, 7, 32)
    query, key, value = attention.qkv(x).unflatten(2, (3, 5, HEAD)).permute(2, 0, 3, 1, 4)
    wanted = attention.proj.bias.expand(2, 7, 32).clone()
    for head in range(5):
        weights = (query[:, head] @ key[:, head].transpose(1, 2) * HEAD**-0.5).softmax(2)
        columns = attention.proj.weight[:, head * HEAD : (head + 1) * HEAD]
        wanted += weights @ value[:, head] @ columns.T
    torch.testing.assert_close(attention(x), wanted, rtol=1e-5, atol=1e-5)


def test_attention_has_the_same_weights_however_it_is_shared_out() -> None:
    found = set()
    for name in shelf():
        if name.startswith("wide_vit"):
            with torch.device("meta"):
                blocks = create_classifier(name, (224, 224)).blocks
            found.add(sum(b.attn.qkv.weight.numel() + b.attn.proj.weight.numel() for b in blocks))
    assert len(found) == 1
    with pytest.raises(ValueError, match="layers: expected a divisor of 36, found 5"):
        heads_of(5)


def right_of(name: str, seed: int) -> float:
    torch.manual_seed(seed)
    model = create_classifier(name, (64, 64), classes=KINDS)
    images, kinds = shapes(1000, 64, seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    for round_ in range(15):
        order = torch.randperm(1000, generator=torch.Generator().manual_seed(round_))
        for some in order.split(50):
            optimizer.zero_grad()
            F.cross_entropy(model(images[some]), kinds[some]).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
    others, wanted = shapes(500, 64, seed + 1000)
    with torch.no_grad():
        return float((model.eval()(others).argmax(1) == wanted).float().mean())


@pytest.mark.slow
def test_three_wide_layers_learn_as_well_as_twelve() -> None:
    found = {
        name: [right_of(name, seed) for seed in range(3)]
        for name in ("wide_vit_12_3", "wide_vit_3_12", "wide_vit_1_36")
    }
    means = {name: sum(each) / 3 for name, each in found.items()}
    print(found, means)
    assert means["wide_vit_3_12"] > means["wide_vit_12_3"] - 0.03
