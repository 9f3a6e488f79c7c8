# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Plays recordings to the real nodes, which run in a process of their own."""
