# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Depth, masks and camera models in; boxes and points in space out. No ROS, no torch."""
