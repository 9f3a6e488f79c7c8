# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""RT-DETR's matching, losses and noisy queries: by hand, and as in the transformers library."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import vit_perception.models  # noqa: E402, F401  # mends torchvision for transformers

# isort: split
from transformers.loss.loss_rt_detr import RTDetrForObjectDetectionLoss  # noqa: E402
from transformers.models.rt_detr.modeling_rt_detr import (  # noqa: E402
    get_contrastive_denoising_training_group,
)

from test.models.rt_detr_peer import CLASSES, QUERIES, pair  # noqa: E402
from vit_perception.models.centred_boxes import centred, corners, logit, overlaps  # noqa: E402
from vit_perception.models.detectors.factory import create_detr  # noqa: E402
from vit_perception.models.heads.rt_detr_head import Prediction  # noqa: E402
from vit_perception.training.denoising import noisy_queries  # noqa: E402
from vit_perception.training.detr_losses import (  # noqa: E402
    Objects,
    focal_loss,
    match,
    rt_detr_losses,
    varifocal_loss,
)

pytestmark = pytest.mark.torch

#: Of three pictures, the last of which shows nothing.
BOXES = (
    torch.tensor([[0.3, 0.4, 0.2, 0.3], [0.6, 0.5, 0.4, 0.4], [0.8, 0.2, 0.1, 0.2]]),
    torch.tensor([[0.5, 0.5, 0.9, 0.3]]),
    torch.zeros(0, 4),
)
LABELS = (torch.tensor([1, 4, 1]), torch.tensor([0]), torch.zeros(0, dtype=torch.int64))
TARGETS = [
    Objects(boxes, torch.nn.functional.one_hot(labels, CLASSES).bool())
    for boxes, labels in zip(BOXES, LABELS, strict=True)
]


def theirs() -> list[dict[str, torch.Tensor]]:
    return [{"boxes": b, "class_labels": c} for b, c in zip(BOXES, LABELS, strict=True)]


