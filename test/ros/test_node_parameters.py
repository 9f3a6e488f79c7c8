# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Parameters through their ROS services."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy")

from lifecycle_msgs.msg import Transition
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterType, ParameterValue
from rcl_interfaces.srv import DescribeParameters, ListParameters, SetParametersAtomically

from vit_perception.bundle.bundle import Bundle
from vit_perception.parameters.detector import DetectorParameters
from vit_perception.setting import SettingError, settings_of
from vit_perception.text.encoder import ENCODER_ID, TextEncoderError, find_text_encoder

from ..toy_bundle import COLOURS, toy_picture
from .bench import SECOND, Bench, boxes_by_name, image_message, wait_for

pytestmark = pytest.mark.ros

SQUARES = dict(zip(COLOURS, [(0, 0), (0, 4), (0, 8), (4, 0), (4, 4), (4, 8)], strict=True))
PIXELS, _ = toy_picture(64, 96, SQUARES)


def test_descriptors_come_from_the_dataclass(bench: Bench, toy_bundle_dir: Path) -> None:
    bench.detector(toy_bundle_dir, start=False)
    request = DescribeParameters.Request(names=list(settings_of(DetectorParameters)))
    found = bench.call(DescribeParameters, "detector/describe_parameters", request).descriptors
    assert [each.name for each in found] == list(settings_of(DetectorParameters))
    kinds = {
        "bool": ParameterType.PARAMETER_BOOL,
        "integer": ParameterType.PARAMETER_INTEGER,
        "double": ParameterType.PARAMETER_DOUBLE,
        "string": ParameterType.PARAMETER_STRING,
        "string_array": ParameterType.PARAMETER_STRING_ARRAY,
    }
    for each, spec in zip(found, settings_of(DetectorParameters).values(), strict=True):
        assert each.type == kinds[spec.kind]
        assert each.description == spec.description
        assert each.read_only is not (spec.live or spec.at_configure)
        ranges = [*each.floating_point_range, *each.integer_range]
        assert len(ranges) == (spec.maximum is not None)
        for allowed in ranges:
            assert allowed.to_value == spec.maximum
            lowest = spec.minimum if spec.special is None else spec.special
            assert allowed.from_value == lowest


@pytest.mark.parametrize(
    ("given", "name", "shown"),
    [
        ({"score_threshold": 1}, "score_threshold", 1.0),
        ({"vocabulary": "red, blue"}, "vocabulary", ["red", "blue"]),
        ({"vocabulary": ["red"]}, "vocabulary", ["red"]),
        ({"vocabulary": [""]}, "vocabulary", [""]),
        ({}, "vocabulary", [""]),
        ({"max_age": 2.5}, "max_age", 2.5),
    ],
)
def test_values_given_at_start(
    bench: Bench, toy_bundle_dir: Path, given: dict[str, Any], name: str, shown: object
) -> None:
    bench.detector(toy_bundle_dir, start=False, **given)
    assert bench.get_parameter(name) == shown


@pytest.mark.parametrize(
    "given", [{"score_threshold": 3.0}, {"max_detections": "many"}, {"class_thresholds": ["x"]}]
)
def test_a_wrong_value_at_start_is_refused(
    bench: Bench, toy_bundle_dir: Path, given: dict[str, Any]
) -> None:
    with pytest.raises(SettingError, match=next(iter(given))):
        bench.detector(toy_bundle_dir, start=False, **given)


def test_a_misspelled_name_at_start_is_named(bench: Bench, toy_bundle_dir: Path) -> None:
    log = bench.log()
    bench.detector(toy_bundle_dir, start=False, score_treshold=0.5)
    wait_for(lambda: [each for each in log if "score_treshold" in each.msg], "a warning")
    assert any("did you mean 'score_threshold'" in each.msg for each in log)
    answer = bench.call(ListParameters, "detector/list_parameters", ListParameters.Request())
    assert "score_treshold" not in answer.result.names


