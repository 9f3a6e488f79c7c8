# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The planner and the scene of MoveIt, fed over DDS as a localizer_node feeds them."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from ..ros.domain import own_domain
from .loading import EXAMPLES, example

pytestmark = pytest.mark.ros
LOOK_AGAIN = 0.1
PATIENCE = 60.0


def thing(name: str, score: float, *, place: Any, size: Any, turn: Rotation, id: str = "") -> Any:
    """A Detection3D."""
    from vision_msgs.msg import Detection3D, ObjectHypothesisWithPose

    result, made = ObjectHypothesisWithPose(), Detection3D(id=id)
    result.hypothesis.class_id, result.hypothesis.score = name, score
    made.results = [result]
    pose = made.bbox.center
    pose.position.x, pose.position.y, pose.position.z = map(float, place)
    orientation = map(float, turn.as_quat())
    pose.orientation.x, pose.orientation.y, pose.orientation.z, pose.orientation.w = orientation
    made.bbox.size.x, made.bbox.size.y, made.bbox.size.z = map(float, size)
    return made


TURN = Rotation.from_euler("z", 30, degrees=True)


def things() -> list[Any]:
    """Two mugs, of which the second is surer, and a bowl."""
    return [
        thing("bowl", 0.9, place=(0, 0, 0), size=(0.2, 0.2, 0.1), turn=TURN),
        thing("mug", 0.4, place=(1, 1, 1), size=(0.1, 0.1, 0.1), turn=TURN),
        thing("mug", 0.6, place=(0.3, -0.1, 0.05), size=(0.12, 0.08, 0.1), turn=TURN, id="7"),
    ]


@contextmanager
def published(messages: list[Any]) -> Iterator[tuple[dict[str, str], Any]]:
    """Gives the environment in which a program hears these things, and what publishes them."""
    import rclpy
    from vision_msgs.msg import Detection3DArray

    with own_domain() as domain:
        context = rclpy.Context()
        rclpy.init(context=context, domain_id=domain)
        try:
            node = rclpy.create_node("localizer", context=context)
            publisher = node.create_publisher(Detection3DArray, "/localizer/detections_3d", 10)

            def publish() -> None:
                message = Detection3DArray(detections=messages)
                message.header.frame_id = "world"
                message.header.stamp = node.get_clock().now().to_msg()
                publisher.publish(message)

            yield {**os.environ, "ROS_DOMAIN_ID": str(domain)}, publish
        finally:
            rclpy.shutdown(context=context)


def test_the_planner_tells_where_the_surest_mug_is_and_how_to_take_it() -> None:
    remap = ["--ros-args", "-r", "detections_3d:=/localizer/detections_3d"]
    command = [sys.executable, EXAMPLES / "pick_planner.py", "mug", "--count", "1", *remap]
    with published(things()) as (environment, publish):
        program = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        end = time.monotonic() + PATIENCE
        while program.poll() is None and time.monotonic() < end:
            publish()
            time.sleep(LOOK_AGAIN)
        if program.poll() is None:
            program.kill()
        text = program.communicate()[0]
    assert program.returncode == 0
    assert text.startswith(
        "mug 7 in world, metres: position [ 0.3  -0.1   0.05], size [0.12 0.08 0.1 ],"
    )
    assert "approach [ 0.  0. -1.], closing [-0.5    0.866  0.   ]" in text
    assert "width 0.100 (fits)" in text
    age = re.search(r", ([0-9.]+) s old", text)
    assert age is not None and float(age[1]) < PATIENCE


def test_the_planner_waits_for_a_thing_of_the_name_and_ends_with_ctrl_c() -> None:
    reasons: list[str] = []
    command = [sys.executable, EXAMPLES / "pick_planner.py", "spoon"]
    command += ["--ros-args", "-r", "detections_3d:=/localizer/detections_3d"]
    with published(things()) as (environment, publish):
        program = subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert program.stderr is not None
        told = threading.Thread(target=lambda: reasons.append(program.stderr.readline()))
        told.start()
        end = time.monotonic() + PATIENCE
        while told.is_alive() and time.monotonic() < end:
            publish()
            time.sleep(LOOK_AGAIN)
        assert program.poll() is None
        program.send_signal(signal.SIGINT)
        text, _ = program.communicate(timeout=PATIENCE)
    assert text == ""
    assert reasons[0].endswith("no spoon among: bowl, mug\n")
    assert program.returncode == 130


@pytest.mark.parametrize(
    "turn", [Rotation.identity(), TURN, Rotation.from_euler("xyz", [1, 2, 3])]
)
def test_a_grasp_comes_along_the_third_axis_and_closes_over_the_second(turn: Rotation) -> None:
    planner = example("pick_planner")
    made = thing("mug", 0.5, place=(1, 2, 3), size=(0.3, 0.05, 0.1), turn=turn)
    grasp = planner.grasp_of(made)
    np.testing.assert_allclose(grasp.approach, -turn.as_matrix()[:, 2], atol=1e-9)
    np.testing.assert_allclose(grasp.closing, turn.as_matrix()[:, 1], atol=1e-9)
    assert grasp.width == pytest.approx(0.07)


