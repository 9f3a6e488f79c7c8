# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Kurtosis and infinity norm, against their formulas and where an outlier was put in."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from vit_perception.models.activation_outliers import kurtosis, measure_outliers  # noqa: E402

pytest.importorskip("timm")

from timm.models.vision_transformer import VisionTransformer  # noqa: E402

pytestmark = pytest.mark.torch


def vit() -> VisionTransformer:
    torch.manual_seed(0)
    return VisionTransformer(32, 8, num_classes=5, embed_dim=48, depth=2, num_heads=3)


def batches(count: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.rand(2, 3, 32, 32, generator=generator) for _ in range(count)]


def test_kurtosis_of_known_distributions() -> None:
    generator = torch.Generator().manual_seed(2)
    normal = torch.randn(8, 200_000, generator=generator)
    assert kurtosis(normal).tolist() == pytest.approx([3] * 8, abs=0.1)
    assert kurtosis(torch.tensor([-1.0, 1.0])).item() == pytest.approx(1, abs=1e-5)
    # One of n values apart: (n - 1)(1 / n)^4 + ... comes to n - 2 + 1 / (n - 1).
    one = torch.zeros(100)
    one[3] = 50
    assert kurtosis(one).item() == pytest.approx(98 + 1 / 99, rel=1e-4)
    assert kurtosis(torch.ones(4)).item() == 0


def test_figures_are_those_of_the_branches() -> None:
    model = vit().train()
    data = batches(2)
    found = measure_outliers(model, data)
    assert model.training
    assert found.infinity_norms.keys() == {
        "blocks.0.attn", "blocks.0.mlp", "blocks.1.attn", "blocks.1.mlp"
    }  # fmt: skip
    seen: list[torch.Tensor] = []
    hook = model.blocks[1].mlp.register_forward_hook(lambda *args: seen.append(args[2]))
    model.eval()
    with torch.no_grad():
        for batch in data:
            model(batch)
    hook.remove()
    rows = torch.cat(seen)
    norm = rows.abs().amax((1, 2)).mean()
    assert found.infinity_norms["blocks.1.mlp"] == pytest.approx(norm.item(), rel=1e-5)
    spread = kurtosis(rows.double()).mean()
    assert found.kurtoses["blocks.1.mlp"] == pytest.approx(spread.item(), rel=1e-5)
    assert found.infinity_norm == max(found.infinity_norms.values())
    assert found.kurtosis == pytest.approx(sum(found.kurtoses.values()) / 4)


def test_an_outlier_channel_shows_in_both() -> None:
    model = vit()
    plain = measure_outliers(model, batches(1))
    with torch.no_grad():
        model.blocks[0].mlp.fc2.bias[7] = 100
    found = measure_outliers(model, batches(1))
    assert found.infinity_norm == pytest.approx(100, abs=1)
    # All of the token's spread is in one of 48 channels.
    assert found.kurtoses["blocks.0.mlp"] == pytest.approx(46, abs=0.5)
    assert plain.kurtoses["blocks.0.mlp"] < 6


def test_nothing_to_measure_is_refused() -> None:
    with pytest.raises(ValueError, match="expected modules named attn or mlp"):
        measure_outliers(torch.nn.Linear(3, 3), [torch.rand(1, 3)])
    with pytest.raises(ValueError, match="found 4 and 0"):
        measure_outliers(vit(), [])
