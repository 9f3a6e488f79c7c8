# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs the nodes in a process of their own and controls them by services."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParametersAtomically
from rclpy.client import Client
from rclpy.node import Node
from rclpy.task import Future

from vit_perception.output.write import write
from vit_perception.processes.parent import tied

NODE_NAME, LOCALIZER_NAME = "detector", "localizer"
PERCEPTION_NODE = (sys.executable, "-m", "vit_perception.ros.perception_node")
"""The command that runs the nodes."""
_START_TIMEOUT = 30.0  # a loaded machine needs seconds for imports and discovery
_CALL_TIMEOUT = 60.0  # configure reads and warms up the model
_LOST_AFTER = 5.0
"""Seconds without an answer after which a request may have reached nobody: the client found a node
that had just ended, or the node had not found the client yet."""
_STOP_TIMEOUT = 5.0
_GOALS = {
    Transition.TRANSITION_CONFIGURE: State.PRIMARY_STATE_INACTIVE,
    Transition.TRANSITION_ACTIVATE: State.PRIMARY_STATE_ACTIVE,
}
_LOG_LINES = 8


class DetectorProcessError(RuntimeError):
    """The node did not start or refused a request; says why."""


class DetectorProcess:
    """A detector, and a localizer if it has parameters, that run while the context lasts.

    Args:
        node: makes the service clients; it has to be spun by another thread.
        parameters: by node.
        topics: from those of the nodes to those of the recording.
        folder: for the parameter file and the log.
        command: what runs the nodes; gets their names and ROS's arguments.
    """

    def __init__(
        self,
        node: Node,
        parameters: Mapping[str, Mapping[str, Any]],
        topics: Mapping[str, str],
        folder: Path,
        command: Sequence[str] = PERCEPTION_NODE,
    ) -> None:
        """Prepares the services; the process starts on entering."""
        self._node = node
        self._parameters = {name: dict(values) for name, values in parameters.items()}
        self._topics = dict(topics)
        self._folder = folder
        self._command = tuple(command)
        self._process: subprocess.Popen[bytes] | None = None
        self._changes: dict[str, Client[Any, Any]] = {
            name: node.create_client(ChangeState, f"/{name}/change_state") for name in parameters
        }
        self._states: dict[str, Client[Any, Any]] = {
            name: node.create_client(GetState, f"/{name}/get_state") for name in parameters
        }
        self._settings: Client[Any, Any] = node.create_client(
            SetParametersAtomically, f"/{NODE_NAME}/set_parameters_atomically"
        )
        self.log = folder / "detector.log"

    def __enter__(self) -> DetectorProcess:
        """Starts, configures and activates the nodes.

        Raises:
            DetectorProcessError: the process ended, or a transition failed.
            OutputError: the parameter file cannot be written.
        """
        file = self._folder / "detector.yaml"
        text = yaml.safe_dump(
            {name: {"ros__parameters": values} for name, values in self._parameters.items()}
        )
        write(file, text.encode())
        command = [*self._command, *self._parameters, "--ros-args", "--params-file", str(file)]
        for topic, played in self._topics.items():
            command += ["-r", f"{topic}:={played}"]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                # SIGTERM: the node leaves ROS in order.
                tied(command, signal.SIGTERM),
                stdout=log,
                stderr=subprocess.STDOUT,
                env=_environment(),
            )
        try:
            for name in self._parameters:
                self._change_state(name, Transition.TRANSITION_CONFIGURE, "configure")
                self._change_state(name, Transition.TRANSITION_ACTIVATE, "activate")
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Asks the process to end; kills it if it does not."""
        self._stop()

    def set_vocabulary(self, names: tuple[str, ...]) -> str:
        """Changes the names while the node runs; returns why it refuses, else an empty text."""
        value = ParameterValue(
            type=ParameterType.PARAMETER_STRING_ARRAY, string_array_value=list(names)
        )
        request = SetParametersAtomically.Request(
            parameters=[Parameter(name="vocabulary", value=value)]
        )
        response = self._call(self._settings, request)
        return "" if response.result.successful else str(response.result.reason)

    def _change_state(self, name: str, transition: int, label: str) -> None:
        request = ChangeState.Request(transition=Transition(id=transition))

        def there() -> bool:
            state = self._call(self._states[name], GetState.Request()).current_state
            return bool(state.id == _GOALS[transition])

        response = self._call(self._changes[name], request, there)
        if response is not None and not response.success:
            raise DetectorProcessError(f"{name}: {label} failed: {self._last_lines()}")

    def _call(
        self, client: Client[Any, Any], request: Any, done: Callable[[], bool] = lambda: False
    ) -> Any:
        """Returns the answer; None where it was lost and `done` tells that the request was not.

        A lost request is sent again: `done` is asked before, and answers after the node has dealt
        with those that it got.
        """
        deadline = time.monotonic() + _START_TIMEOUT
        while not client.wait_for_service(timeout_sec=0.1):
            self._check_in(deadline, f"no service {client.srv_name}")
        deadline = time.monotonic() + _CALL_TIMEOUT
        while True:
            future = client.call_async(request)
            if self._answered(future, deadline, client.srv_name):
                return future.result()
            already = done()
            if future.done():
                return future.result()
            if already:
                return None

    def _answered(self, future: Future[Any], deadline: float, service: str) -> bool:
        """Waits for an answer until the request may be taken for lost."""
        patience = time.monotonic() + _LOST_AFTER
        while not future.done() and time.monotonic() < patience:
            self._check_in(deadline, f"no answer from {service}")
            time.sleep(0.001)
        return future.done()

    def check(self) -> None:
        """Makes sure that the process runs.

        Raises:
            DetectorProcessError: it ended; with the last lines of its log.
        """
        if self._process is None or self._process.poll() is not None:
            raise DetectorProcessError(f"{NODE_NAME}: the process ended: {self._last_lines()}")

    def _check_in(self, deadline: float, complaint: str) -> None:
        self.check()
        if time.monotonic() > deadline:
            raise DetectorProcessError(f"{NODE_NAME}: {complaint}: {self._last_lines()}")

    def _last_lines(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return " | ".join(lines[-_LOG_LINES:]) or "it wrote nothing"

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _environment() -> dict[str, str]:
    """Returns an environment in which the child finds the same package as this process."""
    root = str(Path(__file__).resolve().parents[3])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path}
