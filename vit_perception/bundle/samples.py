# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The sample recording and the photographs that come with the package."""

from __future__ import annotations

from pathlib import Path

from vit_perception.bundle.paths import find_shared

IMAGE_TOPIC = "/camera/image_raw"
COMPRESSED_TOPIC = f"{IMAGE_TOPIC}/compressed"
CAMERA_INFO_TOPIC = "/camera/camera_info"
DEPTH_TOPIC = "/camera/depth/image_rect_raw"
COMPRESSED_DEPTH_TOPIC = f"{DEPTH_TOPIC}/compressedDepth"
GROUND_TRUTH_TOPIC = "/ground_truth"
GROUND_TRUTH_3D_TOPIC = "/ground_truth_3d"

DISTRACTORS = ("scissors", "shoe", "teddy bear", "remote control")
"""Things that are not in the sample bag; the demonstration asks for them too, to be fair."""
NAMES_AFTER = ("fruit", "tool", "red box")
"""Names of the demonstration after the change, if nobody types any."""
PHOTOGRAPH_NAMES = {
    "shelf_items.jpg": ("bottle", "box", "cup", "can"),
    "open_fridge.jpg": ("bottle", "can", "carton"),
    "kitchen_counter.jpg": ("kettle", "pan", "box", "cup"),
}
"""Photographs of the demonstration, and the names asked for in each."""


def sample_bag() -> Path:
    """Returns the folder of the sample bag: a rendered camera over a tabletop scene."""
    return find_shared("samples/tabletop")


def sample_photographs() -> Path:
    """Returns the folder of labelled photographs, a data set of `vit-perception evaluate`."""
    return find_shared("samples/photos")
