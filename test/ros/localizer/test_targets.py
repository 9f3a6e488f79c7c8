# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Results in another frame, by transforms at the stamp of the image."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy")

from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import PointCloud2
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from vit_perception.ros import qos
from vit_perception.space.rigid import Rigid

from ..bench import SECOND, Bench, wait_for
from .rig import Rig, Transformer
from .scene import FRAME, Scene, looking_down, place_of, rotation_of, scene

pytestmark = pytest.mark.ros

TENTH = SECOND // 10


def path(stamp: int) -> Rigid:
    """A camera that moves by 1 m/s."""
    return looking_down(x=(stamp - 10 * SECOND) * 1e-9)


def at(stamp: int) -> Scene:
    """What the moving camera sees."""
    return scene(world_from_camera=path(stamp))


def test_the_transform_is_that_at_the_stamp(bench: Bench) -> None:
    rig = Rig(bench, target_frame="world", tf_timeout=10.0)
    transformer = Transformer(bench)
    transformer.heard()
    stamp = 10 * SECOND
    for number in range(-5, 6):
        transformer.send("world", FRAME, stamp + number * TENTH, path(stamp + number * TENTH))
    seen = at(stamp + TENTH // 2)
    rig.see(seen, stamp + TENTH // 2)
    message = rig.box()
    assert message.header.frame_id == "world"
    [entry] = message.detections
    assert entry.header.frame_id == "world"
    np.testing.assert_allclose(place_of(entry), seen.centre, atol=0.008)
    turn = rotation_of(entry.bbox.center.orientation)
    np.testing.assert_allclose(turn[:, 2], [0, 0, 1], atol=0.02)
    # The last transform that came in puts the thing elsewhere.
    newest = path(stamp + 5 * TENTH) @ seen.world_from_camera.inverse()
    assert np.linalg.norm(newest.apply(seen.centre) - seen.centre) > 0.05


def test_it_waits_for_a_transform_that_comes_later(bench: Bench) -> None:
    rig = Rig(bench, target_frame="world", tf_timeout=10.0)
    transformer, stamp = Transformer(bench), 10 * SECOND
    transformer.heard()
    transformer.send("world", FRAME, stamp - TENTH, path(stamp - TENTH))
    rig.see(at(stamp), stamp)
    [camera] = rig.node._cameras
    wait_for(lambda: camera.waiting, "an image that waits")
    assert rig.boxes == []
    transformer.send("world", FRAME, stamp + TENTH, path(stamp + TENTH))
    [entry] = rig.box().detections
    np.testing.assert_allclose(place_of(entry), at(stamp).centre, atol=0.01)


def test_without_a_transform_boxes_are_dropped_and_clouds_go_on(bench: Bench) -> None:
    rig = Rig(bench, target_frame="world", tf_timeout=0.1)
    clouds = bench.collect(PointCloud2, "localizer/object_clouds")
    markers = bench.collect(MarkerArray, "localizer/markers")
    rig.see(at(10 * SECOND), 10 * SECOND)
    wait_for(lambda: clouds and markers, "clouds and markers")
    wait_for(lambda: rig.node.counts.dropped["no_transform"] == 1, "the count")
    assert clouds[0].header.frame_id == FRAME
    assert {each.header.frame_id for each in markers[0].markers} == {FRAME}
    assert rig.boxes == []


def test_a_missing_transform_is_named(bench: Bench) -> None:
    rig = Rig(bench, target_frame="world", tf_timeout=0.1)
    transformer = Transformer(bench)
    transformer.send("map", "odom", 0, Rigid.identity(), static=True)
    rig.watched()
    rig.see(at(10 * SECOND), 10 * SECOND)
    rig.says("waiting for TF: camera_optical_frame to world: no transform", level=b"\x01")


def test_a_target_may_change_while_it_runs(bench: Bench) -> None:
    rig, stamp = Rig(bench), 10 * SECOND
    transformer = Transformer(bench)
    rig.see(at(stamp), stamp)
    assert rig.box(1).header.frame_id == FRAME
    assert bench.set_parameters("localizer", target_frame="world", tf_timeout=5.0) == (True, "")
    transformer.heard()
    for number in (0, 1):
        later = stamp + number * SECOND
        transformer.send("world", FRAME, later, path(later))
    rig.see(at(stamp + SECOND), stamp + SECOND)
    assert rig.box(2).header.frame_id == "world"
    assert bench.set_parameters("localizer", target_frame="") == (True, "")
    rig.see(at(stamp + 2 * SECOND), stamp + 2 * SECOND)
    assert rig.box(3).header.frame_id == FRAME


def test_things_as_frames(bench: Bench) -> None:
    rig = Rig(bench, publish_tf=True)
    sent: list[Any] = bench.collect(TFMessage, "/tf", qos.TRANSFORMS)
    seen = scene()
    rig.see(seen, 5 * SECOND, name="red mug")
    rig.see(seen, 6 * SECOND, name="red mug", identity="12")
    wait_for(lambda: len(sent) == 2, "transforms")
    frames = [each.child_frame_id for message in sent for each in message.transforms]
    assert frames == ["localizer/red_mug_1", "localizer/red_mug_12"]
    [transform] = sent[0].transforms
    assert transform.header.frame_id == FRAME
    place = transform.transform.translation
    there = seen.world_from_camera.apply(np.array([place.x, place.y, place.z]))
    np.testing.assert_allclose(there, seen.centre, atol=0.005)
    assert bench.set_parameters("localizer", publish_tf=False) == (True, "")
    wait_for(lambda: bench.outside.count_publishers("/tf") == 0, "the end of the transforms")


def test_gravity_tells_a_table_from_a_wall(bench: Bench) -> None:
    rig = Rig(bench, gravity_frame="world", tf_timeout=5.0)
    supports: list[Any] = bench.collect(PoseStamped, "localizer/support")
    transformer, seen = Transformer(bench), scene()
    transformer.send("world", FRAME, 0, seen.world_from_camera, static=True)
    rig.see(seen, SECOND)
    rig.box()
    wait_for(lambda: len(supports) == 1, "the table")
    # A world in which this table stands upright.
    upright = Rigid(np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]), np.zeros(3))
    transformer.send("world", FRAME, 0, upright @ seen.world_from_camera, static=True)
    source = rig.node._transforms
    assert source is not None
    wait_for(lambda: source.lookup("world", FRAME, 0).rotation[1, 0] == 0.0, "the transform")
    rig.see(seen, 2 * SECOND)
    assert len(rig.box(2).detections) == 1
    rig.see(seen, 3 * SECOND)
    rig.box(3)
    assert len(supports) == 1


