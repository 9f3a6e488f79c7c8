# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Open-vocabulary detection for robots: camera frames in, named boxes out.

The robot side (everything except models, export, compression, training and scenes)
needs no torch; only `vit_perception.ros` needs ROS.
"""

__version__ = "0.2.0"
