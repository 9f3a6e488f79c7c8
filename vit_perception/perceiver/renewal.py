# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Shows another bundle what was shown before, from the pictures that examples keep."""

from __future__ import annotations

from dataclasses import replace

from vit_perception.examples import Crop, Example
from vit_perception.perceiver.crops import frame_of
from vit_perception.perceiver.perceiver import Perceiver


def seen_again(perceiver: Perceiver, example: Example, crop: Crop) -> Example:
    """Returns what a perceiver sees of an example, with the picture that it keeps.

    Raises:
        ExamplesError: the crop is no picture.
        PerceiverError, SessionError: as `Perceiver.example`.
    """
    again = perceiver.example(frame_of(crop), crop.box, example.name, negative=example.negative)
    return replace(again, crop=crop)
