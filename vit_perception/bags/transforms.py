# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Transforms that a recording has on /tf and /tf_static."""

from __future__ import annotations

from vit_perception.bags.messages import header_stamp
from vit_perception.bags.reader import BagMessage
from vit_perception.space.rigid import Rigid, TransformError
from vit_perception.space.transforms import Transforms


def take_transforms(message: BagMessage, transforms: Transforms) -> None:
    """Adds what a tf2_msgs/TFMessage holds; those of a topic `tf_static` hold at all times.

    Impossible ones are left out, as tf2 does; a lookup that would need one says what is missing.
    """
    static = message.topic.endswith("tf_static")
    # A bag may define the type in its own way.
    for each in getattr(message.value, "transforms", ()):
        try:
            transforms.add(
                str(each.header.frame_id),
                str(each.child_frame_id),
                header_stamp(each.header),
                Rigid.of_message(each.transform.translation, each.transform.rotation),
                static=static,
            )
        except (AttributeError, TypeError, TransformError):
            continue
