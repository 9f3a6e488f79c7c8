# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Start detectors, and a localizer, on one or several camera topics, configured and active.

Examples:
    ros2 launch vit_perception perception.launch.py \
        image:=/camera/color/image_raw vocabulary:="[red mug, screwdriver]"
    ros2 launch vit_perception perception.launch.py \
        cameras:="front=/front/image_raw, wrist=/wrist/color/image_raw"
    ros2 launch vit_perception perception.launch.py \
        image:=/camera/color/image_raw nodes:="detector, tools" params_file:=mine.yaml
    ros2 launch vit_perception perception.launch.py image:=/camera/color/image_raw \
        localizer:=true depth:=/camera/aligned_depth_to_color/image_raw target_frame:=base_link

"""

from __future__ import annotations

import os
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, List  # noqa: UP035

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.logging import get_logger
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from vit_perception.document import DocumentError
from vit_perception.names import parse_names
from vit_perception.parameters.detector import DetectorParameters, validate
from vit_perception.parameters.localizer import LocalizerParameters
from vit_perception.parameters.values import taken
from vit_perception.ros.camera_topics import camera_topics, depth_remappings, remappings
from vit_perception.ros.environment import set_image_transport
from vit_perception.ros.parameter_files import is_for, nodes_named
from vit_perception.setting import SettingError, settings_of
from vit_perception.wording import shown


def argument(name: str, default: str, description: str, **options: Any) -> DeclareLaunchArgument:
    """One argument of this launch file."""
    return DeclareLaunchArgument(name, default_value=default, description=description, **options)


def parameter(
    name: str, owner: type = DetectorParameters, **options: Any
) -> DeclareLaunchArgument:
    """One argument that sets the parameter of its name, and is described as that is."""
    declared = settings_of(owner)[name]
    default = list(declared.default) if isinstance(declared.default, tuple) else declared.default
    allowed = f" Allowed: {declared.allowed}." if declared.allowed else ""
    text = f"{declared.description}{allowed} Not given: as in params_file, else {shown(default)}."
    return argument(name, "", text, **options)


# Parameters that are given as they are, as numbers, and as yes or no.
WORDS = ("bundle", "image_transport", "precision", "provider", "cpu_affinity")
NUMBERS = ("score_threshold", "threads")
FLAGS = ("tracking",)
# The same of the localizer, and all that nothing reads without it.
PLACES = ("target_frame", "depth_transport")
OF_LOCALIZER = ("depth", "depth_camera_info", *PLACES)
LOCALIZER = "localizer"
YES_NO = {"choices": ["true", "false"]}
LEVELS = {"choices": ["debug", "info", "warn", "error", "fatal"]}
ARGUMENTS = (
    argument(
        "image",
        "image",
        "Topic of the camera's images, without the ending /compressed: /camera/color/image_raw.",
    ),
    argument(
        "camera_info",
        "",
        "Topic of the camera's intrinsics, for ~/markers. Empty: camera_info beside the images.",
    ),
    argument(
        "cameras",
        "",
        "Several cameras on one engine, instead of image: 'front=/front/image_raw, "
        "wrist=/wrist/image_raw' publishes <node_name>/front/detections and so on.",
    ),
    parameter("vocabulary"),
    parameter("bundle"),
    argument(
        "params_file",
        "",
        "YAML file of parameters, as 'ros2 param dump' writes it. Arguments go before it.",
    ),
    parameter("score_threshold"),
    parameter("image_transport"),
    parameter("precision"),
    parameter("provider"),
    parameter("tracking", choices=["", "true", "false"]),
    parameter("threads"),
    parameter("cpu_affinity"),
    argument("namespace", "", "Namespace of the node and its topics."),
    argument("node_name", "detector", "Name of the node; it publishes <node_name>/detections."),
    argument(
        "nodes",
        "",
        "Several detectors in one process, instead of node_name: 'detector, tools', which "
        "params_file may give different parameters. All look at the same cameras.",
    ),
    argument(
        "localizer",
        "false",
        "Start a localizer in the detector's process, named localizer: it publishes boxes in "
        "space on localizer/detections_3d. Needs depth and the camera's intrinsics.",
        **YES_NO,
    ),
    argument(
        "depth",
        "",
        "Topic of the depth images, without the ending /compressedDepth; with several cameras "
        "'front=/front/depth/image_raw, wrist=...'. Not given: depth.",
    ),
    argument(
        "depth_camera_info",
        "",
        "Intrinsics of the depth camera, where its images are not aligned with the others. "
        "Empty: camera_info beside the depth.",
    ),
    parameter("target_frame", LocalizerParameters),
    parameter("depth_transport", LocalizerParameters),
    argument(
        "enclave",
        "",
        "Enclave of the process in an SROS 2 keystore, such as /detector. Empty: as the "
        "environment says.",
    ),
    argument(
        "autostart",
        "true",
        "Configure and activate the node. false: leave that to a lifecycle manager.",
        **YES_NO,
    ),
    argument(
        "respawn",
        "false",
        "Start the node again two seconds after it died, and with autostart activate it.",
        **YES_NO,
    ),
    argument(
        "use_sim_time",
        "false",
        "Take the time from /clock: a simulator, or a bag played with --clock.",
        **YES_NO,
    ),
    argument("log_level", "info", "The least serious messages that the node prints.", **LEVELS),
    argument(
        "fastdds_profile",
        "true",
        "Give Fast DDS shared memory large enough for images (config/fastdds.xml), here and in "
        "what the same launch starts later; a profile that you have set stays. A camera driver "
        "started elsewhere needs it as well.",
        **YES_NO,
    ),
)


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments and start the node with their values."""
    return LaunchDescription([*ARGUMENTS, OpaqueFunction(function=start)])


