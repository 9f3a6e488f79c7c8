# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Photographs among the training pictures: which are read, and how often each is drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vit_perception.input.file import InputError, read_text
from vit_perception.training.pictures import Array, DataError, Picture
from vit_perception.training.recipe import Recipe
from vit_perception.training.truth import Described, last_word
from vit_perception.wording import shown, shown_path

_MAX_BYTES = 2**24


@dataclass(frozen=True)
class PhotographSet:
    """A folder of photographs.

    Attributes:
        folder: data set folder.
        complete: whether all objects are labelled.
        own_names: if not, whether those are that the set has names for.
        held_out: FOLDER/FILE of photographs that are never read.
        least_box_score: pictures with a box of a lower `box_score` are left out.
    """

    folder: str
    complete: bool = True
    own_names: bool = True
    held_out: frozenset[str] = frozenset()
    least_box_score: float = 0.0

    def refuses(self, path: Path) -> bool:
        """Returns whether a picture is held out."""
        return f"{Path(self.folder).name}/{path.name}" in self.held_out

    def marked(self, picture: Picture, source: int) -> Picture:
        """Returns a picture of the set that says what is not labelled in it.

        Args:
            source: number of the set.
        """
        if self.complete:
            return replace(picture, source=source)
        whole = np.array([[0, 0, picture.width, picture.height]], np.float32)
        sources = np.array([source if self.own_names else -1], np.int64)
        labels = replace(picture.labels, regions=whole, sources=sources)
        return replace(picture, source=source, labels=labels)


def photograph_sets(recipe: Recipe) -> tuple[PhotographSet, ...]:
    """Returns the sets of photographs of a recipe, in the order of its keys.

    Raises:
        DataError: the list of what is held out cannot be read, or names a picture that a folder
            of the recipe does not have.
    """
    held_out = read_held_out(Path(recipe.held_out)) if recipe.held_out else frozenset()
    kinds = (
        (recipe.photographs, True, True),
        (recipe.photographs_by_name, False, True),
        (recipe.photographs_in_part, False, False),
    )
    sets = tuple(
        PhotographSet(folder, complete, own_names, held_out, recipe.least_box_score)
        for folders, complete, own_names in kinds
        for folder in folders
    )
    folders = {Path(each.folder).name: Path(each.folder) for each in sets}
    for name in sorted(held_out):
        folder, _, file = name.partition("/")
        if folder in folders and not (folders[folder] / "images" / file).exists():
            raise DataError(
                f"{shown_path(Path(recipe.held_out))}: expected pictures of {shown(folder)}, "
                f"found {shown(file)}, which is none"
            )
    return sets


def read_held_out(file: Path) -> frozenset[str]:
    """Returns FOLDER/FILE of the photographs in a list; lines that begin with # are remarks.

    Raises:
        DataError: it cannot be read, or has a line of another form.
    """
    try:
        lines = read_text(file, _MAX_BYTES).splitlines()
    except InputError as error:
        raise DataError(str(error)) from None
    found = set()
    for number, line in enumerate(lines, start=1):
        entry = line.strip()
        if not entry or entry.startswith("#"):
            continue
        folder, _, name = entry.partition("/")
        if not folder or not name or "/" in name:
            raise DataError(
                f"{shown_path(file)}:{number}: expected FOLDER/FILE, found {shown(entry)}"
            )
        found.add(entry)
    return frozenset(found)


def drawing_odds(pictures: Sequence[Picture], described: Sequence[Described]) -> Array:
    """Returns float64 [N], the odds of each photograph, with sum 1.

    What an object is, the last word of its category, is drawn by the root of the number of
    pictures that have it, and then one of these: rare things are seen more often, but not as
    often as common ones, of which there is more to see.

    Args:
        pictures: of photographs.
        described: descriptions, to which their labels refer.
    """
    words = [
        {last_word(described[item].names[0]) for item in picture.labels.objects}
        for picture in pictures
    ]
    counts = Counter(word for own in words for word in own)
    odds = np.array([sum(counts[word] ** -0.5 for word in sorted(own)) for own in words])
    shares: Array = odds / odds.sum()
    return shares
