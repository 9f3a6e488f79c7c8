# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Losses on cases that can be worked out by hand."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from vit_perception.models.boxes import complete_iou, expected_distances  # noqa: E402
from vit_perception.models.heads.dosod_head import BINS, HeadOutput  # noqa: E402
from vit_perception.training.losses import (  # noqa: E402
    Targets,
    ambiguous_pairs,
    detection_losses,
    distribution_loss,
)

pytestmark = pytest.mark.torch


def test_expected_distances_are_a_softmax_per_side() -> None:
    bins = torch.randn(5, 4 * BINS, generator=torch.Generator().manual_seed(0))
    values = torch.arange(BINS, dtype=torch.float32)
    by_slices = torch.stack(
        [(part.softmax(1) * values).sum(1) for part in bins.split(BINS, dim=1)], dim=1
    )
    torch.testing.assert_close(expected_distances(bins), by_slices)


def test_complete_iou_of_known_boxes() -> None:
    box = torch.tensor([0.0, 0.0, 10.0, 10.0])
    cases = {
        (0, 0, 10, 10): 1.0,
        # Half of the box, same shape term: IoU 0.5; centres 2.5 apart over a diagonal of 200.
        (0, 0, 5, 10): None,
        # Apart: no overlap, centres 20 apart, hull 30 by 10.
        (20, 0, 30, 10): -(20**2) / (30**2 + 10**2),
    }
    for other, expected in cases.items():
        found = float(complete_iou(box, torch.tensor(other, dtype=torch.float32)))
        if expected is None:
            aspect = 4 / math.pi**2 * (math.atan(0.5) - math.atan(1.0)) ** 2
            weight = aspect / (aspect - 0.5 + 1)
            expected = 0.5 - 2.5**2 / 200 - weight * aspect
        assert found == pytest.approx(expected, abs=1e-4)


def test_distribution_loss_is_least_at_the_two_bins_around_a_side() -> None:
    centres, strides = torch.tensor([[40.0, 40.0]]), torch.tensor([8.0])
    boxes = torch.tensor([[20.0, 30.0, 60.0, 44.0]])  # 2.5, 1.25, 2.5, 0.5 strides away
    sides = (2.5, 1.25, 2.5, 0.5)
    ideal = torch.full((1, 4, BINS), -50.0)
    for side, value in enumerate(sides):
        left = int(value)
        ideal[0, side, left] = math.log(1 - (value - left))
        ideal[0, side, left + 1] = math.log(max(value - left, 1e-9))
    entropy = -sum(p * math.log(p) for v in sides for p in (v % 1, 1 - v % 1) if p > 0)
    one = torch.ones(1)
    best = distribution_loss(ideal.flatten(1), centres, strides, boxes, one)
    assert float(best) == pytest.approx(entropy, abs=1e-4)
    other = distribution_loss(torch.zeros(1, 4 * BINS), centres, strides, boxes, one)
    assert float(other) == pytest.approx(4 * math.log(BINS), abs=1e-4)


def output(texts: int, logit: float) -> HeadOutput:
    sizes = [(8, 8), (4, 4), (2, 2)]
    return HeadOutput(
        [torch.full((1, texts, *size), logit) for size in sizes],
        [torch.zeros(1, 4 * BINS, *size) for size in sizes],
    )


def targets(texts: int, *, ignored: bool) -> Targets:
    return Targets(
        boxes=torch.tensor([[[8.0, 8.0, 40.0, 40.0]]]),
        labels=torch.zeros(1, 1, texts, dtype=torch.bool),
        ignored=torch.full((1, 1, texts), ignored),
        valid=torch.zeros(1, 1, dtype=torch.bool),
    )


def test_an_undecided_object_teaches_nothing_inside_its_box() -> None:
    taught = detection_losses(output(3, 0.0), targets(3, ignored=False))
    spared = detection_losses(output(3, 0.0), targets(3, ignored=True))
    anchors = 64 + 16 + 4
    assert float(taught.classes) == pytest.approx(0.5 * anchors * 3 * math.log(2), rel=1e-5)
    # Centres inside 8..40 px: 4x4 at stride 8, (24, 24) at 16 and (16, 16) at 32.
    inside = 16 + 1 + 1
    assert float(spared.classes) == pytest.approx(
        0.5 * (anchors - inside) * 3 * math.log(2), rel=1e-5
    )
    assert float(spared.box) == float(spared.distribution) == 0.0


def test_only_the_undecided_text_is_spared() -> None:
    wanted = targets(3, ignored=False)
    wanted.ignored[0, 0, 1] = True
    pairs = ambiguous_pairs(torch.tensor([[20.0, 20.0], [60.0, 20.0]]), wanted)
    assert pairs.tolist() == [[[False, True, False], [False, False, False]]]
