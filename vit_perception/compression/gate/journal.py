# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Keeps what was measured, so that an interrupted search goes on where it was."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path

from vit_perception.compression.gate.judge import Figures
from vit_perception.output.failure import writing


class Journal:
    """A file with one line for each evaluation, of one graph on the same pictures.

    A file of another measurement is begun anew. A line that was cut off is left out.

    Args:
        path: of the file; its folder is there.
        subject: what is measured; equal texts mean equal results.

    Raises:
        OutputError: the file cannot be written.
    """

    def __init__(self, path: Path, subject: str) -> None:
        self._path = path
        self._subject = hashlib.sha256(subject.encode()).hexdigest()
        self._cut = False
        self._known = self._read()
        if not self._known:
            with writing(path):
                path.write_text(json.dumps({"subject": self._subject}) + "\n", encoding="utf-8")

    def __len__(self) -> int:
        return len(self._known)

    def get(self, choice: frozenset[str]) -> Figures | None:
        """Returns what was measured of a choice of layers; None if nothing was."""
        return self._known.get(_key(choice))

    def put(self, choice: frozenset[str], figures: Figures) -> None:
        """Keeps the figures of a choice of layers.

        Raises:
            OutputError: the file cannot be written.
        """
        key = _key(choice)
        self._known[key] = dict(figures)
        line = json.dumps({"choice": key, "figures": dict(figures)}, sort_keys=True)
        with writing(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(("\n" if self._cut else "") + line + "\n")
        self._cut = False

    def _read(self) -> dict[str, Figures]:
        try:
            text = self._path.read_text(encoding="utf-8")
            first, *lines = text.splitlines()
            if json.loads(first) != {"subject": self._subject}:
                return {}
        except (OSError, ValueError):
            return {}
        self._cut = not text.endswith("\n")
        known: dict[str, Figures] = {}
        for line in lines:
            try:
                entry = json.loads(line)
                figures = {str(k): float(v) for k, v in entry["figures"].items()}
                if all(map(math.isfinite, figures.values())):
                    known[str(entry["choice"])] = figures
            except (AttributeError, LookupError, TypeError, ValueError):
                continue
        return known


def _key(choice: frozenset[str]) -> str:
    return hashlib.sha256(json.dumps(sorted(choice)).encode()).hexdigest()
