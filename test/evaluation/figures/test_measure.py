# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from test.evaluation.figures.frames import NAMES, looked_at, random_frames, rows, run, truth
from vit_perception.evaluation.coco import summarize
from vit_perception.evaluation.coco_entries import Picture
from vit_perception.evaluation.dataset import Dataset
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.figures.measure import measure
from vit_perception.evaluation.results import Found, Results
from vit_perception.evaluation.rows.looked_at import LookedAt

pytest.importorskip("hotcoco")

ASKED = ("n0", "n1", "n2")
STATS = (
    *("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large"),
    *("AR1", "AR10", "AR100", "AR_small", "AR_medium", "AR_large"),
)
A, B, FAR = (0, 0, 40, 40), (60, 0, 100, 40), (200, 200, 240, 240)


def pycocotools(frames: Sequence[LookedAt], kind: str) -> dict[str, float]:
    """Its twelve figures, of objects and regions entered one by one."""
    annotations: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for picture, frame in enumerate(frames, start=1):
        assert frame.truth is not None
        found = frame.rows[0]
        for index, name in enumerate(frame.truth.names):
            crowd = bool(frame.truth.crowds[index])
            if name not in ASKED and crowd:
                continue
            left, top, right, bottom = frame.truth.boxes[index].astype(np.float64).tolist()
            for label in [ASKED.index(name)] if name in ASKED else range(3):
                if name not in ASKED and label not in found.labels:
                    continue
                entry = {
                    "id": len(annotations) + 1,
                    "image_id": picture,
                    "category_id": label + 1,
                    "bbox": [left, top, right - left, bottom - top],
                    "area": float(frame.truth.areas[index]),
                    "iscrowd": int(crowd or name not in ASKED),
                }
                if frame.truth.masks is not None:
                    entry["segmentation"] = frame.truth.masks[index]
                annotations.append(entry)
        for index in range(len(found)):
            left, top, right, bottom = found.boxes[index].astype(np.float64).tolist()
            answer: dict[str, Any] = {
                "image_id": picture,
                "category_id": int(found.labels[index]) + 1,
                "score": float(found.scores[index]),
            }
            if kind == "bbox":
                answer["bbox"] = [left, top, right - left, bottom - top]
            elif found.masks is not None:
                answer["segmentation"] = found.masks[index]
            results.append(answer)
    data = COCO()
    data.dataset = {
        "images": [
            {"id": number, "height": 120, "width": 160} for number in range(1, len(frames) + 1)
        ],
        "categories": [{"id": label + 1} for label in range(3)],
        "annotations": annotations,
    }
    data.createIndex()
    evaluation = COCOeval(data, data.loadRes(results), kind)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return dict(zip(STATS, evaluation.stats.tolist(), strict=True))


def test_boxes_and_masks_are_those_of_pycocotools() -> None:
    frames = random_frames(3, 30, masks=True)
    figures = measure(ASKED, [run(names=ASKED)], frames)["runs"][0]
    for key, kind in (("boxes", "bbox"), ("masks", "segm")):
        expected = {name: round(value, 6) for name, value in pycocotools(frames, kind).items()}
        assert min(expected.values()) > -1
        assert figures[key] == expected
    assert list(figures["boxes"]) == list(STATS)


