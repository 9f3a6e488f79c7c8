# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Chooses the objects of a rendered scene: at random, each in turn, or pair by pair.

A chooser takes the scene's number and a random generator of the scene and returns a Choice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from vit_perception.input.file import InputError
from vit_perception.input.json_file import read_json
from vit_perception.scenes.catalogue import MOST_JSON_BYTES, Asset, CatalogueError
from vit_perception.scenes.settings import Choice
from vit_perception.wording import shown, shown_path

PACKAGING = frozenset(
    {"box", "can", "bottle", "cup", "jar", "carton", "tube", "tin", "bag", "packet", "pouch"}
)
"""Last words of the names of common packaging; drawn twice as often."""
SEVERAL = 0.3
"""Share of scenes with two or three of a kind."""
CROWDS, CROWD = 0.18, 6
"""Share of the scenes of CROWD objects or more that hold one or two objects many times."""
MOST_OTHERS = 4


@dataclass(frozen=True)
class RandomChoice:
    """Draws categories first, objects second, so that rare objects are seen too.

    A category of n objects is drawn in proportion to sqrt(n), packaging twice as often: many
    different cartons deserve more pictures than a single whisk, but not proportionally more.

    Attributes:
        assets: of all categories.
        fewest, most: objects of a scene.
        favoured: last word of categories to how many times as often they are drawn.

    Raises:
        CatalogueError: no category ends with a favoured word.
    """

    assets: tuple[Asset, ...]
    fewest: int
    most: int
    favoured: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        absent = set(self.favoured) - {last_word(group[0].category) for group in self._groups}
        if absent:
            raise CatalogueError(
                "recipe: favoured: expected last words of categories of the objects, "
                f"found {shown(sorted(absent)[0])}"
            )

    def __call__(self, number: int, rng: np.random.Generator) -> Choice:
        """Draws scene `number`."""
        groups, weights = self._groups, self._weights
        count = int(rng.integers(self.fewest, self.most + 1))
        drawn = [int(n) for n in rng.choice(len(groups), size=count, p=weights)]
        if count >= CROWD and rng.random() < CROWDS:
            # A crate of apples, a row of cartons: touching objects of a kind are hard to separate.
            kinds = [groups[n][int(rng.integers(len(groups[n])))] for n in drawn[:2]]
            return Choice(tuple(kinds[int(n)] for n in rng.integers(len(kinds), size=count)))
        if count >= 2 and rng.random() < SEVERAL and self._varied:
            same = self._varied[int(rng.integers(len(self._varied)))]
            several = min(count, int(rng.integers(2, 4)))
            drawn[:several] = [same] * several
        return Choice(tuple(groups[n][int(rng.integers(len(groups[n])))] for n in drawn))

    @cached_property
    def _groups(self) -> list[list[Asset]]:
        by_category: dict[str, list[Asset]] = defaultdict(list)
        for asset in self.assets:
            by_category[asset.category].append(asset)
        return [by_category[name] for name in sorted(by_category)]

    @cached_property
    def _weights(self) -> np.ndarray:
        weights = np.array(
            [
                np.sqrt(len(group)) * (1 + (word in PACKAGING)) * self.favoured.get(word, 1.0)
                for group in self._groups
                for word in [last_word(group[0].category)]
            ]
        )
        shares: np.ndarray = weights / weights.sum()
        return shares

    @cached_property
    def _varied(self) -> list[int]:
        """Categories whose objects differ, or can get different colours."""
        return [n for n, group in enumerate(self._groups) if len(group) > 1 or _colourful(group)]


def last_word(category: str) -> str:
    """Returns what a thing is: the box of "cereal box"."""
    return category.split()[-1]


def _colourful(group: Sequence[Asset]) -> bool:
    return any(asset.recolourable for asset in group)


@dataclass(frozen=True)
class CoveringChoice:
    """Takes every object in turn: shuffled passes over all of them, cut into scenes."""

    assets: tuple[Asset, ...]
    fewest: int
    most: int
    seed: int

    def __call__(self, number: int, rng: np.random.Generator) -> Choice:
        """Takes the next objects of the pass; `rng` is not used, so that no object is missed."""
        start = sum(self._count(earlier) for earlier in range(number))
        places = range(start, start + self._count(number))
        return Choice(tuple(self._at(place) for place in places))

    def _count(self, number: int) -> int:
        rng = np.random.default_rng([self.seed, 11, number])
        return int(rng.integers(self.fewest, self.most + 1))

    def _at(self, place: int) -> Asset:
        turn, slot = divmod(place, len(self.assets))
        order = np.random.default_rng([self.seed, 13, turn]).permutation(len(self.assets))
        return self.assets[int(order[slot])]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two objects of one category with a phrase that is true of one of them only."""

    objects: tuple[Asset, Asset]
    phrases: tuple[str, str]

    @property
    def part(self) -> str:
        """`train` if both were trained on, else `unseen`."""
        return "train" if all(asset.part == "train" for asset in self.objects) else "unseen"


@dataclass(frozen=True)
class PairChoice:
    """Scene k holds pair k and 0 to 4 objects that share no name with it."""

    assets: tuple[Asset, ...]
    pairs: tuple[Pair, ...]

    def __call__(self, number: int, rng: np.random.Generator) -> Choice:
        """Draws the other objects; the pair itself must be seen well."""
        pair = pair_of(number, self.pairs)
        taken = {name for asset in pair.objects for name in asset.names}
        others = [asset for asset in self.assets if taken.isdisjoint(asset.names)]
        count = min(int(rng.integers(0, MOST_OTHERS + 1)), len(others))
        company = rng.choice(len(others), size=count, replace=False) if count else ()
        return Choice((*pair.objects, *(others[int(n)] for n in company)), shown=2)


def pair_of(scene: int, pairs: Sequence[Pair]) -> Pair:
    """Returns the pair that scene number `scene` asks for; they repeat in order."""
    return pairs[scene % len(pairs)]


def load_pairs(roots: Sequence[Path], assets: Mapping[str, Asset]) -> tuple[tuple[Pair, ...], int]:
    """Returns `attribute_pairs` of the first split.json, sorted, and how many cannot be asked for.

    A pair cannot be asked for if neither main colour nor material differs, or if an object is not
    among `assets` (by id). Raises CatalogueError if there is no such list.
    """
    found = [root / "split.json" for root in roots if (root / "split.json").exists()]
    if not found:
        raise CatalogueError(
            f"{shown_path(roots[0])}: expected split.json with attribute_pairs, found none"
        )
    try:
        listed = read_json(found[0], MOST_JSON_BYTES)["attribute_pairs"]
        ids = sorted((str(entry["a"]), str(entry["b"])) for entry in listed)
    except InputError as error:
        raise CatalogueError(str(error)) from None
    except (KeyError, TypeError) as error:
        raise CatalogueError(
            f"{shown_path(found[0])}: expected attribute_pairs, found {shown(error)}"
        ) from None
    pairs = []
    for a, b in ids:
        phrases = _phrases(assets[a], assets[b]) if a in assets and b in assets else None
        if phrases:
            pairs.append(Pair((assets[a], assets[b]), phrases))
    return tuple(pairs), len(ids) - len(pairs)


def _phrases(a: Asset, b: Asset) -> tuple[str, str] | None:
    """Returns main colour and category of each; material and category if colours are equal."""
    for one, other in (("".join(a.colours[:1]), "".join(b.colours[:1])), (a.material, b.material)):
        if one and other and one != other:
            return f"{one} {a.category}", f"{other} {b.category}"
    return None
