# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Checks names to look for and reads lists of them; needs no numpy."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import Path

from vit_perception.wording import shown, shown_path

MAX_NAMES = 4096
MAX_NAME_LENGTH = 200

# Room for every name at four UTF-8 bytes per character, and as much again for comments.
_MAX_FILE_BYTES = 2 * 4 * MAX_NAMES * (MAX_NAME_LENGTH + 1)
# Control characters, lone surrogates (not encodable as UTF-8, so not publishable),
# and Unicode's own line and paragraph separators.
_REFUSED_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
# Characters that change the direction of writing would reorder a log line or label.
_REFUSED_DIRECTIONS = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


class VocabularyError(ValueError):
    """Names or embeddings cannot be a vocabulary; the message is one line."""


def checked_names(names: Iterable[str]) -> tuple[str, ...]:
    """Returns the same names, if a vocabulary may have them.

    A vocabulary has 1..MAX_NAMES unique names of 1..MAX_NAME_LENGTH characters, without
    space at either end and without control characters.

    Raises:
        VocabularyError: names the first refused name, and why.
    """
    if isinstance(names, str):
        raise VocabularyError(f"names: expected a sequence, found the text {shown(names)}")
    checked = tuple(names)
    if not 1 <= len(checked) <= MAX_NAMES:
        raise VocabularyError(f"names: expected 1..{MAX_NAMES}, found {len(checked)}")
    seen: set[str] = set()
    for name in checked:
        reason = _refusal(name)
        if reason is None and name in seen:
            reason = "it is there twice"
        if reason is not None:
            raise VocabularyError(f"name {shown(name)} refused: {reason}")
        seen.add(name)
    return checked


def parse_names(text: str) -> tuple[str, ...]:
    """Returns names from one line: `red mug, spoon`, `[red mug, spoon]` or `["red mug", "spoon"]`.

    Raises:
        VocabularyError: brackets do not close, or see `checked_names`.
    """
    inner = text.strip()
    if inner[:1] == "[" or inner[-1:] == "]":
        if not (len(inner) >= 2 and inner[0] == "[" and inner[-1] == "]"):
            raise VocabularyError(f"names: expected [a, b], found {shown(text)}")
        inner = inner[1:-1].strip()
    if not inner:
        raise VocabularyError(f"names: expected at least one, found {shown(text)}")
    return checked_names(_unquoted(part.strip()) for part in inner.split(","))


def names_from_file(path: str | Path) -> tuple[str, ...]:
    """Reads names from a UTF-8 text file, one per line; empty lines are skipped.

    `#` at the start of a line or after a space begins a comment.

    Raises:
        VocabularyError: names the file; it is unreadable, too large or not UTF-8, or see
            `checked_names`.
    """
    path = Path(path)
    file_name = shown_path(path)
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise VocabularyError(
            f"{file_name}: expected a text file of names, found {error.strerror or error}"
        ) from error
    if len(data) > _MAX_FILE_BYTES:
        raise VocabularyError(f"{file_name}: expected at most {_MAX_FILE_BYTES} bytes, found more")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise VocabularyError(
            f"{file_name}: expected UTF-8, found byte 0x{data[error.start]:02x} at {error.start}"
        ) from error
    names = [name for line in text.splitlines() if (name := _without_comment(line))]
    try:
        return checked_names(names)
    except VocabularyError as error:
        raise VocabularyError(f"{file_name}: {error}") from error


def _refusal(name: object) -> str | None:
    if not isinstance(name, str):
        return f"expected text, found {type(name).__name__}"
    if not name.strip():
        return "it is empty"
    if len(name) > MAX_NAME_LENGTH:
        return f"expected at most {MAX_NAME_LENGTH} characters, found {len(name)}"
    if any(
        unicodedata.category(character) in _REFUSED_CATEGORIES
        or unicodedata.bidirectional(character) in _REFUSED_DIRECTIONS
        for character in name
    ):
        return "it has a control character"
    if name != name.strip():
        return "it has space at an end"
    return None


def _unquoted(part: str) -> str:
    if len(part) >= 2 and part[0] == part[-1] and part[0] in "'\"":
        return part[1:-1].strip()
    return part


def _without_comment(line: str) -> str:
    for at, character in enumerate(line):
        if character == "#" and (at == 0 or line[at - 1].isspace()):
            return line[:at].strip()
    return line.strip()