def test_parts_and_boxes_without_names_are_those_of_a_dataset() -> None:
    """As `evaluate` has measured folders before."""
    frames = random_frames(4, 40, others=0, sequences=("one",))
    figures = measure(ASKED, [run(names=ASKED)], frames)["runs"][0]
    pictures = tuple(Picture(i + 1, "", Path("x"), (480, 640)) for i in range(len(frames)))
    annotations: list[dict[str, Any]] = []
    for picture, frame in zip(pictures, frames, strict=True):
        assert frame.truth is not None
        sides = frame.truth.boxes.astype(np.float64)
        sides[:, 2:] -= sides[:, :2]
        for index, name in enumerate(frame.truth.names):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": picture.id,
                    "category_id": ASKED.index(name) + 1,
                    "bbox": sides[index].tolist(),
                    "area": float(frame.truth.areas[index]),
                    "iscrowd": int(frame.truth.crowds[index]),
                    "part": frame.truth.parts[index],
                    "segmentation": None,
                }
            )
    found = tuple(
        Found(number, one.rows[0].boxes, one.rows[0].scores, one.rows[0].labels + 1)
        for number, one in enumerate(frames, start=1)
    )
    categories = {label + 1: name for label, name in enumerate(ASKED)}
    data = Dataset(Path("x"), pictures, categories, tuple(annotations), (), frozenset(categories))
    expected = summarize(data, Results(found, None))
    assert list(figures["parts"]) == ["known", "new"]
    for part, one in {**figures["parts"], "": figures["boxes"]}.items():
        wanted = expected["parts"][part] if part else expected["overall"]
        assert (one["AP"], one["AP50"]) == pytest.approx((wanted["AP"], wanted["AP50"]), abs=1e-6)
        if part:
            assert one["objects"] == wanted["named_objects"]
    unnamed = {key: expected["overall"][key] for key in ("AR50@30", "AR50@100")}
    unnamed["AP50"] = expected["overall"]["AP50_any"]
    assert figures["any_name"] == pytest.approx(unnamed, abs=1e-6)


def test_a_picture_worked_out_by_hand() -> None:
    true = truth(("mug", A), ("spoon", B), ("bowl", FAR))
    found = rows(("mug", 0.9, A), ("bowl", 0.8, B), ("mug", 0.3, FAR))
    table = measure(NAMES, [run()], [looked_at(0, true, found)])
    assert (table["names"], table["objects"], table["pictures"]) == (list(NAMES), 3, 1)
    figures = table["runs"][0]
    assert figures["published"] == {
        "precision": 0.5,
        "recall": 0.333333,
        "f1": 0.4,
        "true": 1,
        "false": 1,
        "missed": 2,
        "false_per_picture": 1.0,
    }
    assert [one["name"] for one in figures["per_name"]] == ["bowl", "mug", "spoon"]
    assert [one["AP50"] for one in figures["per_name"]] == [0.0, 1.0, 0.0]
    assert [one["f1"] for one in figures["per_name"]] == [0.0, 1.0, 0.0]
    assert figures["boxes"]["AP50"] == 0.333333
    assert figures["curve"]["precision"] == [0.333333] * 101
    # The lowest of the thresholds without the wrong bowl.
    assert figures["best"] == {
        "threshold": 0.81,
        "precision": 1.0,
        "recall": 0.333333,
        "f1": 0.5,
    }
    assert figures["any_name"] == {"AR50@30": 1.0, "AR50@100": 1.0, "AP50": 1.0}
    assert figures["masks"] is None and figures["parts"] == {}
    assert figures["sequences"] == {
        "morning": {"objects": 3, "pictures": 1, "AP": 0.333333, "AP50": 0.333333, "f1": 0.4}
    }
    assert figures["intervals"] == {"AP50": None, "f1": None, "blocks": 1}
    assert figures["worst"][0]["wrong"] == ["spoon as bowl", "bowl missed"]


def test_pictures_of_which_nothing_is_known_are_not_counted() -> None:
    true, found = truth(("mug", A)), rows(("mug", 0.9, A))
    known = [looked_at(0, true, found), looked_at(2, true, rows())]
    unknown = looked_at(1, None, rows(("mug", 0.9, FAR)))
    figures = measure(NAMES, [run()], [known[0], unknown, known[1]])
    assert figures == measure(NAMES, [run()], known)
    assert (figures["pictures"], figures["runs"][0]["published"]["false"]) == (2, 0)


@pytest.mark.parametrize(
    "frames",
    [
        [],
        [looked_at(0, truth(), rows())],
        [looked_at(0, truth(), rows(("mug", 0.9, A)))],
        [looked_at(0, truth(("mug", A)), rows())],
    ],
)
def test_where_there_is_nothing_to_measure_there_is_no_figure(frames: list[LookedAt]) -> None:
    table = measure(NAMES, [run("a"), run("b")], [replace(f, rows=2 * f.rows) for f in frames])
    figures = table["runs"][0]
    if table["objects"]:
        assert figures["boxes"]["AP"] == figures["published"]["f1"] == 0
    else:
        assert set(figures["boxes"].values()) == {None}
        assert set(figures["best"].values()) == {None}
        assert set(figures["errors"]["ap50_lost"].values()) == {None}
        assert figures["curve"]["precision"] is None
    assert table["differences"][0]["verdict"] == "cannot tell"
    assert json.loads(json.dumps(table, allow_nan=False)) == table


