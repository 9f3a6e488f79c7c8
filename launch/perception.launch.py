# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Start detector_node on a camera topic, configured and active.

Example:
    ros2 launch vit_perception perception.launch.py \
        image:=/camera/color/image_raw vocabulary:="[red mug, screwdriver]"

"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, List  # noqa: UP035

from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    LogInfo,
    OpaqueFunction,
    RegisterEventHandler,
    SetEnvironmentVariable,
)
from launch.events import matches_action
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode
from launch_ros.event_handlers import OnStateTransition
from launch_ros.events.lifecycle import ChangeState
from launch_ros.parameter_descriptions import ParameterValue
from lifecycle_msgs.msg import Transition

from vit_perception.parameters import DetectorParameters, validate
from vit_perception.ros.environment import set_image_transport
from vit_perception.vocabulary import parse_names


def argument(name: str, default: str, description: str, **options: Any) -> DeclareLaunchArgument:
    """One argument of this launch file."""
    return DeclareLaunchArgument(name, default_value=default, description=description, **options)


YES_NO = {"choices": ["true", "false"]}
LEVELS = {"choices": ["debug", "info", "warn", "error", "fatal"]}
ARGUMENTS = (
    argument(
        "image",
        "image",
        "Topic of the camera's images, without the ending /compressed: /camera/color/image_raw.",
    ),
    argument(
        "vocabulary",
        "",
        "Names to look for: '[red mug, screwdriver]'. Empty: params_file's, else the bundle's.",
    ),
    argument(
        "bundle",
        "",
        "Folder of the model bundle, or the name of a bundled one. Empty: params_file's, else "
        "the package's own.",
    ),
    argument(
        "params_file",
        "",
        "YAML file of parameters, as 'ros2 param dump' writes it. Arguments go before it.",
    ),
    argument(
        "score_threshold",
        "",
        "Lower scores are left out, 0 to 1. Empty: params_file's, else the bundle's.",
    ),
    argument(
        "image_transport",
        "",
        "raw (sensor_msgs/Image) or compressed (sensor_msgs/CompressedImage). Empty: "
        "params_file's, else raw.",
    ),
    argument("namespace", "", "Namespace of the node and its topics."),
    argument("node_name", "detector", "Name of the node; it publishes <node_name>/detections."),
    argument(
        "autostart",
        "true",
        "Configure and activate the node. false: leave that to a lifecycle manager.",
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
    node = LifecycleNode(
        package="vit_perception",
        executable="detector_node",
        name=given["node_name"],
        namespace=given["namespace"],
        parameters=node_parameters(given),
        remappings=remappings(given["image"]),
        ros_arguments=["--log-level", given["log_level"]],
        output="screen",
        emulate_tty=True,
    )
    before = image_transport() if given["fastdds_profile"] == "true" else []
    after = []
    if given["autostart"] == "true":
        full_name = "/".join(
            ["", *filter(None, given["namespace"].split("/")), given["node_name"]]
        )
        before += transitions(node, full_name)
        after = [change(node, Transition.TRANSITION_CONFIGURE)]
    return [*before, node, *after]


def node_parameters(given: dict[str, str]) -> list[Any]:
    """Parameters for the node: the file, then what was given in words.

    Raises:
        ParameterError, VocabularyError: a value cannot be.
        FileNotFoundError: the file is absent.

    """
    values: dict[str, Any] = {
        name: given[name] for name in ("bundle", "image_transport") if given[name]
    }
    if given["vocabulary"]:
        values["vocabulary"] = parse_names(given["vocabulary"])
    if given["score_threshold"]:
        values["score_threshold"] = number(given["score_threshold"])
    checked: DetectorParameters = validate(values)
    parameters: list[Any] = [{"use_sim_time": given["use_sim_time"] == "true"}]
    if given["params_file"]:
        if not Path(given["params_file"]).is_file():
            raise FileNotFoundError(f"params_file: {given['params_file']}: no such file")
        parameters.append(given["params_file"])
    # Typed, as launch would else read a name such as 'on' or '7' as a boolean or a number.
    kinds = {tuple: List[str], str: str, float: float}  # noqa: UP006
    for name in values:
        value = getattr(checked, name)
        plain = list(value) if isinstance(value, tuple) else value
        parameters.append({name: ParameterValue(plain, value_type=kinds[type(value)])})
    return parameters


def number(text: str) -> float | str:
    """The number that the text is, or the text, for `validate` to complain of."""
    try:
        return float(text)
    except ValueError:
        return text


def remappings(image: str) -> list[tuple[str, str]]:
    """The node's topic `image`, and the compressed one below it."""
    if image in ("", "image"):
        return []
    return [("image", image), ("image/compressed", f"{image}/compressed")]


def image_transport() -> list[Any]:
    """Set the variables of the Fast DDS profile, unless the user has set one."""
    wanted = dict(os.environ)
    set_image_transport(wanted)
    changed = {name: value for name, value in wanted.items() if os.environ.get(name) != value}
    return [SetEnvironmentVariable(name, value) for name, value in changed.items()]


def transitions(node: LifecycleNode, name: str) -> list[Any]:
    """Activate once configured; where a transition fails, say what can be done.

    They are emitted here, as LifecycleNode(autostart=) is newer than Jazzy.
    """

    def on(start: str, goal: str, action: Any) -> RegisterEventHandler:
        return RegisterEventHandler(
            OnStateTransition(
                target_lifecycle_node=node, start_state=start, goal_state=goal, entities=[action]
            )
        )

    def advise(transition: str) -> LogInfo:
        return LogInfo(
            msg=f"{name} is not looking at images: its error above says why. Mend that and run "
            f"'ros2 lifecycle set {name} {transition}', or end with Ctrl-C."
        )

    return [
        on("configuring", "inactive", change(node, Transition.TRANSITION_ACTIVATE)),
        on("configuring", "unconfigured", advise("configure")),
        on("activating", "inactive", advise("activate")),
    ]


def change(node: LifecycleNode, transition: int) -> EmitEvent:
    """Ask the node for a transition, as soon as it can be asked."""
    event = ChangeState(lifecycle_node_matcher=matches_action(node), transition_id=transition)
    return EmitEvent(event=event)
