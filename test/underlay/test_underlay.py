# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The message packages that the underlay builds are the published types and travel over DDS."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy")
pytest.importorskip("vision_msgs")
pytestmark = pytest.mark.ros

from ..underlay import talker  # noqa: E402

UNDERLAY = Path(__file__).resolve().parents[2] / "underlay"
SHARED = Path(os.environ.get("VIT_PERCEPTION_SHARED", UNDERLAY.parents[1] / "shared"))
DOMAIN = 1 + os.getpid() % 100  # above 101 the ports collide with those the kernel hands out
PUBLISHED = dict(line.split() for line in (UNDERLAY / "type_hashes.txt").read_text().splitlines())


@pytest.fixture(scope="module")
def node() -> Iterator[Any]:
    """A node here, and the talker in a process of its own."""
    import rclpy

    environment = {**os.environ, "ROS_DOMAIN_ID": str(DOMAIN)}
    environment.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    child = subprocess.Popen([sys.executable, talker.__file__, *PUBLISHED], env=environment)
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=DOMAIN)
    node = rclpy.create_node("listener", context=context)
    node.talker = child
    yield node
    node.destroy_node()
    rclpy.shutdown(context=context)
    child.terminate()
    child.wait(10)


def wait_for(node: Any, done: Callable[[], bool]) -> None:
    """Spin until ``done``, for 20 s at most, and no longer than the talker lives."""
    import rclpy
    from rclpy.executors import SingleThreadedExecutor

    executor = SingleThreadedExecutor(context=node.context)
    until = time.monotonic() + 20.0
    while not done() and time.monotonic() < until:
        assert node.talker.poll() is None, "the talker ended: its message is above"
        rclpy.spin_once(node, executor=executor, timeout_sec=0.1)


@pytest.mark.parametrize("name", PUBLISHED)
def test_type_hash_seen_by_another_process(node: Any, name: str) -> None:
    topic = "/" + talker.topic_of(name)
    wait_for(node, lambda: bool(node.get_publishers_info_by_topic(topic)))
    info = node.get_publishers_info_by_topic(topic)[0]
    if not hasattr(info, "topic_type_hash"):
        pytest.skip("this rclpy is older than type hashes")
    assert info.topic_type == name
    assert str(info.topic_type_hash) == PUBLISHED[name]


def test_messages_arrive_as_sent(node: Any) -> None:
    from tf2_msgs.msg import TFMessage
    from vision_msgs.msg import Detection2DArray

    arrays: list[Any] = []
    trees: list[Any] = []
    node.create_subscription(Detection2DArray, "detections", arrays.append, 1)
    node.create_subscription(TFMessage, "tf", trees.append, 1)
    wait_for(node, lambda: bool(arrays and trees))
    assert arrays[0] == talker.detections()
    assert trees[0] == talker.transforms()


def test_hashes_are_those_the_project_was_given() -> None:
    given = SHARED / "message_hashes.txt"
    if not given.is_file():
        pytest.skip(f"{given} is not here")
    assert dict(line.split() for line in given.read_text().splitlines()) == PUBLISHED


def test_a_changed_definition_is_refused_in_one_line(tmp_path: Path) -> None:
    if importlib.util.find_spec("rosidl_generator_py") is None:
        pytest.skip("no rosidl generators here")
    copy = tmp_path / "underlay"
    (copy / "tf2_msgs" / "msg").mkdir(parents=True)
    for name in ("build.py", "type_hashes.txt"):
        (copy / name).write_text((UNDERLAY / name).read_text())
    message = "geometry_msgs/TransformStamped[] transform\n"
    (copy / "tf2_msgs" / "msg" / "TFMessage.msg").write_text(message)
    code = (
        "import sys, pathlib; sys.path.insert(0, sys.argv[1]); import build\n"
        "work = pathlib.Path(sys.argv[2])\n"
        "build.generate('tf2_msgs', work)\n"
        "try:\n    build.check_hashes('tf2_msgs', work / 'code' / 'tf2_msgs')\n"
        "except build.UnderlayError as error:\n    print(error)"
    )
    command = [sys.executable, "-c", code, str(copy), str(tmp_path / "work")]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.startswith("tf2_msgs/msg/TFMessage: expected type hash RIHS01_e369d0f0")
    assert result.stdout.count("\n") == 1
