# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""CCT and CVT beside vit-pytorch's, and what is their own (card 15)."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from test.models.backbones.randomised import randomise  # noqa: E402
from test.models.shapes import KINDS, shapes  # noqa: E402
from vit_perception.models.backbones.cct import (  # noqa: E402
    Block,
    CompactTransformer,
    Encoder,
    SequencePool,
)
from vit_perception.models.shelf import create_backbone, create_classifier  # noqa: E402

pytestmark = pytest.mark.torch

#: Ours, and the library's.
NAMES = {
    "tokens.0.": "tokenizer.conv_layers.{}.0.",
    "positions": "classifier.positional_emb",
    "norm.": "classifier.norm.",
    "norm1.": "pre_norm.",
    "norm2.": "norm1.",
    "attention.": "self_attn.",
    "perceptron.0.": "linear1.",
    "perceptron.2.": "linear2.",
}


def counterpart(name: str, convolutions: int) -> str:
    """Returns the library's name of a parameter."""
    if name.startswith("stem.0."):
        return NAMES["tokens.0."].format(0) + name.removeprefix("stem.0.")
    if name.startswith("neck.weigh."):
        return "classifier.attention_pool." + name.removeprefix("neck.weigh.")
    if name.startswith("head."):
        return "classifier.fc." + name.removeprefix("head.")
    name = name.split(".", 2)[2]  # of the stage
    if name.startswith("blocks."):
        _, index, rest = name.split(".", 2)
        for ours, theirs in NAMES.items():
            if rest.startswith(ours):
                return f"classifier.blocks.{index}.{theirs}{rest.removeprefix(ours)}"
        raise AssertionError(name)
    ours = next(each for each in NAMES if name.startswith(each))
    return NAMES[ours].format(convolutions - 1) + name.removeprefix(ours)


@torch.no_grad()
@pytest.mark.parametrize(
    ("name", "builder", "kernel", "convolutions", "side"),
    [
        ("cct_2_3x2_32", "cct_2", 3, 2, 32),
        ("cct_7_7x2_224", "cct_7", 7, 2, 96),
    ],
)
def test_it_equals_the_library(
    name: str, builder: str, kernel: int, convolutions: int, side: int
) -> None:
    cct = pytest.importorskip("vit_pytorch.cct")
    ours = randomise(create_classifier(name, (side, side), classes=10))
    theirs = getattr(cct, builder)(
        img_size=side,
        kernel_size=kernel,
        n_conv_layers=convolutions,
        positional_embedding="learnable",
        num_classes=10,
        activation=nn.ReLU,
    ).eval()
    state = {}
    for key, value in ours.state_dict().items():
        if key.endswith("positions"):
            value = value.flatten(2).transpose(1, 2)
        state[counterpart(key, convolutions)] = value
    theirs.load_state_dict(state)
    image = torch.randn(2, 3, side, side)
    torch.testing.assert_close(ours(image), theirs(image), rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_the_learned_mean() -> None:
    pool = SequencePool(8)
    x = torch.randn(2, 8, 3, 4)
    order = torch.randperm(12)
    shuffled = x.flatten(2)[:, :, order].unflatten(2, (3, 4))
    torch.testing.assert_close(pool(shuffled), pool(x))
    nn.init.zeros_(pool.weigh.weight)
    torch.testing.assert_close(pool(x), x.mean((2, 3)))


@torch.no_grad()
def test_a_norm_takes_the_place_of_the_sum() -> None:
    """Behind the attention the stream is as large as the norm makes it."""
    block = randomise(Block(16, 2, 32, 0.0, 0.0))
    x = torch.randn(2, 5, 16)
    nn.init.zeros_(block.attention.proj.weight)
    nn.init.zeros_(block.attention.proj.bias)
    torch.testing.assert_close(block(10 * x), block(x), rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_positions_are_resized_for_other_pictures() -> None:
    encoder = CompactTransformer(2, 2, 1, 128, kernel=7, convolutions=2, img_size=(96, 128))
    stage = encoder.stages[-1]
    assert isinstance(stage, Encoder)
    assert tuple(stage.positions.shape) == (1, 128, 6, 8)
    for height, width in ((96, 128), (100, 50), (224, 224)):
        found = encoder.forward_features(torch.rand(1, 3, height, width))
        assert found.shape == (1, 128, -(-height // 16), -(-width // 16))
    maps = create_backbone("cct_7_3x1_32", (32, 32))(torch.rand(1, 3, 32, 32))
    assert [tuple(each.shape) for each in maps] == [(1, 256, 16, 16)]


def right_of(name: str, seed: int) -> float:
    """Returns the accuracy on other pictures after 20 rounds over 1,000."""
    torch.manual_seed(seed)
    model = create_classifier(name, (32, 32), classes=KINDS)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.06)
    images, kinds = shapes(1000, 32, seed)
    model.train()
    for round_ in range(20):
        order = torch.randperm(1000, generator=torch.Generator().manual_seed(round_))
        for some in order.split(100):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images[some]), kinds[some]).backward()
            optimizer.step()
    others, wanted = shapes(500, 32, seed + 1000)
    with torch.no_grad():
        return float((model.eval()(others).argmax(1) == wanted).float().mean())


@pytest.mark.slow
def test_a_tokenizer_learns_from_little_data() -> None:
    """Convolutions beat patches of 4 px for most seeds."""
    found = [(right_of("cct_2_3x2_32", seed), right_of("cvt_2_4_32", seed)) for seed in range(5)]
    print(found)
    assert sum(one > other for one, other in found) >= 3
