# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Text encoders in torch, the references of the robot's torch-free ones."""
