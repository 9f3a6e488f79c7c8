# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Task-aligned assignment: the card's invariants, and an independent slow form of it."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from vit_perception.models.boxes import complete_iou, priors  # noqa: E402
from vit_perception.training.assigner import ALPHA, BETA, TOP_K, Assignment, assign  # noqa: E402

pytestmark = pytest.mark.torch

BATCH, OBJECTS, TEXTS = 3, 6, 9


def scene(seed: int) -> dict[str, torch.Tensor]:
    """Random anchors, predictions and partly overlapping objects with several true texts."""
    generator = torch.Generator().manual_seed(seed)

    def rand(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=generator)

    centres, strides = priors([(16, 16), (8, 8), (4, 4)], (8, 16, 32))
    anchors = len(strides)
    spread = rand(BATCH, anchors, 4) * 3 * strides[:, None]
    boxes = torch.cat([centres - spread[..., :2], centres + spread[..., 2:]], dim=-1)
    low = rand(BATCH, OBJECTS, 2) * 80
    target = torch.cat([low, low + 10 + rand(BATCH, OBJECTS, 2) * 60], dim=-1)
    labels = rand(BATCH, OBJECTS, TEXTS) < 0.25
    valid = rand(BATCH, OBJECTS) < 0.8
    valid[0] = False
    return {
        "probabilities": rand(BATCH, anchors, TEXTS),
        "boxes": boxes,
        "centres": centres,
        "target_boxes": target,
        "target_labels": labels,
        "valid": valid,
    }


def slow(given: dict[str, torch.Tensor]) -> Assignment:
    """The same assignment, object by object and anchor by anchor."""
    boxes, centres, wanted = given["boxes"], given["centres"], given["target_boxes"]
    batch, anchors = boxes.shape[:2]
    matched = torch.zeros(batch, anchors, dtype=torch.bool)
    scores, objects = torch.zeros(batch, anchors), torch.zeros(batch, anchors, dtype=torch.long)
    for b in range(batch):
        metric, overlap = torch.zeros(OBJECTS, anchors), torch.zeros(OBJECTS, anchors)
        claims = torch.zeros(OBJECTS, anchors, dtype=torch.bool)
        for m in range(OBJECTS):
            if not given["valid"][b, m]:
                continue
            x1, y1, x2, y2 = wanted[b, m]
            inside = (centres[:, 0] - x1 > 1e-9) & (x2 - centres[:, 0] > 1e-9)
            inside &= (centres[:, 1] - y1 > 1e-9) & (y2 - centres[:, 1] > 1e-9)
            overlap[m] = complete_iou(boxes[b], wanted[b, m].expand(anchors, 4)).clamp(min=0)
            overlap[m] *= inside
            texts = given["target_labels"][b, m]
            if texts.any():
                best = given["probabilities"][b][:, texts].amax(dim=1)
                metric[m] = best**ALPHA * overlap[m] ** BETA
            for a in metric[m].topk(TOP_K).indices.tolist():
                claims[m, a] = metric[m, a] > 0
        for a in range(anchors):
            if claims[:, a].sum() > 1:
                nearest = int(overlap[:, a].argmax())
                claims[:, a] = False
                claims[nearest, a] = True
        for m in range(OBJECTS):
            mine = claims[m].nonzero().flatten().tolist()
            if not mine:
                continue
            top_u, top_a = overlap[m, mine].max(), metric[m, mine].max()
            for a in mine:
                matched[b, a], objects[b, a] = True, m
                scores[b, a] = metric[m, a] * top_u / (top_a + 1e-9)
    return Assignment(matched, torch.zeros_like(boxes), scores, objects)


@pytest.mark.parametrize("seed", range(4))
def test_it_equals_the_slow_form(seed: int) -> None:
    given = scene(seed)
    found, expected = assign(**given), slow(given)
    assert torch.equal(found.matched, expected.matched)
    assert torch.equal(found.objects, expected.objects)
    torch.testing.assert_close(found.scores, expected.scores, rtol=1e-4, atol=1e-6)
    assert found.matched.any()


def test_targets_keep_the_bounds_of_the_card() -> None:
    given = scene(11)
    found = assign(**given)
    assert ((found.scores >= 0) & (found.scores <= 1)).all()
    for b in range(BATCH):
        for m in range(OBJECTS):
            mine = found.matched[b] & (found.objects[b] == m)
            assert mine.sum() <= TOP_K
            if mine.any():
                assert given["valid"][b, m]
                assert torch.equal(
                    found.boxes[b, mine], given["target_boxes"][b, m].expand(int(mine.sum()), 4)
                )


def test_pictures_without_objects_are_all_background() -> None:
    given = scene(2)
    given["valid"][:] = False
    found = assign(**given)
    assert not found.matched.any()
    assert found.scores.sum() == 0
