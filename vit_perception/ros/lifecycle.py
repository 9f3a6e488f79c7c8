# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What the nodes have in common: transitions that fail in one line, and a start by themselves."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Protocol

from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from vit_perception.ros.health.fault_log import FaultLog
from vit_perception.wording import one_line

FOLLOW_EVERY = 0.1
"""Seconds between two looks at who subscribes to results. Events of the publishers would come
without a delay, but rclpy would go through all of them between two images."""
# Room for the paths of a bundle and of a file, each twice.
_LONGEST_REASON = 1000


class Startable(Protocol):
    """Parameters of such a node."""

    @property
    def autostart(self) -> bool: ...


class ManagedNode(LifecycleNode):
    """A node that is configured, activated and so on by whoever manages it, or by itself.

    Args:
        name: of the node, where `__node` does not rename it.
        work: that it does not do while it cannot, for the log: "looking at images".
        options: as for rclpy's Node: context, namespace, parameter_overrides, …
    """

    def __init__(self, name: str, work: str, **options: Any) -> None:
        super().__init__(name, **options)
        self._work = work
        self._failure = ""
        self._faults = FaultLog(self)

    @property
    @abstractmethod
    def parameters(self) -> Startable:
        """The parameters in force."""

    @property
    def state(self) -> str:
        """The label of the lifecycle state, e.g. "active"."""
        # rclpy has no public way to it.
        return str(self._state_machine.current_state[1])

    @property
    def leaving(self) -> bool:
        """Whether it was told to end."""
        return False

    def leave(self) -> None:
        """Lets a transition that waits for something fail; a handler of signals may call it."""

    def autostart(self) -> None:
        """Configures and activates, if the parameter says so; a failure has been told then."""
        if not self.parameters.autostart:
            return
        for change, name in (
            (self.trigger_configure, "configure"),
            (self.trigger_activate, "activate"),
        ):
            if change() == TransitionCallbackReturn.SUCCESS:
                continue
            if not self.leaving:
                self.get_logger().error(
                    f"not {self._work}: mend what the line above names and run 'ros2 "
                    f"lifecycle set {self.get_fully_qualified_name()} {name}', or end with Ctrl-C"
                )
            return

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Gets ready, or fails with the reason in one line."""
        return self._transition("configure", self._configure)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Begins to work."""
        return self._transition("activate", self._activate)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stops to work; what configure made stays."""
        return self._transition("deactivate", self._deactivate)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Frees what configure made."""
        return self._transition("cleanup", self._take_down)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stops and frees everything."""
        return self._transition("shutdown", self._take_down)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Returns to unconfigured."""
        return self._transition("error handling", self._take_down)

    @abstractmethod
    def _configure(self) -> None: ...

    @abstractmethod
    def _activate(self) -> None: ...

    @abstractmethod
    def _deactivate(self) -> None: ...

    @abstractmethod
    def _take_down(self) -> None: ...

    def _transition(self, name: str, action: Callable[[], None]) -> TransitionCallbackReturn:
        # rclpy drops an exception of a transition together with its text.
        try:
            action()
        except Exception as error:
            self._failure = f"{name} failed: {one_line(error, _LONGEST_REASON)}"
            self._faults.error(self._failure)
            return TransitionCallbackReturn.FAILURE
        self._failure = ""
        return TransitionCallbackReturn.SUCCESS
