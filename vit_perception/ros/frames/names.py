# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Names of a camera's topics, before remapping. Needs no ROS."""

from __future__ import annotations


def input_topic(camera: str, topic: str) -> str:
    """Returns the name of an input topic; `camera` is empty for the only one of a node."""
    return f"{camera}/{topic}" if camera else topic


def output_topic(camera: str, topic: str) -> str:
    """Returns the private name of an output topic."""
    return f"~/{camera}/{topic}" if camera else f"~/{topic}"
