# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Measures a compressed graph before it ships, and mends what hurts."""
