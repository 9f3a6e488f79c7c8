# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""launch/perception.launch.py, where ROS's launch is installed (it is not among the wheels)."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from vit_perception.names import VocabularyError
from vit_perception.setting import SettingError

ROOT = Path(__file__).resolve().parents[1]
GIVEN = {
    **dict.fromkeys(
        (
            "vocabulary",
            "bundle",
            "cameras",
            "camera_info",
            "cpu_affinity",
            "depth",
            "depth_camera_info",
            "depth_transport",
            "image_transport",
            "params_file",
            "precision",
            "provider",
            "score_threshold",
            "target_frame",
            "threads",
            "tracking",
        ),
        "",
    ),
    "image": "image",
    "namespace": "",
    "node_name": "detector",
    "nodes": "",
    "use_sim_time": "false",
    "autostart": "true",
    "localizer": "false",
}


@pytest.fixture(scope="module")
def launch_file() -> ModuleType:
    """The launch file as a module."""
    pytest.importorskip("launch_ros")
    spec = importlib.util.spec_from_file_location(
        "perception_launch", ROOT / "launch" / "perception.launch.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def parameters(launch_file: ModuleType, **given: str) -> dict[str, Any]:
    """Parameters as the node is given them, later ones before earlier ones."""
    from launch import LaunchContext
    from launch_ros.utilities import evaluate_parameters, normalize_parameters

    listed = launch_file.node_parameters({**GIVEN, **given})
    evaluated = evaluate_parameters(LaunchContext(), normalize_parameters(listed))
    return {name: value for each in evaluated for name, value in each.items()}


def test_every_argument_is_described(launch_file: ModuleType) -> None:
    from launch.actions import DeclareLaunchArgument

    entities = launch_file.generate_launch_description().entities
    arguments = {each.name: each for each in entities if isinstance(each, DeclareLaunchArgument)}
    assert {"image", "vocabulary", "bundle", "params_file", "autostart"} <= set(arguments)
    assert all(len(each.description) > 20 for each in arguments.values())
    assert all(each.default_value is not None for each in arguments.values())


@pytest.mark.parametrize("text", ["[red mug, screwdriver]", "red mug, screwdriver"])
def test_vocabulary_as_list_or_with_commas(launch_file: ModuleType, text: str) -> None:
    found = parameters(launch_file, vocabulary=text, score_threshold="1")
    assert list(found["vocabulary"]) == ["red mug", "screwdriver"]
    assert found["score_threshold"] == 1.0
    assert isinstance(found["score_threshold"], float)


def test_names_that_yaml_would_read_otherwise(launch_file: ModuleType) -> None:
    found = parameters(launch_file, vocabulary="on, 7, null, 1e3", bundle="12")
    assert list(found["vocabulary"]) == ["on", "7", "null", "1e3"]
    assert found["bundle"] == "12"


def test_several_cameras(launch_file: ModuleType) -> None:
    given = {"cameras": "front=/front/image_raw, wrist = /arm/color/image"}
    assert list(parameters(launch_file, **given)["cameras"]) == ["front", "wrist"]


def test_several_nodes_in_one_process(launch_file: ModuleType) -> None:
    assert launch_file.several_nodes("") == []
    assert launch_file.several_nodes("[detector, tools]") == ["detector", "tools"]
    assert launch_file.several_nodes("detector,tools") == ["detector", "tools"]


def test_a_localizer_beside_the_detector(launch_file: ModuleType) -> None:
    places = {"target_frame": "base_link", "depth_transport": "compressedDepth"}
    given = {**GIVEN, **places, "localizer": "true"}
    assert parameters(launch_file, **given) == places
    assert launch_file.words(given) == ["detector", "localizer"]
    assert launch_file.words({**given, "nodes": "eye, tools"}) == ["eye", "tools", "localizer"]
    assert launch_file.node_names({**given, "node_name": "eye"}) == ["/eye", "/localizer"]
    assert launch_file.without_localizer(given) == []
    assert launch_file.words(GIVEN) == []
    assert launch_file.without_localizer({**given, "localizer": "false"}) == [
        "target_frame: expected with localizer:=true: not used",
        "depth_transport: expected with localizer:=true: not used",
    ]
    with pytest.raises(SettingError, match="depth_transport: expected 'raw' or"):
        launch_file.node_parameters({**given, "depth_transport": "png"})


def test_what_runs_where(launch_file: ModuleType) -> None:
    given = {"precision": "int8", "provider": "openvino", "threads": "3", "cpu_affinity": "0-3"}
    found = parameters(launch_file, **given)
    assert {name: found[name] for name in given} == {**given, "threads": 3}
    assert parameters(launch_file, tracking="false") == {"tracking": False}
    assert parameters(launch_file, tracking="true") == {"tracking": True}


def test_what_is_not_given_is_left_to_the_node(launch_file: ModuleType) -> None:
    assert parameters(launch_file) == {}
    words = ["-p", "use_sim_time:=false", "-p", "autostart:=true"]
    assert launch_file.first_parameters(GIVEN) == words


@pytest.mark.parametrize(
    ("given", "error", "line"),
    [
        ({"score_threshold": "lots"}, SettingError, "score_threshold: expected double"),
        ({"score_threshold": "3"}, SettingError, "score_threshold: expected 0 to 1"),
        ({"image_transport": "theora"}, SettingError, "image_transport: expected 'raw' or"),
        ({"vocabulary": "cup, cup"}, VocabularyError, "cup"),
        ({"threads": "many"}, SettingError, "threads: expected integer"),
        ({"cpu_affinity": "all"}, SettingError, "cpu_affinity: expected cores such as"),
        ({"cameras": "front"}, SettingError, "cameras: expected each name once, with a topic"),
        ({"cameras": "a=/x, a=/y"}, SettingError, "cameras: expected each name once"),
        ({"cameras": "2nd=/x"}, SettingError, "cameras: expected names of letters"),
        ({"params_file": "/no/such.yaml"}, FileNotFoundError, "params_file: /no/such.yaml"),
    ],
)
def test_mistakes_are_told_in_one_line(
    launch_file: ModuleType, given: dict[str, str], error: type[Exception], line: str
) -> None:
    with pytest.raises(error) as raised:
        launch_file.node_parameters({**GIVEN, **given})
    assert line in str(raised.value)
    assert "\n" not in str(raised.value)


def test_arguments_that_nothing_reads_are_told(launch_file: ModuleType) -> None:
    # Launch itself takes any name, and gives on those of the file that includes this one.
    others = ["camera_namespace", "camera_name", "start_camera", "robot", "map"]
    assert launch_file.unread([*GIVEN, *others]) == []
    assert launch_file.unread(["configure_timeout", "vocabluary", "image"]) == [
        "configure_timeout: expected in params_file, found as an argument: not used",
        "vocabluary: expected an argument such as vocabulary: not used",
    ]


@pytest.mark.parametrize(
    ("keys", "given", "fits"),
    [
        (["detector"], {}, True),
        (["/detector"], {}, True),
        (["/**"], {}, True),
        (["/*"], {}, True),
        (["/**/detector"], {}, True),
        (["/**/detector"], {"namespace": "front/left"}, True),
        (["/front/detector"], {"namespace": "/front"}, True),
        (["/*/detector"], {"namespace": "front"}, True),
        (["planner", "tools"], {"nodes": "detector, tools"}, True),
        (["my_detector"], {}, False),
        (["detector"], {"namespace": "front"}, False),
        (["/front/detector"], {}, False),
        (["/*"], {"namespace": "front"}, False),
        (["detector"], {"node_name": "eye"}, False),
        ([], {}, False),
    ],
)
def test_a_file_for_other_nodes_is_refused(
    launch_file: ModuleType, tmp_path: Path, keys: list[str], given: dict[str, str], fits: bool
) -> None:
    file = tmp_path / "mine.yaml"
    values = {key: {"ros__parameters": {"score_threshold": 0.9}} for key in keys}
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    told = {**GIVEN, "params_file": str(file), **given}
    if fits:
        assert str(file) in launch_file.node_parameters(told)
        return
    with pytest.raises(SettingError) as caught:
        launch_file.node_parameters(told)
    line = str(caught.value)
    [*_, wanted] = launch_file.node_names(told)
    assert line.startswith(f"params_file: {file}: expected parameters of ") and wanted in line
    assert all(key in line for key in keys)


def test_nested_namespaces_in_a_file(launch_file: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("front:\n  detector:\n    ros__parameters:\n      masks: false\n")
    launch_file.node_parameters({**GIVEN, "params_file": str(file), "namespace": "front"})
    file.write_text("- a list\n")
    with pytest.raises(SettingError, match="expected a mapping, found"):
        launch_file.node_parameters({**GIVEN, "params_file": str(file)})


@pytest.fixture(scope="module")
def realsense() -> ModuleType:
    """The RealSense's launch file as a module."""
    pytest.importorskip("launch_ros")
    pytest.importorskip("ament_index_python")
    spec = importlib.util.spec_from_file_location(
        "realsense_launch", ROOT / "launch" / "realsense.launch.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("namespace", "name", "topic"),
    [
        ("camera", "camera", "/camera/camera/color/image_raw"),
        ("", "camera", "/camera/color/image_raw"),
        ("/robot/", "d435", "/robot/d435/color/image_raw"),
    ],
)
def test_topics_of_a_realsense(
    realsense: ModuleType, namespace: str, name: str, topic: str
) -> None:
    from launch import LaunchContext

    context = LaunchContext()
    names = {"camera_namespace": namespace, "camera_name": name, "start_camera": "false"}
    context.launch_configurations.update(names, localizer="false")
    [include] = realsense.start(context)
    assert dict(include.launch_arguments) == {"image": topic}
    context.launch_configurations.update(localizer="true")
    [include] = realsense.start(context)
    depth = topic.replace("/color/", "/aligned_depth_to_color/")
    assert dict(include.launch_arguments) == {"image": topic, "localizer": "true", "depth": depth}


def test_a_driver_that_is_absent_is_told_before_anything_starts(realsense: ModuleType) -> None:
    from launch import LaunchContext

    context = LaunchContext()
    context.launch_configurations.update(
        camera_namespace="camera", camera_name="camera", start_camera="true", localizer="true"
    )
    with pytest.raises(RuntimeError, match="expected the package realsense2_camera, found none"):
        realsense.start(context)


def test_a_profile_of_the_user_stays(
    launch_file: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE"):
        monkeypatch.delenv(name, raising=False)
    assert launch_file.image_transport() != []
    monkeypatch.setenv("FASTDDS_DEFAULT_PROFILES_FILE", "/mine.xml")
    assert launch_file.image_transport() == []


def test_fast_dds_profile_has_room_for_images() -> None:
    space = {"d": "http://www.eprosima.com"}
    root = ElementTree.parse(ROOT / "config" / "fastdds.xml").getroot()
    transports = {
        each.findtext("d:type", namespaces=space): each
        for each in root.iterfind(".//d:transport_descriptor", space)
    }
    assert set(transports) == {"SHM", "UDPv4"}
    size = transports["SHM"].findtext("d:segment_size", namespaces=space)
    assert int(size or 0) >= 4 * 1920 * 1080 * 3
    assert root.findtext(".//d:useBuiltinTransports", namespaces=space) == "false"


@contextmanager
def launched(domain: str, folder: Path, *arguments: str) -> Iterator[None]:
    """Run `ros2 launch`, whose output goes to launch.txt, and end it as Ctrl-C does."""
    environment = {**os.environ, "ROS_DOMAIN_ID": domain, "ROS_LOG_DIR": str(folder)}
    environment["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    command = ["ros2", "launch", "vit_perception", "perception.launch.py", *arguments]
    with (folder / "launch.txt").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        status = process.wait(30)
    assert status == 0, (folder / "launch.txt").read_text()


@pytest.mark.ros
def test_ros2_launch_starts_an_active_node(toy_bundle_dir: Path, tmp_path: Path) -> None:
    """Needs a workspace that colcon has built and whose setup file is sourced."""
    if shutil.which("ros2") is None or not installed():
        pytest.skip("no ros2 command, or vit_perception is not in a sourced workspace")
    domain = str(1 + os.getpid() % 100)
    given = ("vocabulary:=[red, green]", "node_name:=eye", "masks:=false")
    with launched(domain, tmp_path, f"bundle:={toy_bundle_dir}", *given):
        assert state_of("/eye", int(domain)) == "active"
    text = (tmp_path / "launch.txt").read_text()
    assert "masks: expected in params_file" in text


@pytest.mark.ros
def test_ros2_launch_starts_a_localizer_beside_it(toy_bundle_dir: Path, tmp_path: Path) -> None:
    """Needs a workspace that colcon has built and whose setup file is sourced."""
    if shutil.which("ros2") is None or not installed():
        pytest.skip("no ros2 command, or vit_perception is not in a sourced workspace")
    domain = str(1 + (os.getpid() + 50) % 100)
    given = ("localizer:=true", "depth:=/cam/depth/image_raw", "target_frame:=base_link")
    with launched(domain, tmp_path, f"bundle:={toy_bundle_dir}", *given):
        assert state_of("/detector", int(domain)) == "active"
        assert state_of("/localizer", int(domain)) == "active"
    text = (tmp_path / "launch.txt").read_text()
    assert "ignored" not in text and "Traceback" not in text


def installed() -> bool:
    """Whether the ament index knows the package."""
    prefixes = os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)
    marker = Path("share/ament_index/resource_index/packages/vit_perception")
    return any((Path(prefix) / marker).exists() for prefix in prefixes if prefix)


def state_of(name: str, domain: int, seconds: float = 60.0) -> str:
    """The lifecycle state of a node, once it is active or `seconds` have gone by."""
    import rclpy
    from lifecycle_msgs.srv import GetState
    from rclpy.executors import SingleThreadedExecutor

    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domain)
    node = rclpy.create_node("asker", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    client = node.create_client(GetState, f"{name}/get_state")
    label, until = "unknown", time.monotonic() + seconds
    while label != "active" and time.monotonic() < until:
        if client.wait_for_service(timeout_sec=0.5):
            future = client.call_async(GetState.Request())
            executor.spin_until_future_complete(future, timeout_sec=2.0)
            label = future.result().current_state.label if future.done() else label
    node.destroy_node()
    rclpy.shutdown(context=context)
    return label
