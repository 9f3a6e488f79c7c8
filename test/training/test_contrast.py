# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The contrast of things equals its definition, and compares the anchors that it should."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from vit_perception.models.boxes import complete_iou  # noqa: E402
from vit_perception.models.detectors.dosod import dosod_nano  # noqa: E402
from vit_perception.models.heads.dosod_head import HeadOutput  # noqa: E402
from vit_perception.training.assigner import Assignment  # noqa: E402
from vit_perception.training.contrast import (  # noqa: E402
    ANCHORS,
    ThingContrast,
    best_of_each,
    contrast_loss,
)
from vit_perception.training.losses import Targets  # noqa: E402

pytestmark = pytest.mark.torch


def by_loops(
    embeddings: np.ndarray, things: list[int], objects: list[int], temperature: float
) -> float:
    """The loss as it is written in the paper, one row and one positive after the other."""
    unit = embeddings - embeddings.mean(axis=0)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    rows = []
    for i, row in enumerate(unit):
        others = [j for j in range(len(unit)) if objects[j] != objects[i]]
        same = [j for j in others if things[j] == things[i]]
        if not same:
            continue
        total = sum(math.exp(row @ unit[j] / temperature) for j in others)
        logs = [math.log(math.exp(row @ unit[j] / temperature) / total) for j in same]
        rows.append(-sum(logs) / len(same))
    return sum(rows) / len(rows)


@pytest.mark.parametrize("temperature", [0.07, 0.5])
def test_it_equals_its_definition(temperature: float) -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        objects = np.sort(rng.integers(0, 14, 40))
        # Some things are seen once, some in many objects.
        things = rng.integers(0, 8, 14)[objects]
        embeddings = rng.normal(size=(40, 6)) + 3
        found = contrast_loss(
            torch.from_numpy(embeddings), torch.from_numpy(things), torch.from_numpy(objects),
            temperature,
        )  # fmt: skip
        expected = by_loops(embeddings, things.tolist(), objects.tolist(), temperature)
        assert float(found) == pytest.approx(expected, rel=1e-9)


def test_its_gradient_brings_one_thing_together_and_others_apart() -> None:
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(24, 8, generator=generator).requires_grad_()
    objects = torch.arange(24)
    things = objects % 6
    optimizer = torch.optim.SGD([rows], lr=0.5)
    values = []
    for _ in range(100):
        optimizer.zero_grad()
        loss = contrast_loss(rows, things, objects, 0.2)
        loss.backward()
        optimizer.step()
        values.append(float(loss.detach()))
    assert values[-1] < 0.7 * values[0]
    centred = (rows - rows.mean(dim=0)).detach()
    unit = torch.nn.functional.normalize(centred, dim=1)
    cosine = unit @ unit.T - 2 * torch.eye(24)
    assert torch.equal(things[cosine.argmax(dim=1)], things)


@pytest.mark.parametrize(
    ("things", "objects"),
    [
        pytest.param([], [], id="no row"),
        pytest.param([1], [0], id="one row"),
        pytest.param([1, 1, 1], [0, 0, 0], id="one object"),
        pytest.param([1, 2, 3], [0, 1, 2], id="every thing once"),
    ],
)
def test_nothing_to_compare_costs_nothing(things: list[int], objects: list[int]) -> None:
    rows = torch.randn(len(things), 4, generator=torch.Generator().manual_seed(0))
    rows.requires_grad_()
    numbers = [torch.tensor(n, dtype=torch.long) for n in (things, objects)]
    loss = contrast_loss(rows, *numbers, 0.1)
    loss.backward()
    assert float(loss.detach()) == 0
    assert rows.grad is not None
    assert not rows.grad.any()


def test_the_best_of_each_are_those_of_a_sort() -> None:
    rng = np.random.default_rng(1)
    owner, quality = rng.integers(0, 6, 50) * 7, rng.random(50)
    found = best_of_each(torch.from_numpy(quality), torch.from_numpy(owner), 4)
    expected = [
        row
        for one in np.unique(owner)
        for row in sorted(np.flatnonzero(owner == one), key=lambda i: -quality[i])[:4]
    ]
    assert found.tolist() == expected


