# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads and checks what all JSON files with COCO's three lists share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vit_perception.evaluation.errors import EvaluationError
from vit_perception.input.file import InputError
from vit_perception.input.json_file import read_large_json
from vit_perception.wording import shown, shown_path

ANNOTATIONS = "annotations.json"
"""Name of the file in a dataset's folder."""
MAX_BYTES = 2 * 2**30
"""LVIS v1's file for training has 1.1 GB; reading it takes about six times as much memory."""


def read_document(path: Path) -> dict[str, Any]:
    """Returns a JSON file with COCO's three lists.

    Raises:
        EvaluationError: the file cannot be read, has more than MAX_BYTES, is no JSON, or lacks a
            list.
    """
    try:
        document = read_large_json(path, MAX_BYTES)
    except InputError as error:
        raise EvaluationError(str(error)) from None
    if not isinstance(document, dict):
        raise EvaluationError(f"{shown_path(path)}: expected COCO keys, found {shown(document)}")
    missing = {"images", "annotations", "categories"} - document.keys()
    if missing:
        raise EvaluationError(
            f"{shown_path(path)}: expected COCO keys, found no {', '.join(sorted(missing))}"
        )
    return document


@contextmanager
def reading(path: Path, form: str = "COCO") -> Iterator[None]:
    """Names the file in what is found wrong with its entries.

    Raises:
        EvaluationError: entries do not fit, or are of another kind.
    """
    try:
        yield
    except EvaluationError as error:
        raise EvaluationError(f"{shown_path(path)}: {error}") from None
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise EvaluationError(
            f"{shown_path(path)}: expected {form} entries, found {shown(error)}"
        ) from error


def entries(document: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Returns the list of mappings under one of COCO's keys.

    Raises:
        EvaluationError: the value is no such list; the message lacks the name of the file.
    """
    found = document[key]
    if not isinstance(found, list):
        raise EvaluationError(f"{key}: expected a list, as COCO has, found {shown(found)}")
    for entry in found:
        if not isinstance(entry, dict):
            raise EvaluationError(f"{key}: expected COCO entries, found {shown(entry)}")
    return found


def check_once(what: str, values: Sequence[object]) -> None:
    """Refuses repeated values, such as ids.

    Raises:
        EvaluationError: a value is repeated; names the first one, the message lacks the file.
    """
    twice = [value for value, count in Counter(values).items() if count > 1]
    if twice:
        raise EvaluationError(f"expected every {what} once, found {shown(twice[0])} again")


def check_limit(limit: int | None) -> None:
    """Refuses a number of pictures below 1.

    Raises:
        EvaluationError: the number is below 1.
    """
    if limit is not None and limit < 1:
        raise EvaluationError(f"limit: expected at least 1 picture, found {limit}")
