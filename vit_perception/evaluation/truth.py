# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Ground truth of a comparison: objects that count, and regions that are ignored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Any

from vit_perception.evaluation.dataset import Dataset


@dataclass(frozen=True, slots=True)
class Truth:
    """COCO's objects for one comparison.

    Attributes:
        objects: annotations to find.
        regions: annotations on which detections of the same category are ignored.
        wide_regions: annotations on which detections of any category are ignored.
        categories: ids of the categories with an object, ascending.
    """

    objects: tuple[dict[str, Any], ...]
    regions: tuple[dict[str, Any], ...]
    wide_regions: tuple[dict[str, Any], ...]
    categories: tuple[int, ...]

    def annotations(
        self, categories: Sequence[int], found: Set[tuple[int, int]]
    ) -> list[dict[str, Any]]:
        """Returns objects of these categories and, as COCO's crowds, regions; ids from 1.

        Args:
            categories: ids.
            found: (picture, category) of all detections; wide regions elsewhere are left out.
        """
        wanted = set(categories)
        chosen = [a for a in self.objects if a["category_id"] in wanted]
        chosen += [{**a, "iscrowd": 1} for a in self.regions if a["category_id"] in wanted]
        chosen += [
            {**a, "iscrowd": 1, "category_id": category}
            for a in self.wide_regions
            for category in categories
            if (a["image_id"], category) in found
        ]
        return [{**annotation, "id": number} for number, annotation in enumerate(chosen, start=1)]

    def as_one(self, category: int) -> Truth:
        """Returns the same objects and regions under a single category."""
        objects, regions = (
            tuple({**a, "category_id": category} for a in annotations)
            for annotations in (self.objects, (*self.regions, *self.wide_regions))
        )
        return Truth(objects, regions, (), (category,) if objects else ())


def lenient(data: Dataset, part: str | None) -> Truth:
    """Returns the truth of one part (None: all); detections on objects of others are ignored.

    Those objects are regions for every category.
    """
    objects, others = _divided(data, part)
    hidden = tuple(a for a in others if a["iscrowd"])
    wide = tuple(a for a in others if not a["iscrowd"])
    return Truth(objects, hidden, wide, _categories(data, objects))


def strict(data: Dataset, part: str | None) -> Truth:
    """Returns the truth of one part (None: all); ignores only the same names in other parts.

    A box on any other object is a false positive, like one on the background.
    """
    objects, others = _divided(data, part)
    return Truth(objects, others, (), _categories(data, objects))


def apart(data: Dataset, categories: Iterable[int], alike: Iterable[Sequence[int]]) -> Truth:
    """Returns the truth of some categories; those within a group of `alike` ignore each other."""
    wanted = set(categories)
    inside = [a for a in data.annotations if a["category_id"] in wanted]
    objects = tuple(a for a in inside if not a["iscrowd"])
    regions = [a for a in inside if a["iscrowd"]]
    for group in alike:
        regions += [
            {**a, "category_id": category}
            for a in inside
            for category in group
            if a["category_id"] in group and a["category_id"] != category
        ]
    return Truth(objects, tuple(regions), (), tuple(sorted({a["category_id"] for a in objects})))


def _divided(
    data: Dataset, part: str | None
) -> tuple[tuple[dict[str, Any], ...], tuple[dict[str, Any], ...]]:
    """Returns the objects that count and the others; mostly hidden ones (iscrowd) never count."""
    counts = [not a["iscrowd"] and part in (None, a["part"]) for a in data.annotations]
    pairs = list(zip(data.annotations, counts, strict=True))
    return tuple(a for a, yes in pairs if yes), tuple(a for a, yes in pairs if not yes)


def _categories(data: Dataset, objects: Iterable[dict[str, Any]]) -> tuple[int, ...]:
    return tuple(sorted({a["category_id"] for a in objects} & data.asked))
