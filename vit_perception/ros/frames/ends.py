# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What every camera of a node has, whatever the node makes of its frames."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Generic, Protocol, TypeVar

from rclpy.node import Node

from vit_perception.ros.frames.accounting import CAUSES, Accounting
from vit_perception.ros.frames.gate import Gate
from vit_perception.ros.frames.slots import NewestSlots
from vit_perception.ros.frames.stamps import StampWatch


class Outputs(Protocol):
    """Topics of results."""

    def destroy(self) -> None:
        """Takes them away."""


OutputsKind = TypeVar("OutputsKind", bound=Outputs)
Item = TypeVar("Item")


class CameraEnds(Generic[OutputsKind, Item]):
    """Names of a camera's topics, the account of its frames, and where they and results go.

    Args:
        node: the subscriber.
        name: what stands before its topics; empty for the only camera of a node.
        causes: why a frame is dropped.

    Attributes:
        gate: which results are published.
        accounting: where frames went, and how long they took.
        stamps: what was odd about their stamps.
        outputs: its topics; None while not configured.
    """

    def __init__(self, node: Node, name: str, causes: Iterable[str] = CAUSES) -> None:
        self._node = node
        self.name = name
        self.gate = Gate()
        self.accounting = Accounting(causes)
        self.stamps = StampWatch()
        self.outputs: OutputsKind | None = None
        self._slots: NewestSlots[Any, Item] | None = None

    def input_topic(self, topic: str) -> str:
        """Returns the name, before remapping, of one of its input topics."""
        return f"{self.name}/{topic}" if self.name else topic

    def output(self, topic: str) -> str:
        """Returns the private name of one of its output topics."""
        return f"~/{self.name}/{topic}" if self.name else f"~/{topic}"

    def configure(self, slots: NewestSlots[Any, Item], outputs: OutputsKind) -> None:
        """Tells `slots` of what comes in from now on; results go to `outputs`."""
        self.accounting.forget_times()
        self._slots, self.outputs = slots, outputs

    def deactivate(self) -> None:
        """Publishes nothing any more; each kind of camera ends its own part."""
        self.gate.close()

    def cleanup(self) -> None:
        """Deactivates, takes the topics away, and lets go of what `configure` was given."""
        self.deactivate()
        outputs, self.outputs, self._slots = self.outputs, None, None
        if outputs is not None:
            outputs.destroy()
