# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""ROS 2 nodes. Only this package imports rclpy and message packages."""
