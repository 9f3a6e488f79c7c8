# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The figures of saying and showing: average precision, and boxes for things that are absent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from vit_perception.evaluation.coco import DETECTIONS_PER_CATEGORY
from vit_perception.evaluation.false_alarms import DETECTIONS
from vit_perception.evaluation.library import compare
from vit_perception.evaluation.results import Found, Progress
from vit_perception.evaluation.shots import (
    NAMES_AT_ONCE,
    WAYS,
    Seen,
    by_saying,
    by_showing,
    chosen,
    drawn,
)
from vit_perception.evaluation.things import Things
from vit_perception.evaluation.truth import Truth, strict

ALL = "all"
"""The row of all parts together."""

Figures = dict[str, float | None]


def evaluate_shots(
    things: Things,
    seen: Seen,
    *,
    shots: Sequence[int],
    seeds: int,
    score_threshold: float,
    iou_threshold: float,
    shown_power: float = 1.0,
    at_once: int = NAMES_AT_ONCE,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Measures how well things are found by saying, by showing, and by both.

    A box on any other object is false, see `truth.strict`. A false alarm is a box of at least
    `score_threshold` under a name that has examples, in a picture that does not hold the thing,
    not even mostly hidden.

    Args:
        things: what is shown and looked for.
        seen: of these things.
        shots: numbers of examples.
        seeds: draws of the examples, from seed 0 on; figures are their means.
        score_threshold: the least score that a robot publishes.
        iou_threshold: of the suppression.
        shown_power: of the bundle.
        at_once: the most things that are taught together.
        progress: called with (done, all) after every draw.

    Returns:
        `dataset`, `pictures`, `things` (asked for), `shown_things` (with an example), `boxes` that
        may show a thing, `refused_boxes` in which the detector sees nothing, `seeds`,
        `things_at_once`, `score_threshold` and `parts`: ALL and each part → `objects`, `things`
        (with objects that count), `said` and `shots`: K → `fewer` (things with less than K
        examples in some picture) and each of WAYS. Those are mappings: `AP50`, `alarms` (false
        boxes for each picture and absent thing), `alarmed` (share of these with one) and, of
        shown things, `AP50_seeds`. `names` has the AP50 of each thing: `said`, and K → shown.
    """
    data = things.data
    parts: dict[str, str | None] = {ALL: None} | {part: part for part in data.parts()}
    truths = {title: strict(data, part) for title, part in parts.items()}
    truths = {title: truth for title, truth in truths.items() if truth.categories}
    orders = drawn(things, seen.examples, 0)
    asked = frozenset(key for key, order in orders.items() if order)

    def judged(found: Sequence[Found]) -> dict[str, dict[str, Any]]:
        return _judged(things, truths, asked, found, score_threshold)

    said = judged(by_saying(things, seen, iou_threshold))
    runs: dict[int, dict[str, list[dict[str, dict[str, Any]]]]] = {
        count: {way: [] for way in WAYS} for count in shots
    }
    done = 0
    for count, ways in runs.items():
        for seed in range(seeds):
            found = by_showing(
                things,
                seen,
                shots=count,
                seed=seed,
                iou_threshold=iou_threshold,
                shown_power=shown_power,
                at_once=at_once,
            )
            for way, some in found.items():
                ways[way].append(judged(some))
            done += 1
            if progress is not None:
                progress(done, seeds * len(runs))
    return {
        "dataset": data.directory.name,
        "pictures": len(data.pictures),
        "things": len(data.asked),
        "shown_things": len(asked),
        "boxes": sum(map(len, things.boxes.values())),
        "refused_boxes": sum(map(len, things.boxes.values())) - len(seen.examples),
        "seeds": seeds,
        "things_at_once": at_once,
        "score_threshold": score_threshold,
        "parts": {
            title: {
                "objects": sum(a["category_id"] in truth.categories for a in truth.objects),
                "things": len(truth.categories),
                "said": _figures([said[title]]),
                "shots": {
                    str(count): {"fewer": _fewer(things, orders, truth, count)}
                    | {way: _mean([run[title] for run in some]) for way, some in ways.items()}
                    for count, ways in runs.items()
                },
            }
            for title, truth in truths.items()
        },
        "names": {
            data.categories[key]: {"said": said[ALL]["names"][key]}
            | {
                str(count): _average(run[ALL]["names"][key] for run in ways["shown"])
                for count, ways in runs.items()
            }
            for key in (truths[ALL].categories if ALL in truths else ())
        },
    }


def _judged(
    things: Things,
    truths: Mapping[str, Truth],
    shown: frozenset[int],
    found: Sequence[Found],
    threshold: float,
) -> dict[str, dict[str, Any]]:
    """Returns the figures of one way to find things, by part; `names` are by category."""
    curves = compare(things.data, found, list(truths.values()), [DETECTIONS_PER_CATEGORY])
    rows: dict[str, dict[str, Any]] = {}
    for (title, truth), curve in zip(truths.items(), curves, strict=True):
        inside = shown if title == ALL else shown & set(truth.categories)
        names = {} if curve is None else curve.average_precisions_at_50()
        rows[title] = {
            "AP50": _average(names.values()),
            "names": names,
            **_alarms(things, inside, found, threshold),
        }
    return rows


def _alarms(
    things: Things, names: frozenset[int], found: Sequence[Found], threshold: float
) -> Figures:
    held: dict[int, set[int]] = {picture.id: set() for picture in things.data.pictures}
    for each in things.data.annotations:
        held[each["image_id"]].add(each["category_id"])
    pairs = boxes = alarmed = 0
    for one in found:
        absent = names - held[one.picture]
        published = one.categories[one.scores >= threshold][:DETECTIONS]
        false = published[np.isin(published, list(absent))]
        pairs += len(absent)
        boxes += len(false)
        alarmed += len(np.unique(false))
    return {
        "alarms": boxes / pairs if pairs else None,
        "alarmed": alarmed / pairs if pairs else None,
    }


def _fewer(things: Things, orders: Mapping[int, Any], truth: Truth, count: int) -> int:
    """Returns the number of things with less than `count` examples in some picture."""
    return len(
        {
            each["category_id"]
            for each in truth.objects
            if each["category_id"] in truth.categories
            and len(chosen(orders[each["category_id"]], things.scenes[each["image_id"]], count))
            < count
        }
    )


def _mean(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Returns the means of several draws; None without any."""
    if not runs:
        return None
    return {**_figures(runs), "AP50_seeds": [run["AP50"] for run in runs]}


def _figures(runs: Sequence[Mapping[str, Any]]) -> Figures:
    return {key: _average(run[key] for run in runs) for key in ("AP50", "alarms", "alarmed")}


def _average(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
