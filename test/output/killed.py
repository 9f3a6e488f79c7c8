# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A process that is killed at a point of its work."""

from __future__ import annotations

import signal
import subprocess
import sys

_PROLOGUE = """
import os, signal, sys
from pathlib import Path
target = Path(sys.argv[1])
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(script: str, *arguments: object) -> None:
    """Runs a script with `target`, a Path, and `die()`, and expects that it died."""
    done = subprocess.run(
        [sys.executable, "-c", _PROLOGUE + script, *map(str, arguments)], timeout=60, check=False
    )
    assert done.returncode == -signal.SIGKILL
