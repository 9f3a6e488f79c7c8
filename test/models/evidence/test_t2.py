# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The time-series transformer, and its transfer to tracks (card 17)."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from vit_perception.models.evidence.t2 import (  # noqa: E402
    PLASTICC,
    T2,
    TRACK,
    T2Config,
    balanced_log_loss,
    sinusoids,
)

pytestmark = pytest.mark.torch


def parameters(config: T2Config) -> int:
    return sum(values.numel() for values in T2(config).parameters())


def example(config: T2Config, batch: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.randn(batch, config.steps, config.channels), torch.randn(batch, config.features)


@pytest.mark.parametrize(("config", "count"), [(PLASTICC, 13_390), (TRACK, 13_090)])
def test_published_counts_of_parameters(config: T2Config, count: int) -> None:
    assert parameters(config) == count
    # Features as steps cost none.
    assert parameters(replace(config, features=0)) == count


def test_features_as_channels_widen_the_first_convolution() -> None:
    wide = replace(PLASTICC, features_as="channels")
    assert parameters(wide) == 13_390 + 2 * 32
    series, features = example(wide)
    assert T2(wide).tokens(series, features).shape == (3, 100, 32)


@pytest.mark.parametrize("config", [PLASTICC, TRACK])
def test_features_are_further_steps(config: T2Config) -> None:
    model = T2(config).eval()
    series, features = example(config)
    tokens = model.tokens(series, features)
    assert tokens.shape == (3, config.steps + config.features, config.width)
    # Where the features stand in the series as steps, the result is the same.
    steps = features[:, :, None].expand(-1, -1, config.channels)
    longer = T2(replace(config, steps=config.steps + config.features, features=0)).eval()
    longer.load_state_dict(model.state_dict())
    torch.testing.assert_close(longer.tokens(torch.cat([series, steps], dim=1)), tokens)


@pytest.mark.parametrize(
    "config", [PLASTICC, TRACK, replace(PLASTICC, features_as="channels", blocks=2)]
)
def test_the_activation_map_adds_up_to_the_logits(config: T2Config) -> None:
    model = T2(config).eval()
    series, features = example(config)
    with torch.no_grad():
        shares = model.activation_map(series, features).mean(dim=1) + model.classifier.bias
        assert (shares - model(series, features)).abs().max() < 1e-5


def test_the_block_is_the_one_of_the_paper() -> None:
    """The encoder's block, written out after the paper: post-norm, biased, ReLU."""
    model = T2(replace(PLASTICC, features=0)).eval()
    block = model.encoder[0]
    series, _ = example(PLASTICC)
    with torch.no_grad():
        x = (series @ model.embedding.weight[:, :, 0].T + model.embedding.bias).relu()
        x = x + sinusoids(100, 32)
        inward = x @ block.self_attn.in_proj_weight.T + block.self_attn.in_proj_bias
        queries, keys, values = (
            part.unflatten(2, (16, 2)).transpose(1, 2) for part in inward.chunk(3, dim=2)
        )
        weights = (queries @ keys.transpose(2, 3) / 2**0.5).softmax(dim=3)
        mixed = block.self_attn.out_proj((weights @ values).transpose(1, 2).flatten(2))
        y = torch.nn.functional.layer_norm(
            x + mixed, (32,), block.norm1.weight, block.norm1.bias, 1e-6
        )
        z = torch.nn.functional.layer_norm(
            y + block.linear2(block.linear1(y).relu()), (32,), block.norm2.weight,
            block.norm2.bias, 1e-6,
        )  # fmt: skip
        torch.testing.assert_close(model(series), model.classifier(z.mean(dim=1)))


def test_positions_are_sines_and_cosines() -> None:
    table = sinusoids(5, 32)
    assert table.shape == (5, 32)
    assert table[0, 0::2].abs().max() == 0
    assert (table[0, 1::2] == 1).all()
    assert table[3, 4].item() == pytest.approx(torch.tensor(3 / 10000 ** (4 / 32)).sin().item())


def test_the_balanced_loss_weighs_classes_alike() -> None:
    logits = torch.tensor([[2.0, 0.0], [2.0, 0.0], [2.0, 0.0], [0.0, 1.0]])
    labels = torch.tensor([0, 0, 0, 1])
    each = -logits.log_softmax(dim=1)[torch.arange(4), labels]
    expected = (each[0] + each[3]) / 2
    torch.testing.assert_close(balanced_log_loss(logits, labels), expected)
    # A class without samples in the batch does not count.
    torch.testing.assert_close(balanced_log_loss(logits[:3], labels[:3]), each[0])