def start(context: LaunchContext) -> list[Any]:
    """Actions for the values that the arguments have now."""
    given = {each.name: LaunchConfiguration(each.name).perform(context) for each in ARGUMENTS}
    for line in (*unread(context.launch_configurations), *without_localizer(given)):
        get_logger("launch").warning(line)
    names = words(given)
    enclave = ["--enclave", given["enclave"]] if given["enclave"] else []
    node = Node(
        package="vit_perception",
        executable="perception_node" if names else "detector_node",
        # A name here would rename all nodes of the process.
        name=None if names else given["node_name"],
        arguments=names,
        namespace=given["namespace"],
        parameters=node_parameters(given),
        remappings=[
            *remappings(given["image"], given["camera_info"], given["cameras"]),
            *depth_remappings(given["depth"], given["depth_camera_info"], given["cameras"]),
        ],
        respawn=given["respawn"] == "true",
        respawn_delay=2.0,
        ros_arguments=["--log-level", given["log_level"], *enclave, *first_parameters(given)],
        output="screen",
        emulate_tty=True,
    )
    before = image_transport() if given["fastdds_profile"] == "true" else []
    return [*before, node]


def unread(names: Iterable[str]) -> list[str]:
    """What to say of arguments that nothing here reads, though they look meant for the node.

    Launch drops them without a word. Others may belong to a launch file that includes this one.
    """
    arguments = [each.name for each in ARGUMENTS]
    lines = []
    for name in sorted(set(names) - set(arguments)):
        if name in settings_of(DetectorParameters) or name in settings_of(LocalizerParameters):
            lines.append(f"{name}: expected in params_file, found as an argument: not used")
        elif alike := get_close_matches(name, arguments, n=1, cutoff=0.85):
            lines.append(f"{name}: expected an argument such as {alike[0]}: not used")
    return lines


def without_localizer(given: dict[str, str]) -> list[str]:
    """What to say of arguments that only a localizer reads, where none is started."""
    if given["localizer"] == "true":
        return []
    return [
        f"{name}: expected with localizer:=true: not used" for name in OF_LOCALIZER if given[name]
    ]


