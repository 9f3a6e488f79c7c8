# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The phrases of a data set, embedded, with their truth for each object."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from vit_perception.bundle.regions_file import ANYTHING
from vit_perception.training.truth import (
    FALSE,
    MATERIAL_WORDS,
    TRUE,
    Described,
    Phrase,
    judge,
)

Array = np.ndarray


@dataclass(frozen=True)
class PhraseBook:
    """All phrases of a data set, their embeddings, and their truth for each description.

    Attributes:
        texts: phrases, unique.
        embeddings: float32 [P, D] unit length.
        descriptions: the distinct objects.
        truth: int8 [descriptions, P].
        category: int64 [descriptions], phrase of the category name.
        spoken: per description and kind (name, colour, material, caption) its true phrases.
        coloured: bool [P], phrases that may contain a colour.
        category_phrases: int64 [categories], phrases that are category names.
        anything: the phrase that is true of every object, or None.
        rivals: per description, false phrases that are close to true ones: near names; and its
            own names, or captions of similar objects, with another colour or material.
    """

    texts: tuple[str, ...]
    embeddings: Array
    descriptions: tuple[Described, ...]
    truth: Array
    category: Array
    spoken: tuple[tuple[tuple[int, ...], ...], ...]
    coloured: Array
    category_phrases: Array
    anything: int | None
    rivals: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]


def build_phrase_book(
    descriptions: Sequence[Described],
    encode: Callable[[Sequence[str]], Array],
    *,
    anything: bool = False,
) -> PhraseBook:
    """Collects the phrases of a data set and judges them.

    Args:
        descriptions: the distinct objects of the data set.
        encode: maps phrases to float32 [N, D], unit length.
        anything: adds the name for anything.
    """
    unique = tuple(dict.fromkeys(descriptions))
    kinds = [_phrases_of(described) for described in unique]
    table: dict[str, Phrase] = {}
    for phrase in (p for groups in kinds for group in groups for p in group):
        table.setdefault(phrase.text, phrase)
    if anything:
        table.setdefault(ANYTHING, Phrase(ANYTHING))
    texts = tuple(table)
    phrases = tuple(table.values())
    number = {text: index for index, text in enumerate(texts)}
    truth = judge(unique, phrases, encode)
    spoken = tuple(
        tuple(tuple(number[p.text] for p in group) for group in groups) for groups in kinds
    )
    for row, groups in zip(truth, spoken, strict=True):
        row[[index for group in groups for index in group]] = TRUE
    if anything:
        # Also where the data have objects of that name.
        truth[:, number[ANYTHING]] = TRUE
    embeddings = encode(texts)
    categories = sorted({number[d.names[0]] for d in unique})
    return PhraseBook(
        texts=texts,
        embeddings=embeddings,
        descriptions=unique,
        truth=truth,
        category=np.array([number[d.names[0]] for d in unique]),
        spoken=spoken,
        coloured=np.array([bool(p.colour or p.caption) for p in phrases]),
        category_phrases=np.array(categories),
        anything=number[ANYTHING] if anything else None,
        rivals=_rivals(unique, phrases, truth, embeddings, np.array(categories)),
    )


def _phrases_of(described: Described) -> tuple[tuple[Phrase, ...], ...]:
    """Returns the phrases that are true of an object, by kind: name, colour, material, caption."""
    names = tuple(Phrase(name) for name in described.names)
    colour = described.colours[0] if described.colours else ""
    coloured = tuple(
        Phrase(name, colour=colour) for name in described.names if colour and colour not in name
    )
    word = MATERIAL_WORDS.get(described.material, "")
    made_of = tuple(
        Phrase(name, material=word) for name in described.names[:2] if word and word not in name
    )
    caption = (
        (Phrase(described.names[0], colour=colour, caption=described.caption),)
        if described.caption and described.caption not in described.names
        else ()
    )
    return names, coloured, made_of, caption


def _rivals(
    descriptions: Sequence[Described],
    phrases: Sequence[Phrase],
    truth: Array,
    embeddings: Array,
    categories: Array,
    near: int = 12,
) -> tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]:
    """Returns near names and other attributes for each description, see :class:`PhraseBook`."""
    by_noun: dict[str, list[int]] = {}
    for index, phrase in enumerate(phrases):
        if phrase.colour or phrase.material:
            by_noun.setdefault(phrase.noun, []).append(index)
    number = {phrase.text: index for index, phrase in enumerate(phrases)}
    rivals = []
    for row, described in enumerate(descriptions):
        same = [i for name in described.names for i in by_noun.get(name, ())]
        cosine = embeddings[categories] @ embeddings[number[described.names[0]]]
        order = categories[np.argsort(-cosine)]
        names = tuple(int(i) for i in order if truth[row, i] == FALSE)[:near]
        rivals.append((names, tuple(i for i in same if truth[row, i] == FALSE)))
    return tuple(rivals)
