# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What was measured of graphs on this machine, kept on disk.

One JSON file: a key, which stands for all that a time depends on, to the candidates' times in
milliseconds or the reasons why they do not run. A file that cannot be read, or has other content,
is as good as none, and one that cannot be written is left; neither is an error.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vit_perception.document import Document, DocumentError
from vit_perception.input.file import InputError, read_text
from vit_perception.output.write import write_file
from vit_perception.perceiver.choice import Candidate, Timed
from vit_perception.wording import one_line, shown, shown_path

NAME = "fastest.json"
MAX_ENTRIES = 64
"""Beyond it, the oldest are dropped."""
_MAX_BYTES = 2**20
_LONGEST_PASS = 1e7

_log = logging.getLogger(__name__)


class FastestFile:
    """The file; if two processes write at once, the later file remains.

    Args:
        folder: where it is; None: there is none, and nothing is kept.
    """

    def __init__(self, folder: Path | None) -> None:
        self._path = None if folder is None else folder / NAME

    def get(self, key: str, candidates: Sequence[Candidate]) -> Timed | None:
        """Returns what was measured of the candidates; None if nothing is known."""
        entries = self._entries()
        if key not in entries:
            return None
        try:
            return _read(entries[key], candidates, f"{shown_path(str(self._path))}: {key}")
        except DocumentError as error:
            self._tell_unread(error)
            return None

    def put(self, key: str, candidates: Sequence[Candidate], timed: Timed) -> None:
        """Keeps what was measured of the candidates."""
        if self._path is None:
            return
        entry = [
            {
                "precision": each.precision,
                "provider": each.provider,
                "ms": timed.milliseconds.get(each),
                "refused": timed.refused.get(each),
            }
            for each in candidates
        ]
        entries = {name: each for name, each in self._entries().items() if name != key}
        kept = dict([*entries.items(), (key, entry)][-MAX_ENTRIES:])
        try:
            write_file(self._path, f"{json.dumps(kept, indent=1)}\n".encode())
        # OutputError, and a path with a null character.
        except ValueError as error:
            path = shown_path(self._path)
            _log.info("%s: not written, measured again next time: %s", path, one_line(error))

    def _entries(self) -> dict[str, Any]:
        try:
            if self._path is None or not self._path.exists():
                return {}
            values = json.loads(read_text(self._path, _MAX_BYTES))
            return Document(values, shown_path(self._path)).values
        # Of exists: no leave to look, or a null character. RecursionError: deep nesting.
        except (OSError, InputError, ValueError, RecursionError) as error:
            self._tell_unread(error)
            return {}

    def _tell_unread(self, error: Exception) -> None:
        path = shown_path(str(self._path))
        _log.info("%s: not readable, measured again: %s", path, one_line(error))


def _read(entry: object, candidates: Sequence[Candidate], where: str) -> Timed:
    """Returns an entry of the file.

    Raises:
        DocumentError: it is no list of these candidates, or none of them runs.
    """
    if not isinstance(entry, list) or len(entry) != len(candidates):
        raise DocumentError(f"{where}: expected {len(candidates)} entries, found {shown(entry)}")
    milliseconds, refused = {}, {}
    for candidate, each in zip(candidates, entry, strict=True):
        document = Document(each, where)
        document.line("precision", (candidate.precision,))
        document.line("provider", (candidate.provider,))
        if document.values.get("refused") is None:
            milliseconds[candidate] = document.number("ms", 0, _LONGEST_PASS)
        else:
            # A reason is longer than a line of a manifest may be.
            refused[candidate] = one_line(ValueError(document.text("refused")))
    if not milliseconds:
        raise DocumentError(f"{where}: expected a candidate that runs, found none")
    return Timed(milliseconds, refused)
