# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Synthetic tabletop pictures: training data, test sets and the sample bag."""

import os

# Before anything imports mujoco, which chooses its OpenGL library then.
os.environ.setdefault("MUJOCO_GL", "osmesa")
# Mesa's own threads only get in each other's way: pictures are made in parallel processes.
os.environ.setdefault("LP_NUM_THREADS", "0")
