# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Identities of detections over time, and evidence for their names. No ROS, no torch."""
