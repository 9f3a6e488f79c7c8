# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What ends a training run."""

from __future__ import annotations


class TrainingError(RuntimeError):
    """A run cannot begin, continue or be resumed; one line."""
