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

# Asked for in the demonstration beside the names of what is there, to be fair.
DISTRACTORS = ("scissors", "shoe", "teddy bear", "remote control")
# What the demonstration looks for after the change, when nobody types names.
NAMES_AFTER = ("fruit", "tool", "red box")
# Photographs of the demonstration, and what it looks for in each.
PHOTOGRAPH_NAMES = {
    "shelf_items.jpg": ("bottle", "box", "cup", "can"),
    "open_fridge.jpg": ("bottle", "can", "carton"),
    "kitchen_counter.jpg": ("kettle", "pan", "box", "cup"),
}


def sample_bag() -> Path:
    """Folder of the sample bag: a rendered camera over a tabletop scene."""
    return find_shared("samples/tabletop")


def sample_photographs() -> Path:
    """Folder of real photographs with labels, a data set of `vit-perception evaluate`."""
    return find_shared("samples/photos")
