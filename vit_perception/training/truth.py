# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Decides which phrases are true of which objects.

A phrase is true of an object, false, or undecided (an unlisted synonym, a neighbouring colour).
Undecided pairs are left out of the class loss, so that nothing false is learned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray
TRUE, FALSE, UNDECIDED = 1, 0, -1

SYNONYM_COSINE = 0.72
"""Cosine above which a noun might be an unlisted synonym of another.

Such pairs are undecided.
"""

NEIGHBOURS = (
    {"grey", "silver", "black"},
    {"grey", "silver", "white"},
    {"beige", "cream", "tan", "white"},
    {"beige", "tan", "brown", "gold"},
    {"yellow", "gold", "orange"},
    {"orange", "red", "brown"},
    {"pink", "red", "purple"},
    {"blue", "light blue", "teal"},
    {"green", "teal"},
    {"blue", "purple"},
)
"""Colour words that people use for each other's shades."""

FOREIGN_COSINE = 0.55
"""The same for a name of another source."""

AKIN = (
    {"box", "carton", "package", "parcel", "container", "case", "packet", "crate"},
    {"can", "tin", "canister", "container"},
    {"bottle", "jug", "jar", "container", "pitcher", "dispenser"},
    {"cup", "mug", "glass", "tumbler", "goblet", "tub", "beaker"},
    {"bag", "packet", "wrapper", "pouch", "sachet"},
    {"tray", "pan", "dish", "plate", "bowl", "container"},
    {"wrench", "spanner", "ratchet"},
)
"""Words that people use for each other's things; sources draw the line at different places."""

MATERIAL_WORDS = {
    "plastic": "plastic",
    "metal": "metal",
    "ceramic": "ceramic",
    "porcelain": "porcelain",
    "cardboard": "cardboard",
    "wood": "wooden",
    "glass": "glass",
    "rubber": "rubber",
    "leather": "leather",
    "paper": "paper",
    "fabric": "cloth",
}
"""Materials that phrases mention, and the word for each."""

# fmt: off
HEAD_NOUNS = frozenset(
    {
        "box", "can", "bottle", "cup", "jar", "bowl", "bag", "carton",
        "tin", "tube", "plate", "mug", "pan", "pot", "book", "ball",
        "knife", "spoon", "fork", "spatula", "shoe", "boot", "brush", "basket",
        "tray", "hammer",
    }
)
"""Nouns that also name any category ending in them: a pastry box is a box."""
# fmt: on
NOT_THEIR_HEAD = frozenset({"trash can", "garbage can", "oil can", "watering can"})
"""Categories that end in such a noun but are not called by it."""


@dataclass(frozen=True)
class Described:
    """What a data set tells about one object: names (category first), colours (main first).

    Names of one source tell its objects apart; nothing is known of the names of another one.
    """

    names: tuple[str, ...]
    colours: tuple[str, ...]
    material: str
    caption: str
    source: int = 0

    @classmethod
    def of(cls, annotation: Mapping[str, Any], source: int = 0) -> Described:
        """Reads a COCO annotation with the extra keys of `vit_perception.scenes`.

        The head noun of the category is added to the names.

        Args:
            source: of the names, see `pictures.Picture`.
        """
        names: tuple[str, ...] = tuple(annotation["names"])
        return cls(
            tuple(dict.fromkeys(names + tuple(h for h in map(_head, names[:1]) if h))),
            tuple(annotation.get("colours") or ()),
            str(annotation.get("material") or ""),
            str(annotation.get("caption") or ""),
            source,
        )


def _head(name: str) -> str:
    """Returns the head noun of a category, 'box' for 'box of soap' and 'soap box'; or empty."""
    word = name.split(" of ")[0].split()[-1] if name else ""
    return word if word in HEAD_NOUNS and name not in NOT_THEIR_HEAD else ""


@dataclass(frozen=True)
class Phrase:
    """A noun with at most one colour, material or whole caption."""

    noun: str
    colour: str = ""
    material: str = ""
    caption: str = ""

    @property
    def text(self) -> str:
        if self.caption:
            return self.caption
        return " ".join(word for word in (self.colour or self.material, self.noun) if word)


