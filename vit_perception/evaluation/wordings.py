# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Asks for the same objects in other words, which training has not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vit_perception.document import Document
from vit_perception.evaluation.coco import DETECTIONS_PER_CATEGORY
from vit_perception.evaluation.dataset import Dataset, read_frame
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.library import compare
from vit_perception.evaluation.pairs import Asker
from vit_perception.evaluation.results import Found, Progress, found
from vit_perception.evaluation.truth import apart
from vit_perception.wording import shown

Wordings = dict[str, dict[str, str]]
"""Kind of wording → category → phrase."""


def load_wordings(path: Path) -> Wordings:
    """Reads a YAML mapping: kind → {category: phrase}.

    Raises:
        DocumentError: the file has another form.
    """
    document = Document.load(path)
    return {kind: document.texts_by_text(kind) for kind in document.top_keys()}


def renamed(
    data: Dataset, phrases: Mapping[str, str]
) -> tuple[tuple[str, ...], dict[str, tuple[int, ...]]]:
    """Returns the names to ask for, and the categories of each.

    Args:
        data: the dataset; categories that are not asked for or have no object are not renamed.
        phrases: category → phrase; several categories may share one.

    Returns:
        Names in the order of the dataset's, each once, with phrases in place of their categories;
        and name → ids of the categories it replaces, none for the other names.

    Raises:
        EvaluationError: a phrase is already a name of the dataset.
    """
    present = {data.categories[a["category_id"]] for a in data.annotations if not a["iscrowd"]}
    taken = {_folded(name): name for name in data.names}
    targets: dict[str, tuple[int, ...]] = {}
    for key in sorted(data.asked):
        name = data.categories[key]
        phrase = phrases.get(name) if name in present else None
        if phrase is None:
            targets[name] = ()
        elif _folded(phrase) in taken:
            raise EvaluationError(
                f"wordings: {shown(name)}: expected words that are no name of the dataset, "
                f"found {shown(phrase)}"
            )
        else:
            targets[phrase] = (*targets.get(phrase, ()), key)
    return tuple(targets), targets


def evaluate_wordings(
    data: Dataset,
    own: Sequence[Found],
    ask: Asker,
    wordings: Wordings,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Asks for some categories in other words, and for the others by their names.

    Categories that share a phrase ignore each other's objects, under their own names and under
    the phrase.

    Args:
        data: the dataset.
        own: detections under the dataset's names, one entry per picture.
        ask: turns a vocabulary into a predictor with a score threshold near 0.
        wordings: see `load_wordings`.
        progress: called with (done, all) after every picture, over all kinds.

    Returns:
        Kind → `categories`, `objects`, `AP50_own` and `AP50_other` (means over the categories),
        and `names`: category → `phrase`, `objects`, `AP50_own`, `AP50_other`.

    Raises:
        EvaluationError: a phrase is already a name of the dataset.
    """
    plans = {kind: renamed(data, phrases) for kind, phrases in wordings.items()}
    report: dict[str, Any] = {}
    total = len(plans) * len(data.pictures)
    done = 0
    for kind, (names, targets) in plans.items():
        predict = ask(names)
        others: list[Found] = []
        for picture in data.pictures:
            others.append(found(picture.id, predict(read_frame(picture)), targets))
            done += 1
            if progress is not None:
                progress(done, total)
        report[kind] = _compared(data, own, others, targets)
    return report


def _compared(
    data: Dataset,
    own: Sequence[Found],
    others: Sequence[Found],
    targets: Mapping[str, Sequence[int]],
) -> dict[str, Any]:
    phrases = {key: phrase for phrase, keys in targets.items() for key in keys}
    truth = apart(data, phrases, [keys for keys in targets.values() if len(keys) > 1])
    names: dict[str, dict[str, Any]] = {
        data.categories[key]: {
            "phrase": phrases[key],
            "objects": sum(a["category_id"] == key for a in truth.objects),
        }
        for key in truth.categories
    }
    for column, results in (("AP50_own", own), ("AP50_other", others)):
        (curves,) = compare(data, results, [truth], [DETECTIONS_PER_CATEGORY])
        for key, value in ({} if curves is None else curves.average_precisions_at_50()).items():
            names[data.categories[key]][column] = value
    row: dict[str, Any] = {
        "categories": len(names),
        "objects": len(truth.objects),
    }
    for column in ("AP50_own", "AP50_other"):
        row[column] = sum(one[column] for one in names.values()) / len(names) if names else None
    return row | {"names": names}


def _folded(name: str) -> str:
    """Returns the name as an uncased text encoder sees it."""
    return " ".join(name.lower().split())
