# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Changes of parameters while a node runs: checked at once, and what takes long done meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from rclpy.parameter import Parameter

from vit_perception.parameters.detector import DetectorParameters
from vit_perception.parameters.values import configure_reads
from vit_perception.ros.background import GRAPH, NAMES, Background
from vit_perception.ros.configuration import Configuration, Configurator
from vit_perception.ros.health.fault_log import FaultLog
from vit_perception.ros.parameter_bridge import Apply
from vit_perception.ros.patience import AT_ONCE, Patience
from vit_perception.setting import SettingError
from vit_perception.wording import one_line, shown

if TYPE_CHECKING:
    from vit_perception.ros.detector_node import DetectorNode


class Changes:
    """Takes a node's parameters over into its configuration.

    Args:
        node: whose parameters they are.
        faults: hears of what is not to be had.
        patience: waits for what is quick.

    Attributes:
        configurator: what they are taken into; None while the node is not configured.
    """

    def __init__(self, node: DetectorNode, faults: FaultLog, patience: Patience) -> None:
        self._node = node
        self._faults = faults
        self._patience = patience
        self._graph = Background(GRAPH, self._opened)
        self._names = Background(NAMES, self._encoded)
        self._idle_thresholds: tuple[str, ...] = ()
        self.configurator: Configurator | None = None

    def begin(self, configurator: Configurator) -> None:
        """Takes changes over from now on."""
        self.configurator = configurator
        self._mention_idle_thresholds(configurator.current)

    def end(self) -> None:
        """Lets nothing that was begun take over."""
        self._graph.cancel()
        self._names.cancel()
        self.configurator = None

    def description(self) -> Mapping[str, str]:
        """Returns what runs and what is being made, for diagnostics; empty for nothing."""
        now = self.configurator
        if now is None:
            return {}
        return now.current.description(self._graph.under_way, self._names.under_way)

    def prepare(self, wanted: DetectorParameters) -> Apply:
        """Returns what lets other parameters count; nothing changes yet.

        Raises:
            SettingError: they are not to be changed now.
            Exception: as `Configurator.prepare`.
        """
        configurator, now = self.configurator, self._node.parameters
        changed = configure_reads(now, wanted)
        if changed and self._node.state == "active":
            raise SettingError(f"{changed[0]}: read by configure: deactivate the node first")
        if configurator is None or configure_reads(configurator.current.parameters, wanted):
            return lambda: None
        prepared = self._patience.wait(partial(configurator.prepare, wanted), AT_ONCE, "prepare")
        return partial(self._apply, configurator, prepared)

    def _apply(self, configurator: Configurator, prepared: Configuration) -> None:
        configurator.apply(prepared)
        self._mention_idle_thresholds(prepared)
        self._graph.follow(configurator, prepared.parameters)
        self._names.follow(configurator, prepared.parameters)

    def _opened(self, wanted: DetectorParameters, error: Exception | None) -> None:
        """Tells what came of another precision or provider."""
        asked = f"{wanted.precision} on {wanted.provider}"
        configurator = self.configurator
        if error is None:
            self._node.get_logger().info(f"{asked}: opened, and used from now on")
            if configurator is not None and configurator.current.perceiver.choice.words:
                self._node.get_logger().info(configurator.current.perceiver.choice.line)
        elif configurator is not None:
            now = configurator.current
            self._take_back(
                f"{asked}: {one_line(error)}",
                wanted,
                {"precision": now.precision_asked, "provider": now.provider_asked},
            )

    def _encoded(self, wanted: DetectorParameters, error: Exception | None) -> None:
        """Tells what came of new names."""
        if error is None:
            words = f"{len(wanted.vocabulary)} names: encoded, and looked for from now on"
            self._node.get_logger().info(words)
        elif configurator := self.configurator:
            names = list(configurator.current.names) or [""]
            self._take_back(f"vocabulary: {one_line(error)}", wanted, {"vocabulary": names})

    def _take_back(self, line: str, wanted: DetectorParameters, before: Mapping[str, Any]) -> None:
        """Tells of a change that is not to be had, and shows again what stays in force."""
        self._faults.error(f"{line}; what ran before goes on")
        node = self._node

        def take_back() -> None:
            # Unless something else has been asked for since.
            if all(getattr(node.parameters, name) == getattr(wanted, name) for name in before):
                node.set_parameters_atomically(
                    [Parameter(name, value=value) for name, value in before.items()]
                )

        if node.executor is not None:
            # Parameters belong to the executor's thread.
            node.executor.create_task(take_back)

    def _mention_idle_thresholds(self, configuration: Configuration) -> None:
        """Tells of thresholds without a name, when they are others than before."""
        idle, before = configuration.idle_thresholds, self._idle_thresholds
        self._idle_thresholds = idle
        if idle and idle != before:
            listed = ", ".join(shown(name) for name in idle[:8])
            more = f" and {len(idle) - 8} more" if len(idle) > 8 else ""
            line = f"class_thresholds: {listed}{more}: not in the vocabulary"
            self._node.get_logger().warning(line)