def test_an_object_is_compared_by_its_best_anchors_of_all_levels() -> None:
    """Two pictures of 84 anchors, whose features are their numbers."""
    sizes, batch, texts = [(8, 8), (4, 4), (2, 2)], 2, 2
    generator = torch.Generator().manual_seed(2)
    features = torch.randn(batch, 3, 84, generator=generator)
    maps = [
        part.unflatten(2, size)
        for part, size in zip(features.split([64, 16, 4], dim=2), sizes, strict=True)
    ]
    logits = torch.randn(batch, 84, texts, generator=generator)
    boxes = torch.tensor([8.0, 8.0, 40.0, 40.0]).repeat(batch, 84, 1)
    boxes[..., 2] += torch.rand(batch, 84, generator=generator) * 20
    wanted = torch.tensor([[8.0, 8.0, 40.0, 40.0], [0.0, 0.0, 30.0, 30.0]]).repeat(batch, 1, 1)
    labels = torch.tensor([[True, False], [False, True]]).repeat(batch, 1, 1)
    # The second object of the first picture has no known thing.
    things = torch.tensor([[5, -1], [5, 6]])
    valid, owner = torch.ones(2, 2, dtype=torch.bool), torch.zeros(2, 16, 16, dtype=torch.int16)
    none = (torch.zeros(batch, 0, 4), torch.zeros(batch, 0, texts, dtype=torch.bool))
    targets = Targets(wanted, labels, torch.zeros_like(labels), valid, owner, things, *none)
    matched = torch.zeros(batch, 84, dtype=torch.bool)
    objects = torch.zeros(batch, 84, dtype=torch.long)
    matched[:, 60:84:2] = True  # eleven anchors on three levels
    objects[:, 70:] = 1
    found = Assignment(matched, wanted[:, :1].expand(-1, 84, -1), matched.float(), objects)

    def embed(level: int, rows: torch.Tensor) -> torch.Tensor:
        return torch.cat([rows, torch.full((len(rows), 1), float(level))], dim=1)

    rows, names, owners = [], [], []
    for picture, item in ((0, 0), (1, 0), (1, 1)):
        anchors = [a for a in range(60, 84, 2) if objects[picture, a] == item]
        overlaps = complete_iou(boxes[picture], wanted[picture, item]).clamp(min=0)
        quality = overlaps * logits[picture, :, item].sigmoid().sqrt()
        for anchor in sorted(anchors, key=quality.tolist().__getitem__, reverse=True)[:ANCHORS]:
            level = 0 if anchor < 64 else 1 if anchor < 80 else 2
            rows.append([*features[picture, :, anchor].tolist(), level])
            names.append(int(things[picture, item]))
            owners.append(2 * picture + item)
    output = HeadOutput([], [], class_features=tuple(maps))
    loss = ThingContrast(embed, 0.3).loss(output, targets, found, logits, boxes)
    expected = by_loops(np.array(rows), names, owners, 0.3)
    assert float(loss) == pytest.approx(expected, rel=1e-4)


def test_region_embeddings_are_those_behind_the_logits() -> None:
    torch.manual_seed(0)
    model = dosod_nano(text_dimension=16, activation="relu").eval()
    text = torch.nn.functional.normalize(torch.randn(1, 5, 16), dim=2)
    with torch.no_grad():
        embeddings = model.embed(text)
        output = model(torch.rand(1, 3, 64, 64), embeddings)
        for level, features in enumerate(output.class_features):
            rows = model.head.region_embeddings(level, features[0].flatten(1).T)
            contrast = model.head.contrasts[level]
            logits = rows @ contrast.weight(embeddings[0]).T + contrast.bias
            torch.testing.assert_close(logits.T, output.logits[level][0].flatten(1))
