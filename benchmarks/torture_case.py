# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What `torture.py` has to know of a command."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, ClassVar

CHECKOUT = Path(__file__).resolve().parent.parent


class Case(ABC):
    """One command; each run has a folder `out`, beside which it may write as well.

    Attributes:
        name: of the command.
        growing: patterns of files that are complete only at the end of a run.
        once: whether a second run after a complete one is refused.
        untimed: files, and the keys of JSON that differ from run to run; None for any content.
    """

    name: ClassVar[str]
    growing: ClassVar[tuple[str, ...]] = ()
    once: ClassVar[bool] = False
    untimed: ClassVar[Mapping[str, tuple[str, ...] | None]] = {}

    def arrange(self, inputs: Path) -> None:  # noqa: B027  # most commands read samples
        """Makes what every run reads."""

    def begin(self, inputs: Path, out: Path) -> None:
        """Makes the folder of a run, and what is there before it."""
        out.mkdir()

    @abstractmethod
    def arguments(self, inputs: Path, out: Path) -> list[str | Path]:
        """Returns the words after `vit-perception`."""

    def command(self, inputs: Path, out: Path) -> list[str]:
        """Returns the command line of a run."""
        words = map(str, self.arguments(inputs, out))
        return [sys.executable, "-m", "vit_perception.cli", *words]

    def environment(self, inputs: Path) -> dict[str, str]:
        """Returns the environment of a run."""
        return {**os.environ, "XDG_CACHE_HOME": str(inputs / "cache"), "OMP_NUM_THREADS": "1"}

    def is_growing(self, name: str) -> bool:
        """Returns whether a file may be in any state after a kill."""
        return any(fnmatch(name, pattern) for pattern in self.growing)

    def fingerprint(self, out: Path) -> dict[str, str]:
        """Returns the digest of each file, hidden ones too; also of folders, by their names."""
        return {
            str(path.relative_to(out)): self.digest(path) if path.is_file() else "folder"
            for path in sorted(out.rglob("*"))
        }

    def digest(self, path: Path) -> str:
        """Returns what has to be equal in two files of one name."""
        data = path.read_bytes()
        keys = self.untimed.get(path.name, ())
        if keys is None:
            return "there" if data else "empty"
        if keys:
            try:
                value = json.loads(data)
            except ValueError:
                return f"no JSON, {len(data)} bytes"
            data = json.dumps(_without(value, keys), sort_keys=True).encode()
        return hashlib.sha256(data).hexdigest()


def _without(value: Any, keys: tuple[str, ...]) -> Any:
    """Returns a JSON value without some keys, at any depth."""
    if isinstance(value, dict):
        return {key: _without(item, keys) for key, item in value.items() if key not in keys}
    if isinstance(value, list):
        return [_without(item, keys) for item in value]
    return value
