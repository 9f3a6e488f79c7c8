# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Processes that end with the one that started them, and signals that end it in order."""