def test_masks_are_measured_only_where_everything_has_one() -> None:
    frames = random_frames(5, 20, masks=True)
    assert measure(ASKED, [run(names=ASKED)], frames)["runs"][0]["masks"] is not None
    last = frames[-1]
    assert last.truth is not None and len(last.truth) and len(last.rows[0])
    bare = replace(last, truth=replace(last.truth, masks=None))
    without = replace(last, rows=(replace(last.rows[0], masks=None),))
    for other in (bare, without):
        # The pictures after it are many enough to be compared at another time.
        figures = measure(ASKED, [run(names=ASKED)], [other, *(4 * frames)])["runs"][0]
        assert figures["masks"] is None
        assert {one["mask_AP"] for one in figures["per_name"]} == {None}


def test_thresholds_are_one_number_or_those_of_each_name() -> None:
    frame = looked_at(0, truth(("mug", A)), rows(("mug", 0.4, A)))
    figures = measure(NAMES, [run(threshold=0.3)], [frame], {"a": {"things": 1}})["runs"][0]
    assert (figures["score_threshold"], figures["published"]["true"]) == (0.3, 1)
    assert figures["space"] == {"things": 1}
    strict = run(thresholds=(0.5, 0.2, 0.1))
    figures = measure(NAMES, [strict], [frame])["runs"][0]
    assert figures["score_threshold"] == {"mug": 0.5, "bowl": 0.2, "spoon": 0.1}
    assert figures["published"]["true"] == 0
    assert [one["threshold"] for one in figures["per_name"]] == [0.2, 0.5, 0.1]


def test_rows_of_other_runs_and_names_are_refused() -> None:
    found = rows(("spoon", 0.9, A))
    with pytest.raises(EvaluationError, match="'morning', picture 3: .* 2 runs, found those of 1"):
        measure(NAMES, [run("a"), run("b")], [looked_at(3, truth(), found)])
    with pytest.raises(EvaluationError, match="picture 3: expected labels of 2 names, found 2 to"):
        measure(NAMES[:2], [run()], [looked_at(3, truth(), found)])


def test_the_keys_stand_in_the_order_of_the_file() -> None:
    frames = random_frames(6, 20, noise=(0, 3))
    table = measure(ASKED, [run("a", ASKED), run("b", ASKED)], frames)
    assert list(table) == ["names", "objects", "pictures", "limits", "runs", "differences"]
    assert list(table["runs"][0]) == [
        *("key", "bundle", "precision", "sha256", "score_threshold", "iou_threshold"),
        *("max_detections", "boxes", "masks", "any_name", "published", "best", "intervals"),
        *("sweep", "curve", "per_name", "parts", "sequences", "confusion", "calibration"),
        *("errors", "space", "worst"),
    ]
    assert list(table["differences"][0]) == ["a", "b", "AP50", "f1", "verdict", "frames"]


PROGRAM = """
import json, sys
from test.evaluation.figures.frames import random_frames, run
from vit_perception.evaluation.figures.measure import measure
asked = ("n0", "n1", "n2")
frames = random_frames(7, 300, noise=(0, 4))
print(json.dumps(measure(asked, [run("a", asked), run("b", asked)], frames)))
"""


def test_neither_threads_nor_hashes_change_a_byte() -> None:
    texts = set()
    for threads in ("1", "4"):
        environment = os.environ | {"RAYON_NUM_THREADS": threads, "PYTHONHASHSEED": threads}
        command = [sys.executable, "-c", PROGRAM]
        root = Path(__file__).parents[3]
        done = subprocess.run(command, env=environment, cwd=root, capture_output=True, check=True)
        texts.add(done.stdout)
    assert len(texts) == 1
    assert len(texts.pop()) > 10_000
