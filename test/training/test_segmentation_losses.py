# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Losses of class maps: by hand, at their ends, and with ignored pixels."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from vit_perception.training.segmentation_losses import (  # noqa: E402
    IGNORED,
    lovasz_softmax,
    segmentation_loss,
)

pytestmark = pytest.mark.torch


def test_lovasz_of_hard_maps_is_one_minus_the_mean_iou() -> None:
    labels = torch.tensor([0, 0, 0, 1, 1, 2])
    found = torch.tensor([0, 0, 1, 1, 1, 0])
    hard = torch.nn.functional.one_hot(found, 3).double()
    # Class 0: 2 of 4, class 1: 2 of 3, class 2: 0 of 1.
    assert lovasz_softmax(hard, labels) == pytest.approx(1 - (2 / 4 + 2 / 3 + 0) / 3)
    right = torch.nn.functional.one_hot(labels, 3).double()
    assert lovasz_softmax(right, labels) == pytest.approx(0)


def test_lovasz_lies_between_the_hard_maps_around_it() -> None:
    labels = torch.tensor([0, 1])
    found = [
        float(lovasz_softmax(torch.tensor([[1 - p, p], [0.0, 1.0]]), labels))
        for p in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    # With two classes whose IoU fall to 0 and 1/2 it is linear in the one error.
    assert found == pytest.approx([0, 0.1875, 0.375, 0.5625, 0.75])


def test_ignored_pixels_say_nothing() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 4, 6, 6, requires_grad=True)
    labels = torch.randint(0, 4, (2, 12, 12))
    labels[:, :, 6:] = IGNORED
    other = logits.detach().clone()
    other[:, :, :, 5:] += 3  # read by ignored pixels alone
    torch.testing.assert_close(segmentation_loss(logits, labels), segmentation_loss(other, labels))
    none = segmentation_loss(logits, torch.full_like(labels, IGNORED))
    none.backward()
    assert none.item() == 0
    assert logits.grad is not None and not logits.grad.any()


def test_both_losses_are_weighted() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(1, 3, 8, 8), torch.randint(0, 3, (1, 8, 8))
    entropy, overlap = (segmentation_loss(logits, labels, each) for each in (0.0, 1.0))
    assert entropy == pytest.approx(float(torch.nn.functional.cross_entropy(logits, labels)))
    mixed = segmentation_loss(logits, labels)
    assert mixed == pytest.approx(float(0.8 * entropy + 0.2 * overlap), rel=1e-5)
