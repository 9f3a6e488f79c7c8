# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Segmenters by name, with their own backbone or one of the shelf."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from vit_perception.models.segmenters.factory import (  # noqa: E402
    SEGMENTERS,
    SegmenterError,
    create_segmenter,
)

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("name", SEGMENTERS)
def test_every_name_makes_a_network_that_learns_in_all_parts(name: str) -> None:
    model = create_segmenter(name, 4)
    logits = model(torch.rand(2, 3, 32, 32))
    assert logits.shape[:2] == (2, 4)
    logits.square().mean().backward()
    still = [name for name, each in model.named_parameters() if each.grad is None]
    assert still == []


@pytest.mark.parametrize(
    ("name", "stride"), [("pp_mobileseg_base", 8), ("pp_mobileseg_tiny", 8), ("lightm_unet", 4)]
)
@pytest.mark.parametrize("backbone", ["shvit_s1", "tf_efficientnet_lite0_dense"])
def test_backbones_of_the_shelf_take_their_place(name: str, stride: int, backbone: str) -> None:
    model = create_segmenter(name, 4, backbone=backbone, size=(96, 128)).eval()
    with torch.no_grad():
        assert model(torch.rand(1, 3, 96, 128)).shape == (1, 4, 96 // stride, 128 // stride)


@pytest.mark.parametrize(
    ("name", "classes", "backbone", "line"),
    [
        ("unet", 4, "", "segmenter: expected one of pp_mobileseg_base, "),
        ("lightm_unet", 1, "", "classes: expected 2 or more, found 1"),
        ("lightm_unet", 4, "none", "backbone: expected one of .*, found 'none'"),
    ],
)
def test_what_is_not_there_is_refused(name: str, classes: int, backbone: str, line: str) -> None:
    with pytest.raises(SegmenterError, match=line):
        create_segmenter(name, classes, backbone=backbone)
