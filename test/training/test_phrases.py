# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What is said of objects, and what is taught as true or false."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from test.training import toy  # noqa: E402
from vit_perception.training.phrases import PhraseBook, build_phrase_book  # noqa: E402
from vit_perception.training.truth import (  # noqa: E402
    FALSE,
    TRUE,
    UNDECIDED,
    Described,
    colour_truth,
)

pytestmark = pytest.mark.torch


def described(names: list[str], colours: list[str], material: str, caption: str) -> Described:
    return Described.of(
        {"names": names, "colours": colours, "material": material, "caption": caption}
    )


RED_MUG = described(["mug", "coffee mug"], ["red"], "ceramic", "red mug with a handle")
BLUE_MUG = described(["mug", "coffee mug"], ["blue"], "plastic", "blue mug")
CRACKERS = described(["box of crackers", "snack box"], ["red", "white"], "cardboard", "big box")
SPOON = described(["spoon"], ["brown"], "wood", "spoon for soup")


@pytest.fixture(scope="module")
def book() -> PhraseBook:
    return build_phrase_book([RED_MUG, BLUE_MUG, CRACKERS, SPOON], toy.encode)


@pytest.mark.parametrize(
    ("thing", "text", "truth"),
    [
        (RED_MUG, "mug", TRUE),
        (RED_MUG, "red mug", TRUE),
        (RED_MUG, "blue mug", FALSE),
        (RED_MUG, "ceramic mug", TRUE),
        (RED_MUG, "plastic mug", FALSE),
        (RED_MUG, "red mug with a handle", TRUE),
        (BLUE_MUG, "red mug with a handle", FALSE),
        (RED_MUG, "spoon", FALSE),
        (CRACKERS, "box", TRUE),
        (CRACKERS, "red box", TRUE),
        (CRACKERS, "red mug", FALSE),
        (SPOON, "wooden spoon", TRUE),
        (SPOON, "big box", FALSE),
    ],
)
def test_truth(book: PhraseBook, thing: Described, text: str, truth: int) -> None:
    row = book.descriptions.index(thing)
    assert book.truth[row, book.texts.index(text)] == truth


def test_what_is_said_of_an_object_is_true_of_it(book: PhraseBook) -> None:
    for row, kinds in enumerate(book.spoken):
        spoken = [index for kind in kinds for index in kind]
        assert (book.truth[row, spoken] == TRUE).all()
        rivals = [index for kind in book.rivals[row] for index in kind]
        assert rivals
        assert (book.truth[row, rivals] == FALSE).all()
    assert {book.texts[i] for i in book.category} == {"mug", "box of crackers", "spoon"}
    np.testing.assert_allclose(np.linalg.norm(book.embeddings, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("colours", "word", "truth"),
    [
        (("red",), "red", TRUE),
        (("red",), "green", FALSE),
        (("red", "white"), "white", UNDECIDED),
        (("grey",), "silver", UNDECIDED),
        ((), "red", UNDECIDED),
        (("red",), "", TRUE),
    ],
)
def test_colour_words(colours: tuple[str, ...], word: str, truth: int) -> None:
    assert colour_truth(colours, word) == truth
