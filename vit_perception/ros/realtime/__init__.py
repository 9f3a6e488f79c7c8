# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A recording played to the live node, so that its latency and its drops count."""
