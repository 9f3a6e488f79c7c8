# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""DCT-HistoTransformer: a low-pass with attention, and a convolution for the rest (card 02)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from scipy.fft import dctn, idctn  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from test.examples.loading import example  # noqa: E402
from test.models.backbones.randomised import randomise  # noqa: E402
from vit_perception.models.backbones.dct_histotransformer import (  # noqa: E402
    DctConv,
    FrequencyAttention,
)
from vit_perception.models.macs import multiply_adds  # noqa: E402
from vit_perception.models.shelf import create_classifier  # noqa: E402

pytestmark = pytest.mark.torch


def branch(kept: int, side: int = 14) -> FrequencyAttention:
    """Returns a branch of 64 channels, drawn at random."""
    torch.manual_seed(1)
    made = randomise(FrequencyAttention(64, kept, side))
    assert isinstance(made, FrequencyAttention)
    return made


def silenced(made: FrequencyAttention) -> FrequencyAttention:
    """Lets both residual parts say nothing."""
    for layer in (made.block.attn.proj, made.block.mlp.fc2):
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
    return made


def test_counts_of_the_card() -> None:
    model = create_classifier("dct_histotransformer_s", (224, 224), classes=8)
    counts = {name: each.numel() for name, each in model.named_parameters()}
    embeddings = sum(count for name, count in counts.items() if name.endswith("embedding"))
    assert sum(counts.values()) - embeddings == 1_946_144
    # A map of 28 x 28 with 64 channels; the card's 12 is 8 with a perceptron of ratio 2.
    made, x, names = branch(14, 28), torch.zeros(1, 64, 28, 28), torch.zeros(64, 14, 14)
    attention = 8 * 196 * 64**2 + 2 * 196**2 * 64
    assert multiply_adds(made.block, torch.zeros(1, 196, 64)) == attention
    transforms = 2 * 64 * (14 * 28 * 28 + 14 * 14 * 28)
    assert multiply_adds(made, x, names) == attention + transforms
    dense = multiply_adds(made.block, torch.zeros(1, 784, 64))
    assert attention + transforms < 0.13 * dense


@torch.no_grad()
@pytest.mark.parametrize(("kept", "size"), [(14, (14, 14)), (7, (14, 14)), (7, (13, 20))])
def test_it_begins_as_an_ideal_low_pass(kept: int, size: tuple[int, int]) -> None:
    x = torch.randn(2, 64, *size) + 3
    wanted = dctn(x.numpy(), axes=(2, 3), norm="ortho")
    wanted[:, :, kept:] = 0
    wanted[:, :, :, kept:] = 0
    found = silenced(branch(kept))(x, torch.randn(64, kept, kept))
    np.testing.assert_allclose(found, idctn(wanted, axes=(2, 3), norm="ortho"), atol=1e-5)
    if kept == 14:
        torch.testing.assert_close(found, x, rtol=0, atol=1e-5)


@torch.no_grad()
def test_between_cells_it_is_plain_attention(monkeypatch: pytest.MonkeyPatch) -> None:
    """With no transforms in its way."""
    made = branch(6, 6)
    monkeypatch.setattr(made, "split", lambda x, kept: (x[:, :, :1, 0].transpose(1, 2), x))

    def join(first: Tensor, rest: Tensor, size: tuple[int, int]) -> Tensor:
        rest[:, :, 0, 0] = first[:, 0]
        return rest

    monkeypatch.setattr(made, "join", join)
    plain = nn.TransformerEncoderLayer(
        64, 2, 128, 0.0, nn.functional.gelu, 1e-6, batch_first=True, norm_first=True
    ).eval()
    block = made.block
    state = {
        "self_attn.in_proj_weight": block.attn.qkv.weight,
        "self_attn.in_proj_bias": block.attn.qkv.bias,
    }
    names = {
        "self_attn.out_proj": block.attn.proj,
        "linear1": block.mlp.fc1,
        "linear2": block.mlp.fc2,
        "norm1": block.norm1,
        "norm2": block.norm2,
    }
    for name, layer in names.items():
        state |= {f"{name}.{key}": value for key, value in layer.state_dict().items()}
    plain.load_state_dict(state)
    x = torch.randn(2, 64, 6, 6)
    wanted = plain(x.flatten(2).transpose(1, 2)).transpose(1, 2).unflatten(2, (6, 6))
    found = made(x, torch.zeros(64, 6, 6))
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_high_frequencies_pass_the_convolution_alone() -> None:
    torch.manual_seed(2)
    block = randomise(DctConv(64, 7, 14))
    names, x = torch.randn(64, 7, 7), torch.randn(1, 64, 14, 14)
    fine = torch.zeros(1, 64, 14, 14)
    fine[:, :, 13, 9] = 5
    changed = x + torch.from_numpy(idctn(fine.numpy(), axes=(2, 3), norm="ortho"))
    torch.testing.assert_close(
        block.attention(changed, names), block.attention(x, names), rtol=0, atol=1e-4
    )
    assert (block(changed, names) - changed - block(x, names) + x).abs().max() > 0.1


