# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Detector and localizer on a RealSense, with the topic names of realsense2_camera 4.

Example:
    ros2 launch vit_perception realsense.launch.py vocabulary:="[red mug]" start_camera:=true

"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

DRIVER = "realsense2_camera"
EXECUTABLE = "realsense2_camera_node"


def generate_launch_description() -> LaunchDescription:
    """Give the camera's topics to perception.launch.py, whose other arguments go through."""
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                "camera_namespace",
                default_value="camera",
                description="Namespace of the camera driver; may be empty.",
            ),
            DeclareLaunchArgument(
                "camera_name", default_value="camera", description="Name of the camera driver."
            ),
            DeclareLaunchArgument(
                "start_camera",
                default_value="false",
                choices=["true", "false"],
                description="Start realsense2_camera too, with depth aligned to the colour image: "
                "<camera_namespace>/<camera_name>/aligned_depth_to_color/image_raw.",
            ),
            DeclareLaunchArgument(
                "localizer",
                default_value="true",
                choices=["true", "false"],
                description="Start a localizer too, on the depth aligned to the colour image; it "
                "does nothing until somebody subscribes to localizer/detections_3d.",
            ),
            OpaqueFunction(function=start),
        ]
    )


def start(context: LaunchContext) -> list[Any]:
    """The nodes and, if asked for, the driver, which is looked for before either starts."""
    namespace = LaunchConfiguration("camera_namespace").perform(context).strip("/")
    name = LaunchConfiguration("camera_name").perform(context).strip("/")
    wanted = LaunchConfiguration("start_camera").perform(context) == "true"
    if wanted:
        check_driver()
    perception = PathJoinSubstitution(
        [FindPackageShare("vit_perception"), "launch", "perception.launch.py"]
    )
    camera = "/".join(["", *filter(None, (namespace, name))])
    given = {"image": f"{camera}/color/image_raw"}
    if LaunchConfiguration("localizer").perform(context) == "true":
        given |= {"localizer": "true", "depth": f"{camera}/aligned_depth_to_color/image_raw"}
    # The driver comes after, as perception.launch.py sets Fast DDS's profile for both.
    actions: list[Any] = [
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(perception), launch_arguments=given.items()
        )
    ]
    if wanted:
        actions.append(
            Node(
                package=DRIVER,
                executable=EXECUTABLE,
                namespace=namespace,
                name=name,
                parameters=[{"align_depth.enable": True, "enable_sync": True}],
                output="screen",
                emulate_tty=True,
            )
        )
    return actions


def check_driver() -> None:
    """Refuse to start anything where the driver is not installed.

    Launch would end in the middle else, and leave the detector behind.

    Raises:
        RuntimeError: one line that says what to install.

    """
    try:
        place = Path(get_package_prefix(DRIVER)) / "lib" / DRIVER / EXECUTABLE
    # OSError: no workspace is sourced.
    except (PackageNotFoundError, OSError):
        place = None
    if place is None or not place.exists():
        raise RuntimeError(
            f"start_camera: expected the package {DRIVER}, found none: "
            "sudo apt install ros-$ROS_DISTRO-realsense2-camera"
        )
