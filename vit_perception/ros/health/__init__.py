# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Diagnostics and limited logs: what a node says about itself."""
