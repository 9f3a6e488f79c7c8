# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs a command that writes to a disk which is soon full."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

_SCRIPT = """
mount -t tmpfs -o size="$1" tmpfs "$2" || exit 99
disk="$2" listing="$3"; shift 3
"$@"; code=$?
find "$disk" -mindepth 1 -printf '%P\\n' | sort > "$listing"
exit $code
"""


class Outcome(NamedTuple):
    """What a command did: exit status, output, and the paths that it left on the disk."""

    code: int
    stdout: str
    stderr: str
    left: tuple[str, ...]


def on_small_disk(disk: Path, size: str, *arguments: str) -> Outcome:
    """Runs Python with arguments while a tmpfs of `size` ("64k") is mounted on a folder.

    Skips the test where this user may not mount one in a namespace.
    """
    disk.mkdir(exist_ok=True)
    listing = disk.with_name(f"{disk.name}.list")
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", _SCRIPT, "sh",
         size, str(disk), str(listing), sys.executable, *arguments],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    if not listing.exists():
        pytest.skip(f"no tmpfs in a namespace of one's own here: {done.stderr}")
    return Outcome(
        done.returncode, done.stdout, done.stderr, tuple(listing.read_text().splitlines())
    )
