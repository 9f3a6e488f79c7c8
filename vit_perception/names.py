# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Checks names to look for and reads lists of them; needs no numpy."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from vit_perception.input.file import InputError, read_text
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

_OPENING_QUOTE = re.compile(r"""\s*(["'“‘])""")
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’"}
# Semicolons, bars, bullets and the commas of other scripts; a dot or slash that stands alone.
_SEPARATORS = re.compile(r"[;|•，、；،؛]|(?<!\S)[./·](?!\S)")
# In "can. box. bottle." each of them ends a name.
_DOTS = re.compile(r"\.(?!\S)")
# Behind a number it means inches.
_STRAY_QUOTE = re.compile(r'(?<![0-9])"|[“”]')


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

    A name in quotes may have any character, also a comma: `"cup, red", spoon`. Without quotes,
    what other programs put between names is refused: a dot, semicolon, bar or slash that stands
    alone. Inside a word a dot or slash is part of the name: `3.5 mm jack`, `no. 5`, `and/or`.

    Raises:
        VocabularyError: brackets or quotes do not close, another separator than the comma, or see
            `checked_names`.
    """
    # Told before the text is taken apart, which would hold up a node.
    if len(text) > MAX_NAMES * (MAX_NAME_LENGTH + 4) or text.count(",") > 8 * MAX_NAMES:
        raise VocabularyError(f"names: expected 1..{MAX_NAMES}, found more")
    inner = text.strip()
    if inner[:1] == "[" or inner[-1:] == "]":
        if not (len(inner) >= 2 and inner[0] == "[" and inner[-1] == "]"):
            raise VocabularyError(f"names: expected [a, b], found {shown(text)}")
        inner = inner[1:-1].strip()
    if not inner:
        raise VocabularyError(f"names: expected at least one, found {shown(text)}")
    return checked_names(_parts(inner))


def names_from_file(path: str | Path) -> tuple[str, ...]:
    """Reads names from a UTF-8 text file, one per line; empty lines are skipped.

    `#` at the start of a line or after a space begins a comment. Quotes around a name are left
    out; without them, the separators that `parse_names` refuses are refused here too.

    Raises:
        VocabularyError: names the file; it is unreadable, too large or not UTF-8, its only line
            is a list, or see `checked_names`.
    """
    path = Path(path)
    try:
        text = read_text(path, _MAX_FILE_BYTES)
    except InputError as error:
        raise VocabularyError(str(error)) from error
    try:
        return checked_names(_lines(text))
    except VocabularyError as error:
        raise VocabularyError(f"{shown_path(path)}: {error}") from error


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


def _parts(text: str) -> list[str]:
    """Returns the names between the commas of a line, without their quotes."""
    names: list[str] = []
    at = 0
    while at <= len(text):
        quotes = _OPENING_QUOTE.match(text, at)
        if quotes is not None:
            name, end = _quoted(text, quotes.end(), _QUOTES[quotes[1]])
        else:
            end = text.find(",", at)
            end = len(text) if end < 0 else end
            name = text[at:end].strip()
            _refuse_separators(name)
            _refuse_halves(name)
        names.append(name)
        at = end + 1
    return names


def _quoted(text: str, at: int, closing: str) -> tuple[str, int]:
    """Returns the name in quotes that begins at `at`, and where its comma or the text's end is."""
    # Inside a name the same character may be an apostrophe or inches.
    found = re.compile(rf"(?<!\\){closing}\s*(,|$)").search(text, at)
    if found is None:
        raise VocabularyError(
            f"names: expected {closing} and a comma, or the end, behind a name in quotes, "
            f"found {shown(text[at - 1 :])}"
        )
    return text[at : found.start()].replace(f"\\{closing}", closing).strip(), found.start(1)


def _refuse_separators(name: str) -> None:
    """Refuses a name without quotes that seems to be a list in the form of another program."""
    separators = _DOTS if len(_DOTS.findall(name)) > 1 else _SEPARATORS
    found = separators.search(name)
    if found is not None:
        pieces = [piece.strip() for piece in separators.split(name) if piece.strip()]
        raise VocabularyError(
            f"names: expected {shown(', '.join(pieces) or 'can, box, bottle')}, "
            f"found {shown(name)} (a name that has {shown(found[0].strip())} needs quotes)"
        )


def _refuse_halves(name: str) -> None:
    """Refuses half of a pair of brackets or quotes; the other is behind the comma or absent."""
    for opening, closing in ("()", "[]", "{}"):
        if name.count(opening) != name.count(closing):
            raise VocabularyError(
                f"names: expected {opening} and {closing} in the same name, found {shown(name)} "
                "(a name that has a comma needs quotes)"
            )
    if len(_STRAY_QUOTE.findall(name)) % 2:
        raise VocabularyError(f"names: expected quotes around a name, found {shown(name)}")


def _lines(text: str) -> list[str]:
    """Returns the names of a file's lines, without their quotes."""
    names: list[str] = []
    lines = [name for line in text.splitlines() if (name := _without_comment(line))]
    for line in lines:
        if len(line) > 1 and _QUOTES.get(line[0]) == line[-1]:
            names.append(line[1:-1].strip())
            continue
        _refuse_separators(line)
        if len(lines) == 1 and "," in line:
            raise VocabularyError(
                f"names: expected one name a line, found {shown(line)} "
                "(a name that has ',' needs quotes)"
            )
        names.append(line)
    return names


def _without_comment(line: str) -> str:
    for at, character in enumerate(line):
        if character == "#" and (at == 0 or line[at - 1].isspace()):
            return line[:at].strip()
    return line.strip()
