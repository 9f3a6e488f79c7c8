# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Masks, pictures and markers for those who subscribe to them."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy")

from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from visualization_msgs.msg import Marker, MarkerArray

from vit_perception.bundle.bundle import Bundle
from vit_perception.frame import Frame
from vit_perception.images.compressed import decode_compressed
from vit_perception.perceiver.class_map import UNKNOWN
from vit_perception.perceiver.overlay import draw
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.ros.instances import Instances, InstancesError

from ...toy_bundle import toy_picture
from ..bench import ALL_ARRIVE, SECOND, Bench, header, image_message, stamp_of, wait_for

pytestmark = pytest.mark.ros

PIXELS, BOXES = toy_picture(120, 160, {"red": (1, 2), "blue": (3, 6)})


def test_masks_arrive_as_they_were_decoded(bench: Bench, toy_segmentation_bundle: Bundle) -> None:
    node = bench.detector(toy_segmentation_bundle.directory, **ALL_ARRIVE)
    results, camera = bench.detections(), bench.camera()
    camera.publish(image_message(PIXELS, stamp=1 * SECOND))
    wait_for(lambda: results, "a result")
    pictures = bench.collect(Image, "detector/instances")
    for number in range(2, 5):
        camera.publish(image_message(PIXELS, stamp=number * SECOND))
        wait_for(lambda n=number: len(results) == n, "a result")
    wait_for(lambda: len(pictures) == 3, "all pictures")
    assert node.counts.published == 4
    expected = Perceiver(toy_segmentation_bundle)(Frame(PIXELS)).masks
    assert expected is not None and len(expected) == 2
    for result, picture in zip(results[1:], pictures, strict=True):
        assert (picture.encoding, picture.step) == ("mono16", 320)
        found = Instances.of(result, picture)
        # Squares do not overlap, so that nothing is lost: intersection over union is 1.
        np.testing.assert_array_equal(found.masks(), expected.dense())
        np.testing.assert_array_equal(found.areas(), expected.areas())
        for index in range(2):
            np.testing.assert_array_equal(found.mask(index), expected.one(index))
            outline = found.contours(index)[0]
            assert found.mask(index)[outline[:, 1], outline[:, 0]].all()


def test_what_is_no_instance_map_is_refused(bench: Bench, toy_segmentation_bundle: Bundle) -> None:
    bench.detector(toy_segmentation_bundle.directory)
    results, camera = bench.detections(), bench.camera()
    pictures = bench.collect(Image, "detector/instances")
    camera.publish(image_message(PIXELS))
    wait_for(lambda: results and pictures, "a result")
    result, picture = results[0], pictures[0]

    def refused(**changes: Any) -> str:
        values = {name: getattr(picture, name) for name in picture.get_fields_and_field_types()}
        with pytest.raises(InstancesError) as caught:
            Instances.of(result, Image(**values | changes))
        return str(caught.value)

    assert "expected the stamp of the detections, 1000000000, found 2" in refused(
        header=header(2, picture.header.frame_id)
    )
    assert "expected the frame_id" in refused(header=header(SECOND, "other"))
    assert refused(encoding="mono8") == "instances: expected a mono16 image, found 'mono8'"
    assert "expected 120 rows of at least 320 bytes" in refused(step=319)
    assert "expected 120 rows" in refused(data=picture.data[:-1])
    many = np.full((120, 160), 3, "<u2")
    assert "expected pixels of 0 to 2, as there are detections, found 3" in refused(
        data=array("B", many.tobytes())
    )
    with pytest.raises(IndexError):
        Instances.of(result, picture).mask(2)


def test_without_masks_there_is_no_instance_map(
    bench: Bench, toy_segmentation_bundle: Bundle
) -> None:
    """A picture without a mask would say that nothing was found."""
    bench.detector(toy_segmentation_bundle.directory, masks=False)
    results, camera = bench.detections(), bench.camera()
    pictures = bench.collect(Image, "detector/instances")
    camera.publish(image_message(PIXELS, stamp=1 * SECOND))
    wait_for(lambda: results, "a result")
    assert bench.set_parameters(masks=True) == (True, "")
    camera.publish(image_message(PIXELS, stamp=2 * SECOND))
    wait_for(lambda: pictures, "a picture")
    assert [stamp_of(each) for each in pictures] == [2 * SECOND]


