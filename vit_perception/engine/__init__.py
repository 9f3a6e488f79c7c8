# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Inference engines behind one small interface."""
