# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""detector_node on a RealSense camera, with the topic names of realsense2_camera 4.

Example:
    ros2 launch vit_perception realsense.launch.py vocabulary:="[red mug]" start_camera:=true

"""

from __future__ import annotations

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.conditions import IfCondition
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare


def generate_launch_description() -> LaunchDescription:
    """Give the camera's topics to perception.launch.py, whose other arguments go through."""
    namespace = LaunchConfiguration("camera_namespace")
    name = LaunchConfiguration("camera_name")
    image = ["/", namespace, "/", name, "/color/image_raw"]
    perception = PathJoinSubstitution(
        [FindPackageShare("vit_perception"), "launch", "perception.launch.py"]
    )
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                "camera_namespace",
                default_value="camera",
                description="Namespace of the camera driver.",
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
            # The driver comes after, as perception.launch.py sets Fast DDS's profile for both.
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(perception),
                launch_arguments={"image": image}.items(),
            ),
            Node(
                package="realsense2_camera",
                executable="realsense2_camera_node",
                namespace=namespace,
                name=name,
                parameters=[{"align_depth.enable": True, "enable_sync": True}],
                output="screen",
                emulate_tty=True,
                condition=IfCondition(LaunchConfiguration("start_camera")),
            ),
        ]
    )
