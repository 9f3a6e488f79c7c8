# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What processes of tests do."""

from __future__ import annotations

import os
import time
from pathlib import Path


def hold(path: Path) -> None:
    """Keeps a file with the process's id, and removes it when it is left."""
    try:
        path.write_text(str(os.getpid()), encoding="utf-8")
        while True:
            time.sleep(60)
    finally:
        path.unlink()


def refuse(reason: str) -> None:
    """Raises ValueError."""
    raise ValueError(reason)
