# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Names that were shown: the arithmetic, and the toy that finds them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vit_perception.bundle.bundle import Bundle
from vit_perception.examples import MAX_OTHERS, Example, Examples, ExamplesError
from vit_perception.frame import Frame
from vit_perception.names import VocabularyError
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.region import Region
from vit_perception.perceiver.settings import PerceiverError, Settings
from vit_perception.perceiver.taught import (
    CALIBRATION,
    FAR_VIEW,
    FLOOR,
    HIGHEST_FLOOR,
    MOST_OTHERS,
    OBJECTNESS_POWER,
    ROWS_OF_A_BOX,
    SAME_THING,
    TEMPERATURE,
    Prototypes,
    Rows,
    example_of,
)
from vit_perception.vocabulary import Vocabulary, vocabulary_of

from ..refusals import refusal_of
from ..toy_bundle import (
    CENTRAL,
    names_found,
    toy_picture,
    toy_vocabulary,
    write_toy_bundle,
    write_toy_region_bundle,
)

SIZE = 5


def unit(*values: float) -> np.ndarray:
    row = np.zeros(SIZE, np.float32)
    row[: len(values)] = values
    return row / np.linalg.norm(row)


def none() -> np.ndarray:
    return np.zeros((0, SIZE), np.float32)


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return write_toy_region_bundle(tmp_path / "toy")


@pytest.fixture
def perceiver(bundle: Bundle) -> Perceiver:
    """Looks for a name that is nowhere."""
    return Perceiver(
        bundle, vocabulary=toy_vocabulary(("zebra",)), settings=Settings(score_threshold=0.5)
    )


def test_scores_are_those_of_a_plain_loop() -> None:
    rng = np.random.default_rng(3)

    def rows(count: int) -> np.ndarray:
        found = rng.normal(size=(count, SIZE)).astype(np.float32)
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    shown = [
        Example("b", rows(1)[0], none()),
        Example("a", rows(1)[0], rows(2)),
        Example("b", rows(1)[0], none()),
        Example("b", rows(1)[0], none(), negative=True),
        Example("c", rows(1)[0], none(), negative=True),
    ]
    prototypes = Prototypes.of(Examples("s", tuple(shown)), power=1.3)
    assert prototypes.names == ("b", "a")
    candidates = rows(7)
    objectness = rng.uniform(0.1, 1, 7).astype(np.float32)
    found = prototypes.scores(Rows(np.zeros((7, 4), np.float32), objectness, candidates))
    positive = {"b": [shown[0].embedding, shown[2].embedding], "a": [shown[1].embedding]}
    every = [row for each in positive.values() for row in each]
    others = [
        other for other in shown[1].others if max(float(other @ row) for row in every) < SAME_THING
    ]

    def weight(cosine: float) -> float:
        return float(np.exp(cosine / TEMPERATURE))

    means = {name: np.sum(each, axis=0) for name, each in positive.items()}
    means = {name: mean / np.linalg.norm(mean) for name, mean in means.items()}
    views = {
        name: [means[name], *(row for row in positive[name] if row @ means[name] < FAR_VIEW)]
        for name in positive
    }
    assert len(views["b"]) == 3  # its examples are far from each other
    for t, name in enumerate(("b", "a")):
        strangers = [*others, *positive["a" if name == "b" else "b"]]
        rival = max(float(row @ other) for row in positive[name] for other in strangers)
        floor = min(HIGHEST_FLOOR, max(FLOOR, rival))
        assert prototypes.floors[t] == pytest.approx(floor, rel=1e-5)
        for n, row in enumerate(candidates):
            best = {each: max(float(row @ view) for view in views[each]) for each in views}
            total = sum(map(weight, best.values())) + weight(floor)
            if others:
                total += weight(max(float(row @ other) for other in others))
            if name == "b":
                total += weight(float(row @ shown[3].embedding))
            share = weight(best[name]) / total
            wanted = (share * objectness[n] ** OBJECTNESS_POWER) ** (1.3 * CALIBRATION)
            assert found[n, t] == pytest.approx(wanted, rel=1e-4)


