# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Boxes in space, from messages over DDS."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy")

from geometry_msgs.msg import PoseStamped

from vit_perception.space.rigid import Rigid

from ..bench import SECOND, Bench, stamp_of, wait_for
from .rig import Rig
from .scene import FRAME, SIZE, place_of, rotation_of, scene

pytestmark = pytest.mark.ros


@pytest.mark.parametrize("encoding", ["16UC1", "32FC1"])
def test_a_box_on_a_table(bench: Bench, encoding: str) -> None:
    rig, seen = Rig(bench), scene()
    supports = bench.collect(PoseStamped, "localizer/support")
    rig.see(seen, 5 * SECOND, encoding, identity="7")
    message = rig.box()
    assert (stamp_of(message), message.header.frame_id) == (5 * SECOND, FRAME)
    [entry] = message.detections
    assert (entry.header, entry.id) == (message.header, "7")
    pose = Rigid(rotation_of(entry.bbox.center.orientation), place_of(entry))
    there = seen.world_from_camera @ pose
    np.testing.assert_allclose(there.translation, seen.centre, atol=0.004)
    np.testing.assert_allclose(np.abs(there.rotation), np.eye(3), atol=0.05)
    size = entry.bbox.size
    np.testing.assert_allclose([size.x, size.y, size.z], SIZE, atol=0.006)
    [result] = entry.results
    assert (result.hypothesis.class_id, result.hypothesis.score) == ("box", 0.75)
    assert result.pose.pose == entry.bbox.center
    covariance = np.array(result.pose.covariance).reshape(6, 6)
    np.testing.assert_allclose(covariance, covariance.T)
    assert (np.linalg.eigvalsh(covariance) > 0).all() and covariance[0, 0] < 0.01**2

    wait_for(lambda: supports, "the table")
    assert supports[0].header == message.header
    table = supports[0].pose
    at = np.array([table.position.x, table.position.y, table.position.z])
    normal = seen.world_from_camera.rotation @ rotation_of(table.orientation)[:, 2]
    assert seen.world_from_camera.apply(at)[2] == pytest.approx(0.0, abs=0.002)
    np.testing.assert_allclose(normal, [0, 0, 1], atol=0.01)
