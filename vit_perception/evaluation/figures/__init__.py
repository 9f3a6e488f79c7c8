# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Figures of what bundles found in pictures whose truth is known, as metrics.json holds them."""