def test_names_of_pixels_follow_the_vocabulary(
    bench: Bench, toy_segmentation_bundle: Bundle
) -> None:
    node = bench.detector(toy_segmentation_bundle.directory, vocabulary=["blue", "red"])
    camera, pictures = bench.camera(), bench.collect(Image, "detector/semantic")
    infos = bench.label_infos()
    masks = Perceiver(toy_segmentation_bundle)(Frame(PIXELS))
    assert masks.masks is not None
    where = {each.name: each.mask for each in masks}
    for number, names in enumerate((["blue", "red"], ["red"]), 1):
        assert bench.set_parameters(vocabulary=names) == (True, "")
        camera.publish(image_message(PIXELS, stamp=number * SECOND))
        wait_for(lambda n=number: len(pictures) == n, "a map")
        numbers = {each.class_name: each.class_id for each in infos[-1].class_map}
        assert list(numbers) == names
        picture = pictures[-1]
        assert (picture.encoding, picture.step, stamp_of(picture)) == (
            "mono8",
            160,
            number * SECOND,
        )
        found = np.frombuffer(picture.data, np.uint8).reshape(120, 160)
        wanted = np.full((120, 160), UNKNOWN)
        for name in names:
            wanted[where[name]] = numbers[name]
        np.testing.assert_array_equal(found, wanted)
    assert node.counts.published == 2


def test_the_overlay_as_jpeg(bench: Bench, toy_segmentation_bundle: Bundle) -> None:
    bench.detector(toy_segmentation_bundle.directory)
    camera = bench.camera()
    pictures = bench.collect(CompressedImage, "detector/overlay/compressed")
    camera.publish(image_message(PIXELS, stamp=3 * SECOND))
    wait_for(lambda: pictures, "a picture")
    assert (stamp_of(pictures[0]), pictures[0].format) == (
        3 * SECOND,
        "rgb8; jpeg compressed bgr8",
    )
    shown = decode_compressed(format=pictures[0].format, data=pictures[0].data)
    expected = draw(PIXELS, Perceiver(toy_segmentation_bundle)(Frame(PIXELS)))
    assert np.abs(shown.astype(int) - expected).mean() < 4


def camera_info(**changes: Any) -> CameraInfo:
    values = {
        "header": header(SECOND),
        "height": 120,
        "width": 160,
        "distortion_model": "plumb_bob",
        "d": [0.0] * 5,
        "k": [200.0, 0.0, 79.5, 0.0, 200.0, 59.5, 0.0, 0.0, 1.0],
    }
    return CameraInfo(**values | changes)


def test_markers_lie_where_the_boxes_are(bench: Bench, toy_segmentation_bundle: Bundle) -> None:
    bench.detector(toy_segmentation_bundle.directory, marker_distance=2.0, **ALL_ARRIVE)
    results, camera, log = bench.detections(), bench.camera(), bench.log()
    markers = bench.collect(MarkerArray, "detector/markers")
    info = bench.publisher(CameraInfo, "camera_info")

    def publish(stamp: int) -> None:
        before = len(results)
        camera.publish(image_message(PIXELS, stamp=stamp * SECOND))
        wait_for(lambda: len(results) > before, "a result")

    def said(text: str) -> None:
        wait_for(lambda: [each for each in log if text in each.msg], f"a line with {text}")

    publish(1)
    said("no markers: nothing has come in on /camera_info")
    info.publish(camera_info(width=320))
    wait_for(lambda: publish(2) or [e for e in log if "320x120 px, the image" in e.msg], "a line")
    info.publish(camera_info())
    wait_for(lambda: publish(3) or markers, "markers")
    first, *others = markers[-1].markers
    assert first.action == Marker.DELETEALL
    assert {(each.ns, each.id) for each in others} == {
        (ns, i) for ns in ("boxes", "names") for i in range(2)
    }
    names = {each.text.split()[0]: each.id for each in others if each.ns == "names"}
    assert names.keys() == {"red", "blue"}
    for each in others:
        assert each.header.frame_id == "camera_optical_frame"
        if each.ns == "boxes":
            name = next(name for name, index in names.items() if index == each.id)
            corners = np.array([(p.x, p.y, p.z) for p in each.points])
            assert corners.shape == (5, 3)
            pixels = corners[:, :2] / corners[:, 2:] * 200 + (80, 60)
            np.testing.assert_allclose(pixels.min(axis=0), BOXES[name][:2], atol=0.6)
            np.testing.assert_allclose(pixels.max(axis=0), BOXES[name][2:], atol=0.6)
            np.testing.assert_allclose(corners[:, 2], 2.0)