def judge(
    descriptions: Sequence[Described],
    phrases: Sequence[Phrase],
    encode: Callable[[Sequence[str]], Array],
) -> Array:
    """Returns truth int8 [descriptions, phrases] of noun, colour, material and caption."""
    named = [p.noun for p in phrases] + [n for d in descriptions for n in d.names]
    nouns = tuple(dict.fromkeys(named))
    vectors = encode(nouns)
    cosines = vectors @ vectors.T
    phrase_nouns, phrase_colours, phrase_materials = (
        _numbered([getattr(p, kind) for p in phrases], values)
        for kind, values in (("noun", nouns), ("colour", None), ("material", None))
    )
    sources = _sources(descriptions)
    by_names: dict[tuple[int, tuple[str, ...]], Array] = {}
    truth = np.empty((len(descriptions), len(phrases)), np.int8)
    is_caption = np.array([bool(p.caption) for p in phrases])
    for row, described in enumerate(descriptions):
        key = (described.source, described.names)
        if key not in by_names:
            by_names[key] = _noun_truth(described, nouns, cosines, sources)
        noun = by_names[key][phrase_nouns[0]]
        colour = np.array([colour_truth(described.colours, w) for w in phrase_colours[1]])
        material = np.array([_material_truth(described.material, w) for w in phrase_materials[1]])
        # Captions were not judged for other objects than their own.
        rest = np.minimum.reduce(
            [
                _order(colour[phrase_colours[0]]),
                _order(material[phrase_materials[0]]),
                np.where(is_caption, _order(np.array(UNDECIDED)), _order(np.array(TRUE))),
                _order(noun),
            ]
        )
        truth[row] = np.array([FALSE, UNDECIDED, TRUE])[rest]
    return truth


def _order(truth: Array) -> Array:
    """Returns the rank for 'and': false outweighs undecided, which outweighs true."""
    return np.where(truth == FALSE, 0, np.where(truth == UNDECIDED, 1, 2))


def _numbered(words: Sequence[str], values: Sequence[str] | None) -> tuple[Array, Sequence[str]]:
    """Returns the index of each word among the distinct ones, and these."""
    distinct = values if values is not None else tuple(dict.fromkeys(words))
    number = {word: index for index, word in enumerate(distinct)}
    return np.array([number[word] for word in words]), distinct


@dataclass(frozen=True)
class _Source:
    """The names of all objects of a source, and those that come first."""

    names: frozenset[str]
    categories: frozenset[str]


def _sources(descriptions: Sequence[Described]) -> dict[int, _Source]:
    found = {}
    for number in {described.source for described in descriptions}:
        own = [described.names for described in descriptions if described.source == number]
        found[number] = _Source(
            frozenset(name for names in own for name in names),
            frozenset(names[0] for names in own),
        )
    return found


def _noun_truth(
    described: Described, nouns: Sequence[str], cosines: Array, sources: Mapping[int, _Source]
) -> Array:
    """Returns the truth of every noun for an object.

    The name of another category of its source is false unless the object lists it: categories are
    meant to differ, however similar their words are. A noun of other sources alone is false if it
    names a thing of quite another kind.
    """
    names, source = described.names, sources[described.source]
    own = [index for index, noun in enumerate(nouns) if noun in names]
    near = cosines[nouns.index(names[0])]
    truth = np.where(near > SYNONYM_COSINE, UNDECIDED, FALSE)
    truth[[i for i, noun in enumerate(nouns) if _contains(names, noun)]] = UNDECIDED
    truth[[i for i, noun in enumerate(nouns) if noun in source.categories]] = FALSE
    foreign = {name for each in sources.values() for name in each.names} - source.names
    kinds = {last_word(name) for each in sources.values() for name in each.categories}
    heads = {last_word(name) for name in names}
    for index, noun in enumerate(nouns):
        if noun in foreign and (
            last_word(noun) not in kinds  # a wide word, such as tool
            or near[index] > FOREIGN_COSINE
            or any(_akin(head, last_word(noun)) for head in heads)
        ):
            truth[index] = UNDECIDED
    truth[own] = TRUE
    return truth


def last_word(name: str) -> str:
    """Returns what a thing is: 'box' for 'box of soap' and 'soap box'."""
    return (name.split(" of ")[0].split() or [""])[-1]


def _akin(first: str, second: str) -> bool:
    return first == second or any({first, second} <= group for group in AKIN)


def _contains(names: Iterable[str], noun: str) -> bool:
    """Returns whether a name is a kind of ``noun``: 'soda can' of 'can', 'box of x' of 'box'."""
    return any(name.endswith(" " + noun) or name.startswith(noun + " of ") for name in names)


def _material_truth(material: str, word: str) -> int:
    """Returns the truth of ``word`` for an object of this material; no word is always true."""
    if not word:
        return TRUE
    mine = MATERIAL_WORDS.get(material, "")
    if not mine or {mine, word} <= {"ceramic", "porcelain", "glass"}:
        return TRUE if mine == word else UNDECIDED
    return TRUE if mine == word else FALSE


def colour_truth(colours: Sequence[str], word: str) -> int:
    """Returns the truth of ``word`` for an object of these colours (main first); none is true."""
    if not word:
        return TRUE
    if not colours:
        return UNDECIDED
    if word == colours[0]:
        return TRUE
    if word in colours or any({word, colours[0]} <= group for group in NEIGHBOURS):
        return UNDECIDED
    return FALSE
