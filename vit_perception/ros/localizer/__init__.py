# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The way of detections and depth to places in space."""
