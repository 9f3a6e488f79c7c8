# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Settings: their range, and what each does at the next frame."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vit_perception.bundle.bundle import Bundle
from vit_perception.frame import Frame
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.settings import PerceiverError, Settings, unknown_threshold_names
from vit_perception.vocabulary import Vocabulary

from ..refusals import refusal_of
from ..toy_bundle import (
    HEIGHT,
    SQUARES,
    WIDTH,
    names_found,
    toy_picture,
    toy_vocabulary,
)

SHARE = "expected 0 to 1, or -1 (the bundle's own)"


def test_settings_come_from_the_bundle(toy_perceiver: Perceiver) -> None:
    assert toy_perceiver.settings == Settings(0.6, 0.3)


def test_the_score_threshold_is_live(perceiver: Perceiver) -> None:
    image, _ = toy_picture(HEIGHT, WIDTH, {"red": (3, 4)})
    half = image.copy()
    half[(half == (255, 0, 0)).all(axis=2)] = (127, 0, 0)  # score about 0.5
    assert names_found(perceiver, half) == []
    perceiver.change(settings=Settings(0.4, 0.3))
    assert names_found(perceiver, half) == ["red"]
    perceiver.change(settings=Settings(1.0, 0.3))
    assert names_found(perceiver, image) == []


def test_class_thresholds_override(perceiver: Perceiver) -> None:
    image, _ = toy_picture(HEIGHT, WIDTH, SQUARES)
    perceiver.change(settings=Settings(0.6, 0.3, class_thresholds={"red": 1.0, "violet": 0.5}))
    assert sorted(names_found(perceiver, image)) == ["blue", "green"]
    perceiver.change(settings=Settings(1.0, 0.3, class_thresholds={"red": 0.6}))
    assert names_found(perceiver, image) == ["red"]


def test_weak_detections_are_returned_for_a_tracker(perceiver: Perceiver) -> None:
    image, _ = toy_picture(HEIGHT, WIDTH, SQUARES)
    image[(image == (255, 0, 0)).all(axis=2)] = (127, 0, 0)  # score about 0.5
    thresholds = {"blue": 0.2}
    perceiver.change(settings=Settings(0.6, 0.3, class_thresholds=thresholds, weak_score=0.4))
    assert sorted(names_found(perceiver, image)) == ["blue", "green", "red"]
    query = perceiver.query
    names = list(query.vocabulary.names)
    red, blue = names.index("red"), names.index("blue")
    assert query.thresholds[[red, blue]].tolist() == [pytest.approx(0.6), pytest.approx(0.2)]
    assert query.least[[red, blue]].tolist() == [pytest.approx(0.4), pytest.approx(0.2)]
    perceiver.change(settings=Settings(0.6, 0.3, weak_score=0.55))
    assert sorted(names_found(perceiver, image)) == ["blue", "green"]


def test_class_thresholds_follow_their_name_through_vocabularies(perceiver: Perceiver) -> None:
    image, _ = toy_picture(HEIGHT, WIDTH, SQUARES)
    settings = Settings(1.0, 0.3, class_thresholds={"red": 0.6})
    perceiver.change(settings=settings)
    perceiver.change(vocabulary=toy_vocabulary(("blue", "cyan"), 1))
    assert names_found(perceiver, image) == []
    assert unknown_threshold_names(settings, perceiver.vocabulary) == ("red",)
    perceiver.change(vocabulary=toy_vocabulary(("blue", "cyan", "red"), 2))
    assert names_found(perceiver, image) == ["red"]
    assert unknown_threshold_names(settings, perceiver.vocabulary) == ()


def test_a_rare_class_is_not_crowded_out(perceiver: Perceiver) -> None:
    red_everywhere = np.full((HEIGHT, WIDTH, 3), (255, 0, 0), np.uint8)
    red_everywhere[24:40, 32:48] = (0, 0, 150)
    # More names than top-K has rows: copies of red, each of which wins everywhere.
    names = (*(f"red {index}" for index in range(20)), "blue")
    embeddings = toy_vocabulary(("red", "blue")).embeddings[[0] * 20 + [1]]
    perceiver.change(vocabulary=Vocabulary(names, embeddings, 1))
    perceiver.change(settings=Settings(0.5, 0.3))
    assert "blue" not in names_found(perceiver, red_everywhere)
    perceiver.change(settings=Settings(1.0, 0.3, class_thresholds={"blue": 0.5}))
    assert names_found(perceiver, red_everywhere) == ["blue"]


