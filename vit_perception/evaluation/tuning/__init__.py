# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Thresholds for the pictures of somebody: tried on what the network gave once, and confirmed."""