def images() -> torch.Tensor:
    squares = torch.rand(3, 3, 6, 10, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.interpolate(squares, size=(96, 160))


@torch.no_grad()
def test_losses_are_those_of_the_transformers_library() -> None:
    peer, own = pair()
    noise, told = noisy_queries(
        TARGETS, QUERIES, total=12, generator=torch.Generator().manual_seed(1)
    )
    assert noise is not None and told is not None
    output = own(images(), noise=noise)
    found = rt_detr_losses(output, TARGETS, told)
    layers = [
        torch.stack([torch.cat(parts, dim=1) for parts in zip(*each, strict=True)], dim=1)
        for each in (
            ([p.logits for p in output.noisy], [p.logits for p in output.layers]),
            ([p.boxes for p in output.noisy], [p.boxes for p in output.layers]),
        )
    ]
    meta: dict[str, Any] = {
        "dn_positive_idx": [each.queries for each in told.matched],
        "dn_num_group": told.groups,
        "dn_num_split": [noise.labels.shape[1], QUERIES],
    }
    total, parts, _ = RTDetrForObjectDetectionLoss(
        layers[0][:, -1], theirs(), "cpu", layers[1][:, -1], peer.config, *layers,
        output.selected.logits, output.selected.boxes, meta,
    )  # fmt: skip
    assert len(parts) == 3 * (2 * len(output.layers) + 1)
    torch.testing.assert_close(found.total, total, rtol=1e-5, atol=1e-5)
    for name, value in zip(("vfl", "bbox", "giou"), found, strict=True):
        wanted = sum(each for key, each in parts.items() if f"loss_{name}" in key)
        torch.testing.assert_close(value, wanted, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_noisy_queries_do_not_change_the_networks_own() -> None:
    own = pair()[1]
    noise, _ = noisy_queries(TARGETS, QUERIES, generator=torch.Generator().manual_seed(1))
    with_noise, without = own(images(), noise=noise), own(images())
    for one, other in zip(with_noise.layers, without.layers, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)
    # A group alone is told the same as beside the others.
    assert noise is not None
    group, count = 2 * 3, noise.labels.shape[1]
    rows = [*range(group), *range(count, count + QUERIES)]
    alone = noise._replace(
        labels=noise.labels[:, :group],
        boxes=noise.boxes[:, :group],
        mask=noise.mask[rows][:, rows],
    )
    for one, other in zip(own(images(), noise=alone).noisy, with_noise.noisy, strict=True):
        torch.testing.assert_close(one.logits, other.logits[:, :group], rtol=0, atol=1e-5)


def test_the_order_of_noisy_queries_is_the_transformers_librarys() -> None:
    noise, told = noisy_queries(TARGETS, QUERIES, total=20)
    assert noise is not None and told is not None
    embed = torch.nn.Embedding(CLASSES + 1, 8)
    wanted = get_contrastive_denoising_training_group(theirs(), CLASSES, QUERIES, embed, 20)
    assert torch.equal(noise.mask, wanted[2] == 0)
    assert noise.boxes.shape == wanted[1].shape
    assert told.groups == wanted[3]["dn_num_group"] == 6
    for matched, rows in zip(told.matched, wanted[3]["dn_positive_idx"], strict=True):
        assert torch.equal(matched.queries, rows)


def test_noise_is_near_or_further_off() -> None:
    generator = torch.Generator().manual_seed(0)
    box = Objects(torch.tensor([[0.5, 0.5, 0.2, 0.2]]), torch.eye(4, dtype=torch.bool)[2:3])
    noise, told = noisy_queries([box], 5, total=4000, generator=generator)
    assert noise is not None and told is not None
    sides = corners(noise.boxes[0].sigmoid())
    moved = (sides - corners(box.boxes)).abs() / 0.1
    near, far = moved[told.matched[0].queries], moved[1::2]
    assert len(near) == len(far) == 4000
    # Sides that passed each other leave a box without a size.
    far = far[(noise.boxes[0, 1::2, 2:] > -11).all(1)]
    assert len(far) > 1000
    assert near.max() < 1.001 and near.mean() == pytest.approx(0.5, abs=0.02)
    assert far.min() > 0.999 and far.max() < 2.001
    # A quarter is drawn anew, of which a quarter is the same.
    same = (noise.labels[0] == 2).float().mean()
    assert same == pytest.approx(1 - 0.25 * 0.75, abs=0.02)
    again, _ = noisy_queries([box], 5, total=4000, generator=torch.Generator().manual_seed(0))
    assert again is not None and torch.equal(again.boxes, noise.boxes)
    assert noisy_queries([Objects(*(x[:0] for x in box))], 5) == (None, None)


def test_varifocal_loss_by_hand() -> None:
    sure = torch.tensor([40.0])
    one, yes, no = torch.ones(1), torch.tensor([True]), torch.tensor([False])
    assert varifocal_loss(sure, one, yes).item() < 1e-12
    # 0.75 p^2 times the cross-entropy.
    p = torch.tensor([0.2, 0.9])
    wanted = 0.75 * p**2 * -torch.log(1 - p)
    torch.testing.assert_close(varifocal_loss(p.logit(), torch.zeros(2), no.expand(2)), wanted)
    # With quality 0.5 the loss is least where the score is 0.5, and counts half.
    scores = torch.linspace(0.05, 0.95, 19)
    half = varifocal_loss(scores.logit(), torch.full((19,), 0.5), yes.expand(19))
    assert scores[half.argmin()] == pytest.approx(0.5)
    assert half.min().item() == pytest.approx(0.5 * torch.log(torch.tensor(2.0)).item())
    focal = focal_loss(p.logit(), torch.tensor([1.0, 0.0]), torch.tensor([True, False]))
    by_hand = [0.25 * 0.8**2 * -torch.log(p[0]), 0.75 * 0.9**2 * -torch.log(1 - p[1])]
    torch.testing.assert_close(focal, torch.stack(by_hand))


def test_matching_by_hand() -> None:
    boxes = torch.tensor([[0.2, 0.2, 0.2, 0.2], [0.7, 0.7, 0.2, 0.2], [0.72, 0.7, 0.2, 0.2]])
    objects = Objects(boxes[:2], torch.tensor([[True, False, True], [False, True, False]]))
    # The third query is nearly on the second object, and is told by its name.
    logits = torch.tensor([[-5.0, -5.0, -5.0], [-5.0, -5.0, -5.0], [-5.0, 5.0, -5.0]])
    matched = match(Prediction(logits, boxes), objects)
    assert dict(zip(matched.queries.tolist(), matched.objects.tolist(), strict=True)) == {
        0: 0,
        2: 1,
    }
    # Of two names that are true of it, one that is told is enough.
    rival = torch.tensor([[-5.0, -5.0, -5.0], [-5.0, 5.0, -5.0], [-5.0, -5.0, 5.0]])
    both = Objects(boxes[1:2], torch.tensor([[False, True, False]]))
    assert match(Prediction(rival, boxes[[0, 1, 1]]), both).queries.tolist() == [1]
    both = Objects(boxes[1:2], torch.tensor([[True, False, True]]))
    assert match(Prediction(rival, boxes[[0, 1, 1]]), both).queries.tolist() == [2]


def test_overlaps_and_forms_of_boxes() -> None:
    box = torch.tensor([[0.0, 0.0, 2.0, 2.0]])
    others = torch.tensor([[0.0, 0.0, 2.0, 2.0], [1.0, 0.0, 3.0, 2.0], [3.0, 0.0, 4.0, 2.0]])
    iou, generalized = overlaps(box, others)
    torch.testing.assert_close(iou, torch.tensor([1.0, 1 / 3, 0.0]))
    torch.testing.assert_close(generalized, torch.tensor([1.0, 1 / 3, -2 / 8]))
    torch.testing.assert_close(corners(centred(others)), others)
    shares = torch.tensor([0.0, 0.3, 1.0])
    torch.testing.assert_close(logit(shares).sigmoid(), shares, rtol=0, atol=2e-5)


@pytest.mark.parametrize("classes", [3, 0])
def test_losses_reach_every_parameter(classes: int) -> None:
    torch.manual_seed(0)
    own = create_detr(
        "rt_detr_r18", classes=classes, width=32, neck_width=32, layers=2,
        embedding=12, text_dimension=8, adaptor_layers=1,
    ).train()  # fmt: skip
    # What begins as 0 hides what is behind it.
    for perceptron in (own.head.selection_boxes, *own.head.boxes):
        torch.nn.init.normal_(perceptron[-1].weight, std=0.1)
    for layer in own.head.layers:
        torch.nn.init.normal_(layer.cross.attention_weights.weight, std=0.1)
    targets = [Objects(t.boxes, t.labels[:, [0, 1, 4]]) for t in TARGETS]
    noise, told = noisy_queries(targets, 300, total=6, generator=torch.Generator().manual_seed(0))
    names = None if classes else own.embed(torch.randn(3, 3, 8))
    found = rt_detr_losses(own(images()[:, :, :96, :128], names, noise=noise), targets, told)
    found.total.backward()
    without = [n for n, p in own.named_parameters() if p.grad is None or not p.grad.any()]
    assert not without