def test_what_was_beside_many_examples_is_shared_out() -> None:
    """Each frame is compared with all of it."""
    rng = np.random.default_rng(0)
    far = rng.normal(size=(MAX_OTHERS, SIZE)).astype(np.float32)
    far[:, 0] = -1
    far /= np.linalg.norm(far, axis=1, keepdims=True)
    few = Examples("s", (Example("a", unit(1), far),))
    assert len(Prototypes.of(few).others) == MAX_OTHERS
    many = Examples("s", tuple(Example(f"{n}", unit(1), far) for n in range(100)))
    assert len(Prototypes.of(many).others) == 100 * (MOST_OTHERS // 100)


def test_an_example_is_the_mean_of_the_rows_that_fit_its_box_best() -> None:
    box = np.array([10, 10, 30, 30], np.float32)
    boxes = np.array([[10, 10, 30, 30 - n] for n in range(8)] + [[60, 60, 80, 80]], np.float32)
    embeddings = np.stack([unit(1, n, 0) for n in range(8)] + [unit(0, 0, 1)])
    rows = Rows(boxes, np.full(9, 0.5, np.float32), embeddings)
    example = example_of(rows, box, "mug")
    mean = embeddings[:ROWS_OF_A_BOX].mean(axis=0)
    np.testing.assert_allclose(example.embedding, mean / np.linalg.norm(mean), atol=1e-6)
    np.testing.assert_allclose(example.others, embeddings[8:], atol=1e-6)


def test_a_surer_row_is_taken_before_one_that_fits_a_little_better() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9]] + [[0, 0, 10, 4]] * 8, np.float32)
    objectness = np.array([0.01, 0.9] + [0.001] * 8, np.float32)
    embeddings = np.stack([unit(1)] + [unit(0, 1)] + [unit(0, 0, 1)] * 8)
    best = example_of(Rows(boxes, objectness, embeddings), boxes[0], "mug").embedding
    assert best[1] == pytest.approx(best[0], abs=1e-5)  # both are among the five, none is first


def test_a_box_beside_every_object_is_refused() -> None:
    rows = Rows(np.array([[0, 0, 9, 9]], np.float32), np.ones(1, np.float32), unit(1)[None])
    told = refusal_of(PerceiverError, lambda: example_of(rows, rows.boxes[0] + 20, "mug"))
    assert "'mug': expected a box around a thing that the detector sees, found none at" in told


def test_a_thing_is_found_by_the_name_it_was_shown_with(perceiver: Perceiver) -> None:
    first, boxes = toy_picture(64, 96, {"red": (0, 1), "green": (3, 4)})
    assert names_found(perceiver, first) == []
    example = perceiver.teach(first, boxes["red"], "my mug")
    assert example.name == "my mug"
    assert perceiver.vocabulary.names == ("zebra", "my mug")
    assert (perceiver.vocabulary.said, perceiver.vocabulary.shown) == (("zebra",), ("my mug",))
    assert perceiver.vocabulary.version == 1
    second, boxes = toy_picture(64, 96, {"red": (6, 9), "blue": (2, 2), "green": (0, 0)})
    found = perceiver(Frame(second))
    assert [each.name for each in found] == ["my mug"]
    np.testing.assert_allclose(found.boxes[0], boxes["red"], atol=1e-3)
    assert found.vocabulary_version == 1


def test_an_absent_thing_stays_absent(perceiver: Perceiver) -> None:
    image, boxes = toy_picture(64, 96, {"red": (0, 1), "green": (3, 4)})
    perceiver.teach(image, boxes["red"], "my mug")
    without, _ = toy_picture(64, 96, {"green": (0, 1), "blue": (3, 4), "cyan": (6, 9)})
    assert names_found(perceiver, without) == []


def test_examples_that_are_far_from_each_other_count_each(perceiver: Perceiver) -> None:
    image, boxes = toy_picture(64, 96, {"red": (0, 1), "green": (3, 4)})
    for colour in ("red", "green"):
        perceiver.teach(image, boxes[colour], "mug")
    assert len(perceiver.vocabulary.examples or ()) == 2
    assert names_found(perceiver, image) == ["mug", "mug"]


