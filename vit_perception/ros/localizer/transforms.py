# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Transforms from /tf and /tf_static: tf2_ros where it is installed, else a small buffer."""

from __future__ import annotations

import importlib
from functools import partial
from typing import Any, Protocol

from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.time import Time
from tf2_msgs.msg import TFMessage

from vit_perception.ros import qos
from vit_perception.ros.health.fault_log import FaultLog
from vit_perception.ros.messages import stamp_nanoseconds
from vit_perception.space.rigid import Rigid, TransformError
from vit_perception.space.transforms import HISTORY, Transforms
from vit_perception.wording import one_line


class TransformSource(Protocol):
    """Listens for transforms and answers for the moments of the last ten seconds.

    Attributes:
        origin: who keeps them, in a few words.
    """

    origin: str

    def lookup(self, target: str, source: str, stamp: int) -> Rigid:
        """Returns target_from_source at a moment in nanoseconds.

        Raises:
            TransformError: it is not to be had, or not yet.
        """

    def destroy(self) -> None:
        """Stops listening."""


def transform_source(node: Node, faults: FaultLog) -> TransformSource:
    """Begins to listen.

    Args:
        node: the subscriber.
        faults: hears of transforms that are none.
    """
    try:
        tf2_ros = importlib.import_module("tf2_ros")
    except ImportError:
        return _Listener(node, faults)
    return _Tf2(node, tf2_ros)


class _Tf2:
    origin = "tf2_ros"

    def __init__(self, node: Node, tf2_ros: Any) -> None:
        self._buffer = tf2_ros.Buffer(cache_time=Duration(nanoseconds=HISTORY))
        self._listener = tf2_ros.TransformListener(self._buffer, node)

    def lookup(self, target: str, source: str, stamp: int) -> Rigid:
        target, source = target.lstrip("/"), source.lstrip("/")
        # To tf2, 0 is not a time but the latest transform.
        time = Time(nanoseconds=max(stamp, 1))
        try:
            found = self._buffer.lookup_transform(target, source, time)
        # The exceptions of tf2 are those of a C++ module.
        except Exception as error:
            raise TransformError(f"no transform: {one_line(error)}") from error
        return Rigid.of_message(found.transform.translation, found.transform.rotation)

    def destroy(self) -> None:
        self._listener.unregister()


class _Listener:
    origin = "/tf and /tf_static, without tf2_ros"

    def __init__(self, node: Node, faults: FaultLog) -> None:
        self._node = node
        self._faults = faults
        self._transforms = Transforms()
        self._subscriptions = [
            node.create_subscription(
                TFMessage, topic, partial(self._on_transforms, static=static), profile
            )
            for topic, static, profile in (
                ("/tf", False, qos.TRANSFORMS),
                ("/tf_static", True, qos.STATIC_TRANSFORMS),
            )
        ]

    def lookup(self, target: str, source: str, stamp: int) -> Rigid:
        return self._transforms.lookup(target, source, stamp)

    def destroy(self) -> None:
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)

    def _on_transforms(self, message: TFMessage, *, static: bool) -> None:
        for each in message.transforms:
            try:
                self._transforms.add(
                    each.header.frame_id,
                    each.child_frame_id,
                    stamp_nanoseconds(each.header),
                    Rigid.of_message(each.transform.translation, each.transform.rotation),
                    static=static,
                )
            except TransformError as error:
                self._faults.warn("transform", str(error))
