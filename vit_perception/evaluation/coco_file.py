# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads and checks what all JSON files with COCO's three lists share."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vit_perception.evaluation.errors import EvaluationError
from vit_perception.wording import one_line, shown

ANNOTATIONS = "annotations.json"
"""Name of the file in a dataset's folder."""
ENCODING = "utf-8-sig"
"""UTF-8, also with a byte order mark, which programs on Windows write."""


def read_document(path: Path) -> dict[str, Any]:
    """Returns a JSON file with COCO's three lists.

    Raises:
        EvaluationError: the file cannot be read, is no JSON, or lacks a list.
    """
    try:
        document = json.loads(path.read_text(encoding=ENCODING))
    except OSError as error:
        raise EvaluationError(f"{path}: expected a COCO file, found {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise EvaluationError(f"{path}: expected JSON, found {one_line(error)}") from error
    missing = {"images", "annotations", "categories"} - set(
        document if isinstance(document, dict) else ()
    )
    if missing:
        raise EvaluationError(f"{path}: expected COCO keys, found no {', '.join(sorted(missing))}")
    assert isinstance(document, dict)
    return document


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