def words(given: dict[str, str]) -> list[str]:
    """What perception_node starts; empty where detector_node does."""
    names = several_nodes(given["nodes"])
    if given["localizer"] == "true":
        return [*(names or [given["node_name"]]), LOCALIZER]
    return names


def node_parameters(given: dict[str, str]) -> list[Any]:
    """Parameters for the node: the file, then what was given in words, which goes before it.

    Raises:
        SettingError, VocabularyError: a value cannot be.
        FileNotFoundError: the file is absent.

    """
    values: dict[str, Any] = {name: given[name] for name in WORDS if given[name]}
    if given["vocabulary"]:
        values["vocabulary"] = parse_names(given["vocabulary"])
    if given["cameras"]:
        values["cameras"] = list(camera_topics(given["cameras"]))
    for name in NUMBERS:
        if given[name]:
            values[name] = number(given[name])
    values |= {name: given[name] == "true" for name in FLAGS if given[name]}
    checked: DetectorParameters = validate(values)
    parameters: list[Any] = []
    if given["params_file"]:
        check_params_file(Path(given["params_file"]), node_names(given))
        parameters.append(given["params_file"])
    # Typed, as launch would else read a name such as 'on' or '7' as a boolean or a number.
    kinds = {tuple: List[str], str: str, float: float, int: int, bool: bool}  # noqa: UP006
    taken_over = [(name, getattr(checked, name)) for name in values]
    if given["localizer"] == "true":
        places = {name: given[name] for name in PLACES if given[name]}
        checked_places = taken(LocalizerParameters, places)
        taken_over += [(name, getattr(checked_places, name)) for name in places]
    for name, value in taken_over:
        plain = list(value) if isinstance(value, tuple) else value
        parameters.append({name: ParameterValue(plain, value_type=kinds[type(value)])})
    return parameters


def first_parameters(given: dict[str, str]) -> list[str]:
    """What params_file may override, for any node.

    Given under the node's name, it would let a wildcard in the file win over that name: ROS keeps
    names in the order in which they first came.
    """
    return [
        word for name in ("use_sim_time", "autostart") for word in ("-p", f"{name}:={given[name]}")
    ]


def check_params_file(path: Path, nodes: list[str]) -> None:
    """Refuse a file that has parameters for none of the nodes: they would go unused.

    Raises:
        FileNotFoundError: the file is absent.
        SettingError: it is no parameter file, or one for other nodes.

    """
    if not path.is_file():
        raise FileNotFoundError(f"params_file: {path}: no such file")
    try:
        named = nodes_named(path)
    except DocumentError as error:
        raise SettingError(f"params_file: {error}") from None
    if not any(is_for(pattern, node) for pattern in named for node in nodes):
        found = ", ".join(named) if named else "none"
        raise SettingError(
            f"params_file: {path}: expected parameters of {' or '.join(nodes)}, found {found}"
        )


def node_names(given: dict[str, str]) -> list[str]:
    """Full names of the nodes that are started."""
    namespace = given["namespace"].strip("/")
    names = words(given) or [given["node_name"]]
    return [f"/{namespace}/{name}" if namespace else f"/{name}" for name in names]


def several_nodes(text: str) -> list[str]:
    """Names of nodes, from 'detector, tools' with or without brackets."""
    return [name for each in text.strip().strip("[]").split(",") if (name := each.strip())]


def number(text: str) -> int | float | str:
    """The number that the text is, or the text, for `validate` to complain of."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def image_transport() -> list[Any]:
    """Set the variables of the Fast DDS profile, unless the user has set one."""
    wanted = dict(os.environ)
    set_image_transport(wanted)
    changed = {name: value for name, value in wanted.items() if os.environ.get(name) != value}
    return [SetEnvironmentVariable(name, value) for name, value in changed.items()]
