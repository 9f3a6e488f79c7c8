# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Why what was found in an image gets no place, and why a thing does not. Needs no ROS."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from vit_perception.ros.frames.accounting import ERROR, INACTIVE, REPLACED, UNDECODABLE

NO_DEPTH = "no_depth"
APART = "apart"
NO_CAMERA_INFO = "no_camera_info"
NO_TRANSFORM = "no_transform"

CAUSES: Mapping[str, str] = MappingProxyType(
    {
        REPLACED: "a newer image had all it needed before this one was placed",
        NO_DEPTH: "no depth image came within `sync_timeout`",
        APART: "no depth image has a stamp within `sync_slop` of the image's",
        NO_CAMERA_INFO: "no camera_info has come in, or it is of another size",
        NO_TRANSFORM: "no transform at the stamp of the image came within `tf_timeout`; clouds "
        "and markers are still published, in the optical frame",
        UNDECODABLE: "depth, instances or camera_info cannot be read (counted by reason as well)",
        INACTIVE: "the node was deactivated before the result was published",
        ERROR: "placing or publication failed",
    }
)
"""Why the detections of an image are dropped."""
