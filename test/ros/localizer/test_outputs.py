# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Clouds and markers, for those who subscribe."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy")

from sensor_msgs.msg import CompressedImage, Image, PointCloud2
from visualization_msgs.msg import Marker, MarkerArray

from vit_perception.images.compressed import encode_jpeg

from ..bench import KEEP_MANY, SECOND, Bench, header, image_message, wait_for
from .rig import Rig, cloud_of
from .scene import FRAME, SIZE, rotation_of, scene

pytestmark = pytest.mark.ros
COLOUR = (200, 100, 30)


def picture() -> Any:
    """An image of one colour, as large as the depth."""
    return np.full((240, 320, 3), COLOUR, np.uint8)


def test_a_cloud_has_colours_and_instances(bench: Bench) -> None:
    rig, seen = Rig(bench), scene()
    clouds: list[Any] = bench.collect(PointCloud2, "localizer/object_clouds")
    rig.publish("image", image_message(picture()))
    rig.see(seen)
    wait_for(lambda: clouds, "a cloud")
    [message] = clouds
    assert message.header.frame_id == FRAME
    assert [each.name for each in message.fields] == ["x", "y", "z", "rgb", "instance"]
    assert [each.datatype for each in message.fields] == [7, 7, 7, 7, 6]
    assert message.row_step == message.width * message.point_step == len(message.data)
    # PCL packs colours into the bits of a float.
    kind = cloud_of(message).dtype
    assert kind["rgb"] == np.float32
    cloud = cloud_of(message)
    assert len(cloud) > 1000 and set(cloud["instance"]) == {1}
    packed = cloud["rgb"].copy().view(np.uint32)
    assert set(packed) == {COLOUR[0] << 16 | COLOUR[1] << 8 | COLOUR[2]}
    points = np.stack([cloud["x"], cloud["y"], cloud["z"]], axis=1)
    inside = seen.world_from_camera.apply(points) - seen.centre
    assert (np.abs(inside) < SIZE / 2 + 0.005).all()


def test_a_compressed_image_has_colours_too(bench: Bench) -> None:
    rig, seen = Rig(bench, image_transport="compressed"), scene()
    clouds: list[Any] = bench.collect(PointCloud2, "localizer/object_clouds")
    jpeg = CompressedImage(header=header(SECOND), format="rgb8; jpeg compressed bgr8")
    jpeg.data = encode_jpeg(picture())
    rig.publish("image/compressed", jpeg)
    rig.see(seen)
    wait_for(lambda: clouds, "a cloud")
    red = cloud_of(clouds[0])["rgb"].copy().view(np.uint32) >> 16
    assert abs(int(red[0]) - COLOUR[0]) < 8


@pytest.mark.parametrize("image", [None, np.zeros((10, 10, 3), np.uint8)])
def test_without_colours_a_cloud_has_none(bench: Bench, image: Any) -> None:
    rig = Rig(bench)
    clouds: list[Any] = bench.collect(PointCloud2, "localizer/object_clouds")
    if image is not None:
        rig.publish("image", image_message(image))
    rig.see(scene())
    wait_for(lambda: clouds, "a cloud")
    assert [each.name for each in clouds[0].fields] == ["x", "y", "z", "instance"]
    if image is not None:
        line = rig.node.snapshot().last_error
        assert "expected an image of 320 x 240 px, as camera_info says, found 10 x 10" in line


def test_the_image_is_subscribed_while_clouds_are(bench: Bench) -> None:
    rig = Rig(bench)
    camera = bench.outside.create_publisher(Image, "image", KEEP_MANY)
    rig.see(scene())
    rig.box()
    assert camera.get_subscription_count() == 0
    subscription = bench.outside.create_subscription(
        PointCloud2, "localizer/object_clouds", print, 1
    )
    wait_for(lambda: camera.get_subscription_count() == 1, "a listener")
    bench.outside.destroy_subscription(subscription)
    wait_for(lambda: camera.get_subscription_count() == 0, "its end")


def test_markers_are_cubes_with_names(bench: Bench) -> None:
    rig, seen = Rig(bench), scene()
    markers: list[Any] = bench.collect(MarkerArray, "localizer/markers")
    rig.see(seen, identity="4")
    wait_for(lambda: markers, "markers")
    message = rig.box()
    delete, cube, name = markers[0].markers
    assert (delete.action, cube.type, name.type) == (
        Marker.DELETEALL,
        Marker.CUBE,
        Marker.TEXT_VIEW_FACING,
    )
    [entry] = message.detections
    assert cube.pose == entry.bbox.center and cube.scale == entry.bbox.size
    assert (name.text, name.ns, cube.ns) == ("box 4 0.75", "names", "boxes")
    # On top of the box.
    above = np.array([getattr(name.pose.position, axis) for axis in "xyz"])
    up = rotation_of(cube.pose.orientation)[:, 2]
    centre = np.array([getattr(cube.pose.position, axis) for axis in "xyz"])
    np.testing.assert_allclose(above, centre + up * cube.scale.z / 2, atol=1e-6)


def test_a_flat_thing_and_an_empty_scene_are_drawn(bench: Bench) -> None:
    rig = Rig(bench)
    markers: list[Any] = bench.collect(MarkerArray, "localizer/markers")
    clouds: list[Any] = bench.collect(PointCloud2, "localizer/object_clouds")
    rig.see(scene(place=(3.0, 3.0)))
    wait_for(lambda: markers and clouds, "markers and a cloud")
    assert [each.action for each in markers[0].markers] == [Marker.DELETEALL]
    assert (clouds[0].width, len(clouds[0].data)) == (0, 0)