def test_a_grasp_fits_a_gripper_that_opens_as_wide() -> None:
    made = thing("mug", 0.5, place=(1, 2, 3), size=(0.3, 0.05, 0.1), turn=TURN)
    grasp = example("pick_planner").grasp_of(made)
    assert grasp.verdict(0.08) == "fits"
    assert grasp.verdict(0.06) == "too wide for 0.06 m"


def test_a_thing_whose_third_axis_is_not_up_is_not_taken_from_above() -> None:
    made = thing(
        "mug", 0.5, place=(1, 2, 3), size=(0.3, 0.05, 0.1), turn=Rotation.from_rotvec([1, 0, 0])
    )
    verdict = example("pick_planner").grasp_of(made).verdict(0.08)
    assert verdict == "not from above, 57 degrees off the frame's -z"


def test_the_thing_that_was_chosen_stays_the_chosen_one() -> None:
    from vision_msgs.msg import Detection3DArray

    choice = example("pick_planner").Choice()

    def chosen(second: int, **scores: float) -> str | None:
        found = Detection3DArray(
            detections=[
                thing("mug", score, place=(0, 0, 0), size=(1, 1, 1), turn=TURN, id=id[1:])
                for id, score in scores.items()
            ]
        )
        found.header.stamp.sec = second
        made = choice.of("mug", found)
        return None if made is None else made.id

    assert chosen(10, n3=0.5, n4=0.4) == "3"
    assert chosen(11, n3=0.3, n4=0.9) == "3"
    assert chosen(12, n4=0.9) is None
    assert chosen(14, n4=0.9) == "4"


def test_boxes_keep_their_id_and_live_as_long_as_they_are_seen() -> None:
    from vision_msgs.msg import Detection3DArray

    scene = example("moveit_scene")
    boxes = scene.Boxes(5.0)
    assert list(boxes.seen(Detection3DArray(detections=things()), 10.0)) == [
        "bowl at place 1",
        "mug at place 1",
        "mug 7",
    ]
    assert list(boxes.seen(Detection3DArray(detections=things()[2:]), 14.0)) == ["mug 7"]
    assert boxes.expired(15.0) == []
    assert sorted(boxes.expired(16.0)) == ["bowl at place 1", "mug at place 1"]
    assert boxes.expired(16.0) == []
    assert boxes.expired(19.1) == ["mug 7"]


def test_boxes_that_cannot_be_told_apart_by_the_beginning_of_a_name() -> None:
    from vision_msgs.msg import Detection3DArray

    boxes = example("moveit_scene").Boxes(5.0)
    made = [
        thing(name, 0.5, place=(0, 0, 0), size=(1, 1, 1), turn=TURN, id=id)
        for name, id in (("mug lid", ""), ("mug", "3"), ("mug", ""))
    ]
    names = ["mug at place 1", "mug lid at place 1", "mug 3"]
    assert sorted(boxes.seen(Detection3DArray(detections=made), 10.0)) == sorted(names)
    made.reverse()
    assert sorted(boxes.seen(Detection3DArray(detections=made), 10.0)) == sorted(names)


def test_a_thing_with_another_name_has_one_box() -> None:
    from vision_msgs.msg import Detection3DArray

    boxes = example("moveit_scene").Boxes(5.0)
    for second, name in ((10.0, "mug"), (11.0, "cup"), (12.0, "mug")):
        made = thing(name, 0.5, place=(0, 0, 0), size=(1, 1, 1), turn=TURN, id="7")
        assert list(boxes.seen(Detection3DArray(detections=[made]), second)) == [f"{name} 7"]
        assert boxes.expired(second) == {10.0: [], 11.0: ["mug 7"], 12.0: ["cup 7"]}[second]
    # The clock is set back.
    assert boxes.expired(2.0) == ["mug 7"]


def test_a_detection_without_a_name() -> None:
    from vision_msgs.msg import Detection3D, Detection3DArray

    message = Detection3DArray(detections=[Detection3D(id="4"), *things()])
    assert "thing 4" in example("moveit_scene").Boxes(5.0).seen(message, 10.0)
    choice = example("pick_planner").Choice()
    assert choice.of("mug", message).id == "7"
    message.detections[-1].results = []
    assert choice.of("mug", message) is None


def test_without_moveit_the_scene_says_what_to_install() -> None:
    if importlib.util.find_spec("moveit_msgs") is not None:
        pytest.skip("moveit_msgs is installed")
    command = [sys.executable, EXAMPLES / "moveit_scene.py"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stdout.startswith("expected moveit_msgs (apt: ros-$ROS_DISTRO-moveit-msgs)")