def test_a_refusal_keeps_the_old_state(bench: Bench, toy_bundle_dir: Path) -> None:
    node = bench.detector(toy_bundle_dir, vocabulary=["red", "green"], max_age=60.0)
    results, camera = bench.detections(), bench.camera()
    old = node.parameters
    for values, words in (
        ({"vocabulary": ["red", "red"]}, ["red", "twice"]),
        ({"vocabulary": ["red", "bl\x07ue"]}, ["control"]),
        ({"vocabulary": ["Red", "red"]}, ["case"]),
        ({"score_threshold": -0.5}, ["score_threshold", "-1", "-0.5"]),
        ({"iou_threshold": 1.5}, ["iou_threshold", "1.5"]),
        ({"max_detections": 0}, ["max_detections", "0"]),
        ({"class_thresholds": ["red=7"]}, ["class_thresholds", "red=7"]),
        ({"text_encoder_dir": "/x"}, ["text_encoder_dir", "deactivate the node first"]),
        ({"cameras": ["front"]}, ["read-only", "cameras"]),
        ({"provider": "abacus"}, ["provider", "CPUExecutionProvider", "abacus"]),
        ({"max_age": "old"}, ["max_age", "double", "'old'"]),
        ({"class_agnostic_nms": 1}, ["class_agnostic_nms", "bool", "1"]),
        # One bad value among good ones: none is taken.
        ({"vocabulary": ["blue"], "max_detections": 7, "score_threshold": -3.0}, ["score"]),
        ({"vocabulary": ["blue"], "use_sim_time": "yes"}, []),
    ):
        accepted, reason = bench.set_parameters(**values)
        assert not accepted, values
        assert "\n" not in reason
        for word in words:
            assert word in reason
        assert node.parameters == old
        assert bench.get_parameter("vocabulary") == ["red", "green"]
    camera.publish(image_message(PIXELS, stamp=0))
    wait_for(lambda: results, "a result")
    assert boxes_by_name(results[0]).keys() == {"red", "green"}


def test_a_new_name_without_an_encoder_is_refused(
    bench: Bench, toy_bundle_dir: Path, tmp_path: Path
) -> None:
    node = bench.detector(toy_bundle_dir, text_encoder_dir=str(tmp_path / "nothing_here"))
    accepted, reason = bench.set_parameters(vocabulary=["red", "blorp"])
    assert not accepted
    assert "blorp" in reason and "\n" not in reason
    assert node.parameters.vocabulary == ()
    assert bench.set_parameters(vocabulary=["yellow"]) == (True, "")


def test_a_new_name_is_encoded_while_the_node_runs(bench: Bench, toy_bundle_dir: Path) -> None:
    try:
        find_text_encoder(ENCODER_ID)
    except TextEncoderError as error:
        pytest.skip(str(error))
    node = bench.detector(toy_bundle_dir)
    infos, labels = bench.vision_infos(), bench.label_infos()
    results, camera = bench.detections(), bench.camera()
    assert bench.set_parameters(vocabulary=["red", "walrus"]) == (True, "")
    assert node.parameters.vocabulary == ("red", "walrus")
    wait_for(lambda: node._configurator.current.names == ("red", "walrus"), "the names")
    camera.publish(image_message(PIXELS))
    wait_for(lambda: results and infos and labels, "a result")
    assert "red" in boxes_by_name(results[0])
    assert infos[0].database_version == 1
    assert [each.class_name for each in labels[0].class_map] == ["red", "walrus"]


