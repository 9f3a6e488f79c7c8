# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vit_perception.bundle.bundle import Bundle
from vit_perception.evaluation.dataset import EvaluationError, dataset_from
from vit_perception.evaluation.shots import (
    Look,
    Seen,
    by_showing,
    chosen,
    drawn,
    look_at,
)
from vit_perception.evaluation.shots_report import ALL, evaluate_shots
from vit_perception.evaluation.shots_table import format_shots
from vit_perception.evaluation.things import By, Things, things_from
from vit_perception.images.media import write_picture
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.settings import Settings

from ..refusals import refusal_of
from ..toy_bundle import toy_picture, toy_vocabulary, write_toy_region_bundle

pytest.importorskip("hotcoco")

SIZE = (256, 384)  # squares of 64 pixels: large enough to be shown
PLACES = ((0, 1), (4, 8), (0, 8), (4, 1))


def write_squares(
    folder: Path,
    pictures: Sequence[Sequence[str]],
    *,
    scenes: Sequence[object] | None = None,
    notes: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Writes pictures of coloured squares, one category a colour; returns the document."""
    names = sorted({colour for colours in pictures for colour in colours})
    images: list[dict[str, Any]] = []
    objects: list[dict[str, Any]] = []
    for number, colours in enumerate(pictures, start=1):
        squares = dict(zip(colours, np.roll(PLACES, number, axis=0).tolist(), strict=False))
        image, boxes = toy_picture(*SIZE, {name: (y, x) for name, (y, x) in squares.items()})
        write_picture(folder / "images" / f"{number}.png", image)
        images.append({"id": number, "file_name": f"{number}.png"})
        if scenes is not None:
            images[-1]["scene"] = scenes[number - 1]
        for name, box in boxes.items():
            entry = {
                "id": len(objects) + 1,
                "image_id": number,
                "category_id": names.index(name),
                "bbox": [float(side) for side in (*box[:2], *(box[2:] - box[:2]))],
            }
            objects.append({**entry, **(notes or {}).get(name, {})})
    categories = [{"id": index, "name": name} for index, name in enumerate(names)]
    return {"images": images, "annotations": objects, "categories": categories}


def things_of(document: dict[str, Any], folder: Path, by: By = "category") -> Things:
    return things_from(document, dataset_from(document, folder), by)


@pytest.fixture(scope="module")
def teachable(tmp_path_factory: pytest.TempPathFactory) -> Perceiver:
    bundle = write_toy_region_bundle(tmp_path_factory.mktemp("bundles") / "toy")
    return Perceiver(Bundle.load(bundle.directory), threads=1)


def looking(perceiver: Perceiver, things: Things) -> Look:
    settings = Settings(score_threshold=0.0, iou_threshold=1.0, max_detections=10000)
    names = tuple(things.texts[name] for name in things.data.names)
    query = perceiver.prepare(vocabulary=toy_vocabulary(names), settings=settings)
    return lambda frame: perceiver.rows(frame, query)


def measured(things: Things, seen: Seen, **changes: Any) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "shots": (1, 2),
        "seeds": 2,
        "score_threshold": 0.5,
        "iou_threshold": 0.3,
    }
    return evaluate_shots(things, seen, **(arguments | changes))


def test_what_was_shown_is_found_in_other_pictures(tmp_path: Path, teachable: Perceiver) -> None:
    # Nobody can say magenta or cyan to this detector: they are no words of it here.
    document = write_squares(
        tmp_path,
        [["magenta", "red"], ["cyan", "magenta"], ["red", "cyan"], ["magenta"]],
        notes={
            "magenta": {"object": "mug_1", "caption": "my mug", "part": "novel"},
            "cyan": {"object": "mug_2", "caption": "your mug", "part": "novel"},
            "red": {"object": "can_1", "caption": "red", "part": "val_instances"},
        },
    )
    things = things_of(document, tmp_path, "object")
    assert things.data.names == ("can_1", "mug_1", "mug_2")
    seen = look_at(things, looking(teachable, things))
    metrics = measured(things, seen)
    assert (metrics["pictures"], metrics["things"], metrics["shown_things"]) == (4, 3, 3)
    assert (metrics["boxes"], metrics["refused_boxes"]) == (7, 0)
    parts = metrics["parts"]
    assert list(parts) == [ALL, "val_instances", "novel"]
    assert [parts[key]["things"] for key in parts] == [3, 1, 2]
    assert [parts[key]["objects"] for key in parts] == [7, 2, 5]
    assert parts["val_instances"]["said"]["AP50"] == pytest.approx(1)
    assert parts["novel"]["said"]["AP50"] < 0.05
    for count in ("1", "2"):
        shots = parts[ALL]["shots"][count]
        assert shots["shown"]["AP50"] == pytest.approx(1)
        assert shots["both"]["AP50"] == pytest.approx(1)
        assert shots["shown"]["AP50_seeds"] == pytest.approx([1, 1])
        # mug_1 is absent from one picture, mug_2 and can_1 from two each.
        assert shots["shown"]["alarms"] == shots["shown"]["alarmed"] == 0
    assert parts[ALL]["shots"]["1"]["each"] is None
    assert parts[ALL]["shots"]["2"]["each"]["AP50"] == pytest.approx(1)
    # Of can_1 and mug_2 there are two pictures each: one but the measured.
    assert [parts[ALL]["shots"][count]["fewer"] for count in ("1", "2")] == [0, 2]
    assert metrics["names"]["mug_2"].keys() == {"said", "1", "2"}
    text = format_shots(metrics)
    assert [line.split()[:6] for line in text.splitlines() if line.startswith("novel")] == [
        ["novel", "2", "5", "1", "0", "1.2"],
        ["novel", "2", "5", "2", "1", "1.2"],
        ["novel", "1", "0.0", "0.0", "0.0", "0.0"],
        ["novel", "2", "0.0", "0.0", "0.0", "0.0"],
    ]


def test_look_alikes_that_nobody_has_shown_are_false_alarms(
    tmp_path: Path, teachable: Perceiver
) -> None:
    # Of the two red things only one is a thing to show; the other stands in its pictures' place.
    document = write_squares(tmp_path, [["red"], ["red"], ["red", "blue"], ["blue"]])
    for each in document["annotations"]:
        if each["image_id"] == 3 and each["category_id"] == 1:
            each["object"] = ""
        else:
            each["object"] = ("blue", "red")[each["category_id"]]
    things = things_of(document, tmp_path, "object")
    seen = look_at(things, looking(teachable, things))
    row = measured(things, seen, shots=(1,), seeds=1)["parts"][ALL]
    # Absent: red in pictures 3 and 4, blue in 1 and 2; red's look-alike is in 3.
    assert row["shots"]["1"]["shown"]["alarms"] == 0.25
    assert row["shots"]["1"]["shown"]["alarmed"] == 0.25
    assert row["said"]["alarms"] == 0.25
    unheard = measured(things, seen, shots=(1,), seeds=1, score_threshold=1.0)["parts"][ALL]
    assert unheard["shots"]["1"]["shown"]["alarms"] == 0


@pytest.mark.parametrize("scenes", [None, ("a", "a", 7, 7, "b", "b")])
def test_no_picture_gets_examples_of_its_own_scene(
    scenes: Sequence[object] | None, tmp_path: Path, teachable: Perceiver
) -> None:
    document = write_squares(tmp_path, [["red", "blue"]] * 6, scenes=scenes)
    things = things_of(document, tmp_path)
    seen = look_at(things, looking(teachable, things))
    for seed in range(3):
        for order in drawn(things, seen.examples, seed).values():
            assert sorted(box.picture for box in order) == [1, 2, 3, 4, 5, 6]
            # All scenes have their turn first.
            assert len({box.scene for box in order[:3]}) == 3
            for picture, scene in things.scenes.items():
                boxes = chosen(order, scene, 2)
                assert len({box.scene for box in boxes} | {scene}) == 3
                assert picture not in {box.picture for box in boxes}


def test_what_is_in_one_scene_alone_is_found_in_others_alone(
    tmp_path: Path, teachable: Perceiver
) -> None:
    document = write_squares(
        tmp_path, [["red", "blue"], ["red"], ["red", "blue"]], scenes=("a", "a", "b")
    )
    for each in document["annotations"]:
        # Red is not known to be in the other scene.
        if each["image_id"] == 3 and each["category_id"] == 1:
            each["category_id"] = 0
    things = things_of(document, tmp_path)
    seen = look_at(things, looking(teachable, things))
    found = by_showing(things, seen, shots=1, seed=0, iou_threshold=0.3)["shown"]
    assert [1 in one.categories for one in found] == [False, False, True]


def test_a_seed_draws_the_same_and_another_seed_draws_anew(
    tmp_path: Path, teachable: Perceiver
) -> None:
    document = write_squares(tmp_path, [["red", "blue"]] * 5)
    things = things_of(document, tmp_path)
    seen = look_at(things, looking(teachable, things))
    assert measured(things, seen) == measured(things, seen)
    draws = [str(drawn(things, seen.examples, seed)) for seed in range(4)]
    assert draws[0] == str(drawn(things, seen.examples, 0))
    assert len(set(draws)) > 1


def test_things_without_another_picture_are_not_measured(
    tmp_path: Path, teachable: Perceiver
) -> None:
    document = write_squares(tmp_path, [["red", "green"], ["red", "blue"], ["blue"]])
    things = things_of(document, tmp_path)
    metrics = measured(things, look_at(things, looking(teachable, things)))
    assert sorted(metrics["names"]) == ["blue", "red"]
    assert metrics["parts"][ALL]["objects"] == 4
    # Green is shown all the same, and looked for where it is not.
    assert metrics["shown_things"] == 3


def test_hidden_tiny_and_unseen_boxes_show_nothing(tmp_path: Path, teachable: Perceiver) -> None:
    document = write_squares(tmp_path, [["red"]] * 6)
    hidden, crowd, tiny, elsewhere = document["annotations"][:4]
    hidden["visible_fraction"] = 0.4
    crowd["iscrowd"] = 1
    tiny["bbox"][2:] = [31.0, 33.0]
    elsewhere["bbox"] = [300.0, 130.0, 80.0, 16.0]
    things = things_of(document, tmp_path)
    assert [box.picture for box in things.boxes[0]] == [4, 5, 6]
    seen = look_at(things, looking(teachable, things))
    assert sorted(seen.examples) == [5, 6]
    assert measured(things, seen)["refused_boxes"] == 1


def test_things_are_taught_in_groups(tmp_path: Path, teachable: Perceiver) -> None:
    colours = ("red", "green", "blue", "cyan")
    document = write_squares(tmp_path, [colours] * 3)
    things = things_of(document, tmp_path)
    seen = look_at(things, looking(teachable, things))
    alone = by_showing(things, seen, shots=1, seed=0, iou_threshold=0.3, at_once=1)["shown"]
    together = by_showing(things, seen, shots=1, seed=0, iou_threshold=0.3)["shown"]
    for apart, one in zip(alone, together, strict=True):
        assert set(apart.categories.tolist()) == set(one.categories.tolist()) == {0, 1, 2, 3}
        # Alone, a name has fewer rivals.
        assert apart.scores.sum() > one.scores.sum()


def test_the_first_boxes_of_other_scenes_are_chosen(tmp_path: Path) -> None:
    document = write_squares(tmp_path, [["red"]] * 4, scenes=("a", "a", "b", "c"))
    order = things_of(document, tmp_path).boxes[0]
    assert [box.picture for box in chosen(order, "a", 5)] == [3, 4]
    assert [box.picture for box in chosen(order, "c", 2)] == [1, 2]


@pytest.mark.parametrize(
    ("notes", "told"),
    [
        ({}, "annotations: expected 'object' in some, found none"),
        ({"object": 5}, "annotation 1: object: expected a text, found 5"),
        (
            {"object": "a", "visible_fraction": "all"},
            "annotation 1: visible_fraction: expected 0 to 1, found 'all'",
        ),
    ],
)
def test_fields_of_another_kind_are_refused(
    notes: dict[str, Any], told: str, tmp_path: Path
) -> None:
    document = write_squares(tmp_path, [["red"]], notes={"red": notes})
    line = refusal_of(EvaluationError, lambda: things_of(document, tmp_path, "object"))
    assert line == f"{tmp_path / 'annotations.json'}: {told}"


def test_a_scene_is_a_word_or_a_number(tmp_path: Path) -> None:
    document = write_squares(tmp_path, [["red"]], scenes=[["a"]])
    line = refusal_of(EvaluationError, lambda: things_of(document, tmp_path))
    assert line.endswith("image 1: scene: expected a word or an integer, found ['a']")
