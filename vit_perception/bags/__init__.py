# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Recorded topics, rosbag1 and rosbag2, read and written without ROS."""