def test_what_is_not_it_is_not_found(perceiver: Perceiver) -> None:
    image, boxes = toy_picture(64, 96, {"red": (0, 1), "green": (3, 4)})
    for colour in ("red", "green"):
        perceiver.teach(image, boxes[colour], "mug")
    assert names_found(perceiver, image) == ["mug", "mug"]
    perceiver.teach(image, boxes["green"], "mug", negative=True)
    found = perceiver(Frame(image))
    assert len(found) == 1
    np.testing.assert_allclose(found.boxes[0], boxes["red"], atol=1e-3)


def test_said_and_shown_names_stand_side_by_side(bundle: Bundle) -> None:
    perceiver = Perceiver(bundle)
    image, boxes = toy_picture(64, 96, {"magenta": (0, 1), "blue": (3, 4)})
    before = perceiver(Frame(image))
    perceiver.teach(image, boxes["magenta"], "pot")
    after = perceiver(Frame(image))
    said = after[after.labels < 3]
    np.testing.assert_array_equal(said.boxes, before.boxes)
    np.testing.assert_array_equal(said.scores, before.scores)
    assert "pot" in {each.name for each in after}


def test_said_names_are_not_encoded_again_when_things_are_shown(
    bundle: Bundle,
) -> None:
    perceiver = Perceiver(bundle)
    image, boxes = toy_picture(64, 96, CENTRAL)
    before = perceiver.query.class_embeddings
    perceiver.teach(image, boxes["red"], "mug")
    assert perceiver.query.class_embeddings is before
    perceiver.forget("mug")
    assert perceiver.query.class_embeddings is before


def test_a_name_may_be_both_said_and_shown(bundle: Bundle) -> None:
    perceiver = Perceiver(bundle, vocabulary=toy_vocabulary(("red", "blue")))
    image, boxes = toy_picture(64, 96, {"green": (0, 1), "blue": (3, 4)})
    perceiver.teach(image, boxes["green"], "blue")
    assert perceiver.vocabulary.names == ("red", "blue")
    assert names_found(perceiver, image).count("blue") == 2


def test_names_may_all_be_shown(perceiver: Perceiver) -> None:
    image, boxes = toy_picture(64, 96, CENTRAL)
    example = perceiver.teach(image, boxes["red"], "mug")
    space = perceiver.bundle.embedding_id
    perceiver.change(vocabulary=vocabulary_of(Examples(space, (example,))))
    assert perceiver.vocabulary.names == ("mug",)
    assert names_found(perceiver, image) == ["mug"]


def test_a_call_may_name_what_was_shown(bundle: Bundle) -> None:
    perceiver = Perceiver(bundle, encode=toy_vocabulary)
    image, boxes = toy_picture(64, 96, {"magenta": (0, 1), "blue": (3, 4)})
    perceiver.teach(image, boxes["magenta"], "pot")
    assert {each.name for each in perceiver(image, names=["pot"])} == {"pot"}
    assert {each.name for each in perceiver(image, names=["pot", "blue"])} == {"pot", "blue"}
    perceiver.forget("pot")
    assert {each.name for each in perceiver(image, names=["pot"])} == set()


def test_a_name_is_forgotten(perceiver: Perceiver) -> None:
    image, boxes = toy_picture(64, 96, CENTRAL)
    perceiver.teach(image, boxes["red"], "mug")
    perceiver.forget("mug")
    assert perceiver.vocabulary.names == ("zebra",)
    assert perceiver.vocabulary.version == 2
    assert names_found(perceiver, image) == []
    told = refusal_of(ExamplesError, lambda: perceiver.forget("mug"))
    assert told == "expected a name that was shown (none), found 'mug'"


def test_thresholds_of_shown_names(perceiver: Perceiver) -> None:
    image, boxes = toy_picture(64, 96, CENTRAL)
    perceiver.teach(image, boxes["red"], "mug")
    score = float(perceiver(Frame(image)).scores[0])
    for least, found in ((score - 0.01, ["mug"]), (score + 0.01, [])):
        perceiver.change(settings=Settings(class_thresholds={"mug": least}))
        assert names_found(perceiver, image) == found


