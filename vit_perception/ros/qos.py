# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Quality of service: what users may change, and warnings when two sides do not fit."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import (
    DurabilityPolicy,
    QoSPolicyKind,
    QoSProfile,
    ReliabilityPolicy,
    qos_policy_name_from_kind,
)
from rclpy.qos_overriding_options import QoSOverridingOptions

RELIABLE = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
ORDERS = QoSProfile(depth=256, reliability=ReliabilityPolicy.RELIABLE)
"""Deep, so that none is replaced before it is counted."""
LATCHED = QoSProfile(
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
TRANSFORMS = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)
STATIC_TRANSFORMS = QoSProfile(
    depth=100,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
"""As tf2_ros has them."""
PICTURES = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
SENSOR = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
"""Best effort receives from every publisher; a queue would only hold older images."""
PAIRED = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
"""For what belongs together: one that is lost costs the others."""

_CHANGEABLE = (
    QoSPolicyKind.HISTORY,
    QoSPolicyKind.DEPTH,
    QoSPolicyKind.RELIABILITY,
    QoSPolicyKind.DURABILITY,
)


def publisher(node: Node, kind: type, topic: str, qos: QoSProfile) -> Any:
    """Makes a publisher whose QoS users may override; warns of subscribers that do not fit."""
    made: list[Any] = []

    def warn(event: Any) -> None:
        policy = policy_name(event)
        node.get_logger().warning(
            f"a subscriber of {made[0].topic_name} asks for another {policy} than is offered "
            f"({described(made[0].qos_profile)}): it hears nothing"
        )

    made.append(
        node.create_publisher(
            kind,
            topic,
            # Copied: rclpy writes the overrides of this topic into the profile.
            copy.copy(qos),
            event_callbacks=PublisherEventCallbacks(incompatible_qos=warn),
            qos_overriding_options=_overriding(),
        )
    )
    return made[0]


def subscription(
    node: Node,
    kind: type,
    topic: str,
    callback: Callable[[Any], None],
    on_mismatch: Callable[[str], None],
    profile: QoSProfile = SENSOR,
) -> Any:
    """Subscribes with a profile that users may override; warns of publishers that do not fit.

    Args:
        node, kind, topic, callback: as for rclpy's create_subscription.
        on_mismatch: called with the policy that does not fit, after the warning.
        profile: best effort, so that every publisher is heard.
    """
    made: list[Any] = []

    def warn(event: Any) -> None:
        policy = policy_name(event)
        node.get_logger().warning(
            f"a publisher on {made[0].topic_name} offers another {policy} than the subscription "
            f"asks for ({described(made[0].qos_profile)}): nothing of it arrives"
        )
        on_mismatch(policy)

    made.append(
        node.create_subscription(
            kind,
            topic,
            callback,
            copy.copy(profile),
            event_callbacks=SubscriptionEventCallbacks(incompatible_qos=warn),
            qos_overriding_options=_overriding(),
        )
    )
    return made[0]


def described(profile: QoSProfile) -> str:
    """Returns a profile in a few words."""
    words = [profile.reliability.name.lower(), f"depth {profile.depth}"]
    if profile.durability == DurabilityPolicy.TRANSIENT_LOCAL:
        words.append("transient_local")
    return ", ".join(words)


def policy_name(event: Any) -> str:
    """Returns the policy that an event of incompatible QoS is about, e.g. "durability"."""
    return str(qos_policy_name_from_kind(event.last_policy_kind)).lower()


def _overriding() -> QoSOverridingOptions:
    return QoSOverridingOptions(policy_kinds=_CHANGEABLE)
