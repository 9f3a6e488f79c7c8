# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The folder in which what costs time is kept from run to run."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path | None:
    """Returns $XDG_CACHE_HOME/vit_perception, ~/.cache/vit_perception, or None without a home."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification ignores relative paths.
    if os.path.isabs(base):
        return Path(base) / "vit_perception"
    try:
        return Path.home() / ".cache" / "vit_perception"
    except RuntimeError:
        return None