def test_live_values_count_from_the_next_frame(bench: Bench, toy_bundle_dir: Path) -> None:
    bench.detector(toy_bundle_dir)
    results, camera = bench.detections(), bench.camera()
    sent = 0

    def found() -> set[str]:
        nonlocal sent
        sent += 1
        camera.publish(image_message(PIXELS, stamp=sent * SECOND))
        wait_for(lambda: len(results) == sent, "a result")
        return set(boxes_by_name(results[-1]))

    assert found() == {"red", "green", "blue"}
    assert bench.set_parameters(vocabulary=list(COLOURS)) == (True, "")
    assert found() == set(COLOURS)
    assert bench.set_parameters(class_thresholds=["red=1.0", "cyan=1.0"]) == (True, "")
    assert found() == set(COLOURS) - {"red", "cyan"}
    assert bench.set_parameters(max_detections=2) == (True, "")
    assert len(found()) == 2
    assert bench.set_parameters(max_detections=100, score_threshold=0.999) == (True, "")
    assert found() == set()
    assert bench.set_parameters(score_threshold=-1, class_thresholds=[""]) == (True, "")
    assert found() == set(COLOURS)
    assert bench.set_parameters(vocabulary=[""]) == (True, "")
    assert found() == {"red", "green", "blue"}


def test_an_empty_list_of_any_type_means_the_default_names(
    bench: Bench, toy_bundle_dir: Path
) -> None:
    node = bench.detector(toy_bundle_dir, vocabulary=["cyan"])
    # What `ros2 param set /detector vocabulary "[]"` sends.
    value = ParameterValue(type=ParameterType.PARAMETER_BOOL_ARRAY, bool_array_value=[])
    request = SetParametersAtomically.Request(
        parameters=[ParameterMessage(name="vocabulary", value=value)]
    )
    result = bench.call(
        SetParametersAtomically, "detector/set_parameters_atomically", request
    ).result
    assert (result.successful, result.reason) == (True, "")
    assert node.parameters.vocabulary == ()
    assert bench.get_parameter("vocabulary") == [""]


def test_what_is_set_while_unconfigured_counts_at_configure(
    bench: Bench, toy_bundle_dir: Path
) -> None:
    from lifecycle_msgs.msg import Transition

    bench.detector(toy_bundle_dir, start=False)
    assert bench.set_parameters(vocabulary=["magenta"]) == (True, "")
    assert bench.change_state(Transition.TRANSITION_CONFIGURE)
    assert bench.change_state(Transition.TRANSITION_ACTIVATE)
    results, camera = bench.detections(), bench.camera()
    camera.publish(image_message(PIXELS))
    wait_for(lambda: results, "a result")
    assert boxes_by_name(results[0]).keys() == {"magenta"}


def test_a_threshold_for_a_name_not_asked_for_is_mentioned(
    bench: Bench, toy_bundle_dir: Path
) -> None:
    bench.detector(toy_bundle_dir)
    log = bench.log()
    assert bench.set_parameters(class_thresholds=["rde=0.5"]) == (True, "")
    wait_for(lambda: [each for each in log if "'rde'" in each.msg], "a warning")


def test_what_configure_reads_may_be_set_before_it(
    bench: Bench, toy_bundle_dir: Path, toy_segmentation_bundle: Bundle
) -> None:
    node = bench.detector("no_such_bundle", start=False)
    assert not bench.change_state(Transition.TRANSITION_CONFIGURE)
    assert bench.set_parameters(bundle=str(toy_bundle_dir)) == (True, "")
    assert bench.change_state(Transition.TRANSITION_CONFIGURE)
    assert bench.set_parameters(max_detections=7) == (True, "")
    # Inactive: the next activation opens what is asked for.
    assert bench.set_parameters(bundle="no_such_bundle") == (True, "")
    assert not bench.change_state(Transition.TRANSITION_ACTIVATE)
    assert bench.state() == "inactive"
    other = str(toy_segmentation_bundle.directory)
    assert bench.set_parameters(bundle=other, threads=1) == (True, "")
    assert bench.change_state(Transition.TRANSITION_ACTIVATE)
    assert str(node._configurator.bundle.directory) == other
    results, camera = bench.detections(), bench.camera()
    camera.publish(image_message(PIXELS))
    wait_for(lambda: results, "a result")
    accepted, reason = bench.set_parameters(bundle=str(toy_bundle_dir), max_detections=9)
    assert (accepted, reason) == (False, "bundle: read by configure: deactivate the node first")
    assert node.parameters.max_detections == 7
