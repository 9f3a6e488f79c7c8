# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Synthetic tabletop pictures: training data, test sets and the sample bag."""

import os

# Set before anything imports mujoco, which then chooses its OpenGL library.
os.environ.setdefault("MUJOCO_GL", "osmesa")
# Mesa's own threads would compete with each other: pictures are made in parallel processes.
os.environ.setdefault("LP_NUM_THREADS", "0")
