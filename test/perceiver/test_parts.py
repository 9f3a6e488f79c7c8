# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Looking in parts, as those do who lay frames out ahead of the network."""

from __future__ import annotations

import numpy as np
import pytest

from vit_perception.bundle.bundle import Bundle
from vit_perception.frame import Frame
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.region import Region
from vit_perception.perceiver.settings import Settings
from vit_perception.perceiver.stages import StageTimes

from ..toy_bundle import toy_picture


@pytest.mark.parametrize("region", [None, Region(8, 4, 96, 64)])
def test_the_parts_find_what_a_look_finds(
    region: Region | None, toy_segmentation_bundle: Bundle
) -> None:
    perceiver = Perceiver(toy_segmentation_bundle, settings=Settings(region=region))
    query = perceiver.query
    colours = ({"red": (1, 2)}, {"blue": (2, 5)}, {"red": (1, 3), "blue": (2, 6)})
    frames = [Frame(toy_picture(72, 120, each)[0]) for each in colours]
    # All are laid out before the first is looked at.
    laid = [perceiver.lay(frame, query) for frame in frames]
    for frame, each in zip(frames, laid, strict=True):
        stages = StageTimes()
        found = perceiver.chosen(perceiver.see(each, query, stages), frame, query, stages)
        expected = perceiver.look(frame, query, StageTimes())
        assert list(stages.seconds) == ["inference", "nms", "masks"]
        assert len(found) and found.labels.tolist() == expected.labels.tolist()
        np.testing.assert_array_equal(found.boxes, expected.boxes)
        np.testing.assert_array_equal(found.scores, expected.scores)
        assert found.masks is not None and expected.masks is not None
        np.testing.assert_array_equal(found.masks.areas(), expected.masks.areas())
