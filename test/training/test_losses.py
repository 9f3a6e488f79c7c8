# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Losses on cases that can be worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from vit_perception.models.boxes import complete_iou, expected_distances  # noqa: E402
from vit_perception.models.heads.dosod_head import BINS, HeadOutput  # noqa: E402
from vit_perception.training.assigner import Assignment  # noqa: E402
from vit_perception.training.losses import (  # noqa: E402
    Targets,
    ambiguous_pairs,
    detection_losses,
    distribution_loss,
    mask_loss,
    unlabelled_pairs,
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
        owner=torch.full((1, 16, 16), -1, dtype=torch.int16),
        things=torch.full((1, 1), -1),
        regions=torch.zeros(1, 0, 4),
        unlabelled=torch.zeros(1, 0, texts, dtype=torch.bool),
    )


def test_what_may_be_unlabelled_teaches_nothing_outside_of_the_boxes() -> None:
    """The picture of 64 px is a region, in which only the first of three texts is labelled."""
    wanted = replace(
        targets(3, ignored=False),
        regions=torch.tensor([[[0.0, 0.0, 64.0, 64.0]]]),
        unlabelled=torch.tensor([[[False, True, True]]]),
    )
    found = detection_losses(output(3, 0.0), wanted)
    # Of the anchors at strides 8, 16 and 32, those with centres inside of the box 8..40.
    inside, anchors = 16 + 1 + 1, 64 + 16 + 4
    counted = anchors + 2 * inside
    assert float(found.classes) == pytest.approx(0.5 * counted * math.log(2), rel=1e-5)
    half = replace(wanted, regions=torch.tensor([[[0.0, 0.0, 64.0, 32.0]]]))
    pairs = unlabelled_pairs(torch.tensor([[4.0, 4.0], [20.0, 20.0], [4.0, 40.0]]), half)
    assert pairs.tolist() == [[[False, True, True], [False] * 3, [False] * 3]]


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


def masked(prototype: torch.Tensor, weight: float) -> HeadOutput:
    """One prototype [16, 16] under every anchor's one coefficient."""
    plain = output(1, 0.0)
    coefficients = tuple(torch.full((1, 1, *x.shape[2:]), weight) for x in plain.logits)
    return HeadOutput(plain.logits, plain.distances, coefficients, prototype[None, None])


def one_object(owner: torch.Tensor) -> tuple[Targets, Assignment]:
    """An object of box 8..40 px that two of 84 anchors carry."""
    wanted = targets(1, ignored=False)
    wanted.valid[:] = True
    matched = torch.zeros(1, 84, dtype=torch.bool)
    matched[0, [9, 70]] = True
    boxes = torch.tensor([8.0, 8.0, 40.0, 40.0]).expand(1, 84, 4) * matched[..., None]
    found = Assignment(matched, boxes, matched.float(), torch.zeros(1, 84, dtype=torch.long))
    return replace(wanted, owner=owner[None]), found


def test_the_mask_loss_is_the_mean_entropy_inside_the_box() -> None:
    owner = torch.full((16, 16), -1, dtype=torch.int16)
    owner[2:6, 2:10] = 0
    prototype = torch.full((16, 16), 50.0)
    prototype[2:10, 2:10] = torch.linspace(-3, 3, 64).reshape(8, 8)
    wanted, found = one_object(owner)
    loss = mask_loss(masked(prototype, 0.5), wanted, found)
    logit = 0.5 * torch.linspace(-3, 3, 64).reshape(8, 8).double()
    truth = torch.zeros(8, 8).double()
    truth[:4] = 1
    # Box 8..40 px covers cells 2 to 9 of both axes; what lies outside counts nothing.
    by_hand = -(truth * logit.sigmoid().log() + (1 - truth) * (1 - logit.sigmoid()).log()).mean()
    assert float(loss) == pytest.approx(float(by_hand), rel=1e-5)


def test_an_object_without_a_pixel_teaches_no_mask() -> None:
    wanted, found = one_object(torch.full((16, 16), -1, dtype=torch.int16))
    assert float(mask_loss(masked(torch.ones(16, 16), 1.0), wanted, found)) == 0.0


def test_a_model_without_masks_has_no_mask_loss() -> None:
    wanted, found = one_object(torch.zeros(16, 16, dtype=torch.int16))
    assert float(mask_loss(output(1, 0.0), wanted, found)) == 0.0