def test_tf2_s_latest_transform_is_never_taken(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which it gives for the time 0: an image without a stamp."""
    asked: list[int] = []

    class Buffer:
        def __init__(self, cache_time: Any) -> None:
            pass

        def lookup_transform(self, target: str, source: str, time: Any) -> Any:
            asked.append(time.nanoseconds)
            raise RuntimeError("Lookup would require extrapolation into the past")

    module = SimpleNamespace(
        Buffer=Buffer,
        TransformListener=lambda *_: SimpleNamespace(unregister=lambda: None),
    )
    monkeypatch.setitem(__import__("sys").modules, "tf2_ros", module)
    rig = Rig(bench, target_frame="world", tf_timeout=0.0)
    rig.see(scene(), 0)
    wait_for(lambda: rig.node.counts.dropped["no_transform"] == 1, "no transform")
    assert set(asked) == {1}


def test_tf2_ros_is_used_where_it_is(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str, int]] = []

    class Buffer:
        def __init__(self, cache_time: Any) -> None:
            assert cache_time.nanoseconds == 10 * SECOND

        def lookup_transform(self, target: str, source: str, time: Any) -> Any:
            asked.append((target, source, time.nanoseconds))
            if len(asked) == 1:
                raise RuntimeError("Lookup would require extrapolation into the future")
            from geometry_msgs.msg import TransformStamped

            message = TransformStamped()
            message.transform.translation.z = 1.0
            return message

    class TransformListener:
        def __init__(self, buffer: Buffer, node: Any) -> None:
            pass

        def unregister(self) -> None:
            asked.clear()

    module = SimpleNamespace(Buffer=Buffer, TransformListener=TransformListener)
    monkeypatch.setitem(__import__("sys").modules, "tf2_ros", module)
    rig, seen = Rig(bench, target_frame="/world", tf_timeout=5.0), scene()
    rig.see(seen, 3 * SECOND)
    [entry] = rig.box().detections
    assert set(asked) == {("world", FRAME, 3 * SECOND)}
    assert rig.box().header.frame_id == "world"
    there = seen.world_from_camera.apply(place_of(entry) - [0, 0, 1])
    np.testing.assert_allclose(there, seen.centre, atol=0.005)
    wait_for(lambda: rig.shown().get("transforms.from") == "tf2_ros", "its name")