def test_masks_come_with_shown_names(tmp_path: Path) -> None:
    bundle = write_toy_region_bundle(tmp_path / "toy", masks=True)
    perceiver = Perceiver(bundle, vocabulary=toy_vocabulary(("zebra",)))
    image, boxes = toy_picture(64, 96, CENTRAL)
    perceiver.teach(image, boxes["red"], "mug")
    found = perceiver(Frame(image))
    assert found.masks is not None
    assert len(found.masks.crops) == len(found) > 0


def test_a_thing_is_shown_in_the_region_that_is_looked_at(perceiver: Perceiver) -> None:
    small, boxes = toy_picture(64, 96, CENTRAL)
    large = np.full((164, 296, 3), 114, np.uint8)
    large[50:114, 100:196] = small
    perceiver.change(settings=Settings(region=Region(100, 50, 96, 64), score_threshold=0.5))
    box = boxes["red"] + np.array([100, 50, 100, 50])
    perceiver.teach(large, box, "mug")
    found = perceiver(Frame(large))
    assert [each.name for each in found] == ["mug"]
    np.testing.assert_allclose(found.boxes[0], box, atol=1e-3)
    told = refusal_of(PerceiverError, lambda: perceiver.teach(large, (0, 0, 9, 9), "x"))
    assert "found none at [0, 0, 9, 9]" in told


@pytest.mark.parametrize(
    "box", [(0, 0, 0, 9), (100, 0, 120, 20), (5, 5, 1, 9), (0, 0, np.nan, 9), (1, 2, 3), "box"]
)
def test_what_is_no_box_in_the_picture_is_refused(perceiver: Perceiver, box: object) -> None:
    image, _ = toy_picture(64, 96, CENTRAL)
    told = refusal_of(PerceiverError, lambda: perceiver.teach(image, box, "mug"))  # type: ignore[arg-type]
    assert "'mug': expected a box x1 y1 x2 y2 in a picture of 96x64 px, found" in told
    assert perceiver.vocabulary.version == 0


def test_a_bundle_of_format_1_cannot_be_taught(tmp_path: Path, perceiver: Perceiver) -> None:
    old = Perceiver(write_toy_bundle(tmp_path / "old"))
    image, boxes = toy_picture(64, 96, CENTRAL)
    told = refusal_of(PerceiverError, lambda: old.teach(image, boxes["red"], "mug"))
    assert "expected a bundle of format 2, which can be taught, found one of format 1" in told
    perceiver.teach(image, boxes["red"], "mug")
    shown = toy_vocabulary(("red",)).showing(perceiver.vocabulary.examples)
    told = refusal_of(PerceiverError, lambda: old.change(vocabulary=shown))
    assert "expected a bundle of format 2" in told


def test_examples_of_another_bundle_are_refused(perceiver: Perceiver) -> None:
    image, boxes = toy_picture(64, 96, CENTRAL)
    example = perceiver.teach(image, boxes["red"], "mug")
    foreign = toy_vocabulary(("red",)).showing(Examples("0" * 64, (example,)))
    before = perceiver.query
    told = refusal_of(PerceiverError, lambda: perceiver.change(vocabulary=foreign))
    assert "found some of another ('000000000000'); renew them with" in told
    assert perceiver.query is before


def test_a_precision_without_a_mean_uses_that_of_fp32(bundle: Bundle) -> None:
    assert bundle.regions is not None
    mean = bundle.regions.mean("fp32")
    assert bundle.regions.mean("int8") is mean
    other = bundle.regions.with_mean("int8", mean + 1)
    np.testing.assert_array_equal(other.mean("int8"), mean + 1)


def test_a_vocabulary_names_what_is_said_and_shown() -> None:
    examples = Examples("s", (Example("b", unit(1), none()), Example("c", unit(1), none())))
    text = np.eye(2, 3, dtype=np.float32)
    vocabulary = Vocabulary(("a", "b"), text).showing(examples)
    assert vocabulary.names == ("a", "b", "c")
    assert (vocabulary.said, vocabulary.shown) == (("a", "b"), ("b", "c"))
    assert vocabulary.showing(None).names == ("a", "b")
    told = refusal_of(VocabularyError, lambda: Vocabulary(("a", "x"), text[:1], 0, examples))
    assert told.startswith("embeddings: expected float32")