@torch.no_grad()
def test_frequencies_are_told_apart_by_their_embedding_alone() -> None:
    made = branch(4, 4)
    tokens = torch.randn(1, 16, 64)
    order = torch.randperm(16)
    torch.testing.assert_close(made.block(tokens[:, order]), made.block(tokens)[:, order])
    x = torch.randn(1, 64, 8, 8)
    names = torch.randn(64, 4, 4)
    assert (made(x, names) - made(x, names.flip(1))).abs().max() > 0.01


@torch.no_grad()
def test_a_larger_picture_of_the_same_has_the_same_frequencies() -> None:
    grid = torch.cos(torch.linspace(0, 3, 256))
    map_ = (grid[:, None] * grid[None] + 0.4)[None, None].repeat(1, 64, 1, 1)
    small, large = nn.functional.avg_pool2d(map_, 16), nn.functional.avg_pool2d(map_, 4)
    made = branch(4, 16)
    for found, wanted in zip(made.split(large, (4, 4)), made.split(small, (4, 4)), strict=True):
        assert (found - wanted).abs().max() < 0.01 * wanted.abs().max()


def eight_bits(x: Tensor) -> Tensor:
    """Returns values of one scale per tensor, symmetric."""
    scale = x.abs().max() / 127
    return (x / scale).round() * scale


def without_splitting(made: FrequencyAttention) -> Callable[..., tuple[Tensor, Tensor]]:
    """Returns `split` with all frequencies in one tensor of eight bits, as it would be plainly."""
    split = FrequencyAttention.split

    def joined(x: Tensor, kept: tuple[int, int]) -> tuple[Tensor, Tensor]:
        mean, parts = split(made, x, kept)
        parts = parts.clone()
        parts[:, :, 0, 0] = mean[:, 0]
        parts = eight_bits(parts)
        return parts[:, :, 0, 0][:, None], parts

    return joined


def with_splitting(made: FrequencyAttention) -> Callable[..., tuple[Tensor, Tensor]]:
    """Returns `split` with eight bits for all frequencies but the mean."""
    split = FrequencyAttention.split

    def apart(x: Tensor, kept: tuple[int, int]) -> tuple[Tensor, Tensor]:
        mean, parts = split(made, x, kept)
        return mean, eight_bits(parts)

    return apart


@torch.no_grad()
def test_eight_bits_keep_the_frequencies_beside_the_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    made, names = branch(7), torch.zeros(64, 7, 7)
    x = 4 + 0.3 * torch.randn(2, 64, 14, 14)
    wanted = made(x, names)
    errors = []
    for split in (with_splitting(made), without_splitting(made)):
        monkeypatch.setattr(made, "split", split)
        errors.append(float((made(x, names) - wanted).square().mean()))
    assert errors[0] < 0.02 * errors[1]


class DenseAttention(nn.Module):
    """The branch with attention between cells, of the same parameters."""

    def __init__(self, branch: FrequencyAttention) -> None:
        super().__init__()
        self.block = branch.block

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        names = nn.functional.interpolate(embedding[None], x.shape[2:]).flatten(2).transpose(1, 2)
        tokens = self.block(x.flatten(2).transpose(1, 2) + names) - names
        return tokens.transpose(1, 2).unflatten(2, x.shape[2:])


@pytest.mark.slow
def test_low_frequencies_are_enough_for_textures(monkeypatch: pytest.MonkeyPatch) -> None:
    textures = example("texture_classes")
    found = {}
    for name, kept in {"3": (3, 3), "5": (5, 5), "8": (8, 4), "all": (16, 8)}.items():
        model = textures.network(kept)
        found[name] = textures.train(model, textures.EPOCHS)
        if name != "8":
            continue
        for bits, change in {"apart": with_splitting, "joined": without_splitting}.items():
            with monkeypatch.context() as patch:
                for each in (m for m in model.modules() if isinstance(m, FrequencyAttention)):
                    patch.setattr(each, "split", change(each))
                found[bits] = textures.right_of(model)
    dense = textures.network((8, 4))
    for block in (each for each in dense.modules() if isinstance(each, DctConv)):
        block.attention = DenseAttention(block.attention)
    found["dense"] = textures.train(dense, textures.EPOCHS)
    bare = textures.without_attention(textures.network((8, 4)))
    found["none"] = textures.train(bare, textures.EPOCHS)
    print(found)
    assert min(found.values()) > 0.5
    assert found["8"] >= found["dense"] - 0.02
    assert found["apart"] >= max(found["8"] - 0.01, found["joined"])