def test_suppression_is_within_a_class_or_across_classes(perceiver: Perceiver) -> None:
    names = ("red", "also red", "blue")
    embeddings = toy_vocabulary(("red", "other", "blue")).embeddings.copy()
    embeddings[1] = embeddings[0]
    perceiver.change(vocabulary=Vocabulary(names, embeddings, 1))
    image, _ = toy_picture(HEIGHT, WIDTH, SQUARES)
    assert sorted(names_found(perceiver, image)) == ["also red", "blue", "red"]
    perceiver.change(settings=Settings(0.6, 0.3, class_agnostic_nms=True))
    assert len(names_found(perceiver, image)) == 2


def test_the_iou_threshold_is_live(perceiver: Perceiver) -> None:
    image = np.full((HEIGHT, WIDTH, 3), 114, np.uint8)
    image[24:40, 32:56] = (255, 0, 0)  # two boxes that overlap by a third
    perceiver.change(settings=Settings(0.9, 0.3))
    assert len(names_found(perceiver, image)) == 1
    perceiver.change(settings=Settings(0.9, 0.4))
    assert len(names_found(perceiver, image)) == 2


def test_the_best_detections_come_first_and_are_kept(perceiver: Perceiver) -> None:
    image = np.full((HEIGHT, WIDTH, 3), 114, np.uint8)
    for index, strength in enumerate((200, 255, 230)):
        image[24:40, 8 + 24 * index : 24 + 24 * index] = (strength, 0, 0)
    detections = perceiver(Frame(image))
    assert detections.boxes[:, 0].tolist() == [32, 56, 8]
    assert (np.diff(detections.scores) < 0).all()
    perceiver.change(settings=Settings(0.6, 0.3, max_detections=2))
    np.testing.assert_array_equal(perceiver(Frame(image)).boxes, detections.boxes[:2])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"score_threshold": -0.1},
            "score_threshold: expected 0 to 1, or -1 (the bundle's own), found -0.1",
        ),
        (
            {"iou_threshold": 1.1},
            "iou_threshold: expected 0 to 1, or -1 (the bundle's own), found 1.1",
        ),
        (
            {"score_threshold": float("nan")},
            "score_threshold: expected 0 to 1, or -1 (the bundle's own), found nan",
        ),
        ({"max_detections": 0}, "max_detections: expected 1 to 30000, found 0"),
        (
            {"class_thresholds": {"mug": 2.0}},
            "class_thresholds['mug']: expected 0 to 1, found 2.0",
        ),
        (
            {"class_thresholds": {"mug": "high"}},
            "class_thresholds['mug']: expected 0 to 1, found 'high'",
        ),
        ({"class_thresholds": None}, "class_thresholds: expected a mapping, found None"),
        ({"weak_score": float("nan")}, "weak_score: expected 0 to 1, found nan"),
        ({"region": "0,0,9,9"}, "region: expected a Region, found '0,0,9,9'"),
    ],
)
def test_settings_outside_their_range_are_refused(changes: dict[str, Any], message: str) -> None:
    settings = {"score_threshold": 0.5, "iou_threshold": 0.5} | changes
    assert refusal_of(PerceiverError, lambda: Settings(**settings)) == message


def test_settings_cannot_change_behind_the_perceiver() -> None:
    thresholds = {"mug": 0.5}
    settings = Settings(0.5, 0.5, class_thresholds=thresholds)
    thresholds["mug"] = 0.9
    assert settings.class_thresholds == {"mug": 0.5}
    with pytest.raises(TypeError):
        settings.class_thresholds["mug"] = 0.9  # type: ignore[index]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"threads": -1}, "threads: expected 0 to 256, found -1"),
        ({"threads": 10_000}, "threads: expected 0 to 256, found 10000"),
        ({"threads": True}, "threads: expected integer, found True"),
        ({"provider": 7}, "provider: expected string, found 7"),
    ],
)
def test_engine_settings_are_checked(
    toy_bundle: Bundle, changes: dict[str, Any], message: str
) -> None:
    assert refusal_of(PerceiverError, lambda: Perceiver(toy_bundle, **changes)) == message
