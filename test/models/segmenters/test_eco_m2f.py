# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""ECO-M2F: exits, gate, labels and costs (card 52)."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import vit_perception.models  # noqa: E402, F401  # mends torchvision for transformers

# isort: split
from transformers import (  # noqa: E402
    Mask2FormerConfig,
    Mask2FormerForUniversalSegmentation,
    SwinConfig,
)

from vit_perception.models.macs import multiply_adds  # noqa: E402
from vit_perception.models.segmenters.eco_m2f import (  # noqa: E402
    EcoMask2Former,
    Gate,
    best_exits,
    exit_weight,
    gate_loss,
    utility,
)

pytestmark = pytest.mark.torch


def parent(layers: int = 6, **options: Any) -> Mask2FormerForUniversalSegmentation:
    """Returns Mask2Former with random weights, small but for its encoder."""
    backbone = SwinConfig(
        image_size=64,
        embed_dim=24,
        depths=[1, 1, 1, 1],
        num_heads=[1, 2, 3, 6],
        window_size=4,
        drop_path_rate=0.0,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )
    config = Mask2FormerConfig(
        backbone_config=backbone,
        encoder_layers=layers,
        decoder_layers=3,
        num_queries=10,
        num_labels=4,
        **options,
    )
    torch.manual_seed(0)
    return Mask2FormerForUniversalSegmentation(config).eval()


@pytest.fixture(scope="module")
def eco() -> EcoMask2Former:
    model = EcoMask2Former(parent()).eval()
    torch.nn.init.normal_(model.gate.linear.weight)
    with torch.no_grad():  # so that no exit is the best for all pictures
        logits = torch.cat([model(picture(seed), exit=2).gate for seed in range(12)])
        model.gate.linear.bias -= logits.mean(0)
    return model


def picture(seed: int) -> torch.Tensor:
    return torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(seed)) * seed


@torch.no_grad()
@pytest.mark.parametrize("exit", [2, 4, 6])
def test_an_exit_is_a_parent_with_so_many_layers(eco: EcoMask2Former, exit: int) -> None:
    shorter = parent(exit)
    missing = shorter.load_state_dict(eco.parent.state_dict(), strict=False)
    assert missing.missing_keys == []
    pixels = torch.rand(2, 3, 64, 96)
    found, wanted = eco(pixels, exit), shorter(pixel_values=pixels)
    assert found.exit == exit
    assert torch.equal(found.output.masks_queries_logits, wanted.masks_queries_logits)
    assert torch.equal(found.output.class_queries_logits, wanted.class_queries_logits)


@torch.no_grad()
def test_the_gate_chooses_within_the_budget(eco: EcoMask2Former) -> None:
    chosen = set()
    for seed in range(12):
        pixels = picture(seed)
        found = eco(pixels)
        assert found.exit == eco.exits[int(found.gate[0].argmax())]
        chosen.add(found.exit)
        assert eco(pixels, most=3).exit == min(found.exit, 3)
    assert len(chosen) > 1
    assert torch.equal(eco(pixels).gate, eco(pixels, exit=2).gate)


def test_what_is_no_exit_is_refused(eco: EcoMask2Former) -> None:
    with pytest.raises(ValueError, match=r"exit: expected one of \(2, 3, 4, 5, 6\), found 1"):
        eco(torch.zeros(1, 3, 64, 64), exit=1)
    with pytest.raises(ValueError, match="expected one where the gate chooses, found 2"):
        eco(torch.zeros(2, 3, 64, 64))


def test_parameters_of_the_gate() -> None:
    assert sum(p.numel() for p in Gate(256, 5).parameters()) == 1285


@torch.no_grad()
def test_macs_of_a_layer(eco: EcoMask2Former) -> None:
    pixels = torch.rand(1, 3, 96, 128)
    costs = [multiply_adds(eco.requires_grad_(False), pixels, exit) for exit in eco.exits]
    eco.requires_grad_(True)
    tokens = sum(96 * 128 // stride**2 for stride in (8, 16, 32))
    steps = [after - before for before, after in zip(costs, costs[1:], strict=False)]
    assert len(set(steps)) == 1
    assert steps[0] == pytest.approx(729_088 * tokens, rel=0.02)


def test_the_gate_alone_learns_from_its_loss() -> None:
    eco = EcoMask2Former(parent())
    quality = torch.tensor([[0.5, 0.6, 0.6, 0.7, 0.7]])
    gate_loss(eco(torch.rand(1, 3, 64, 64), exit=2).gate, quality, 0.01).backward()
    moved = {name for name, each in eco.named_parameters() if each.grad is not None}
    assert moved == {"gate.linear.weight", "gate.linear.bias"}


def test_labels_by_hand() -> None:
    quality = torch.tensor(
        [
            [0.50, 0.50, 0.50, 0.50, 0.50],
            [0.40, 0.45, 0.52, 0.53, 0.60],
            [0.30, 0.60, 0.61, 0.62, 0.63],
        ]
    )
    assert best_exits(quality, 0.0).tolist() == [0, 4, 4]
    # 0.40 - 0.02 … 0.60 - 0.10; 0.60 - 0.04 is the greatest of the last.
    assert best_exits(quality, 0.02).tolist() == [0, 4, 1]
    assert best_exits(quality, 0.06).tolist() == [0, 0, 1]
    assert best_exits(quality, 1.0).tolist() == [0, 0, 0]
    torch.testing.assert_close(utility(quality, 0.1)[0], torch.tensor([0.4, 0.3, 0.2, 0.1, 0.0]))


def test_a_dearer_layer_means_earlier_exits() -> None:
    quality = torch.rand(500, 5, generator=torch.Generator().manual_seed(0)).cumsum(1) / 5
    means = [best_exits(quality, beta).double().mean() for beta in (0, 0.01, 0.05, 0.1, 0.2, 1)]
    assert means == sorted(means, reverse=True) and means[0] > means[-1] == 0


def test_losses_are_least_at_their_labels() -> None:
    quality = torch.rand(6, 5, generator=torch.Generator().manual_seed(1))
    sure = 20.0 * torch.nn.functional.one_hot(best_exits(quality, 0.02), 5)
    assert gate_loss(sure, quality, 0.02) < 1e-6
    same = utility(quality, 0.02)
    assert gate_loss(same, quality, 0.02, soft=True) == pytest.approx(0, abs=1e-6)
    assert gate_loss(-same, quality, 0.02, soft=True) > 0.01


def test_exits_are_drawn_evenly_and_deeper_ones_count_more(eco: EcoMask2Former) -> None:
    generator = torch.Generator().manual_seed(0)
    drawn = torch.tensor([eco.drawn_exit(generator) for _ in range(2000)])
    assert sorted(drawn.unique().tolist()) == [2, 3, 4, 5, 6]
    assert drawn.bincount()[2:].min() > 330
    assert [exit_weight(each) for each in (2, 6)] == [2, 6]
