# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import yaml

from vit_perception.evaluation.tuning.choice import Choice
from vit_perception.evaluation.tuning.parameter_file import parameter_file
from vit_perception.parameters.detector import validate
from vit_perception.perceiver.settings import Settings

ODD = (
    "red mug",
    "a=b",
    'say "cup"',
    "yes",
    "1",
    "10 % off: #1",
    "tasse à thé",
    "杯子",
    "back\\slash",
)


def written(choice: Choice, **others: object) -> tuple[str, dict[str, object]]:
    given = {"vocabulary": None, "others": {}, "comments": ()} | others
    text = parameter_file(choice, **given).decode()
    return text, yaml.safe_load(text)["/**"]["ros__parameters"]


def test_only_what_was_tuned_is_written() -> None:
    text, values = written(Choice(0.3, 0.55))
    assert values == {"score_threshold": 0.3, "iou_threshold": 0.55}
    assert text == (
        "/**:\n  ros__parameters:\n    score_threshold: 0.3\n    iou_threshold: 0.55\n"
    )


def test_the_node_takes_odd_names() -> None:
    own = {name: round(0.1 + index / 100, 2) for index, name in enumerate(ODD)}
    text, values = written(
        Choice(0.5, 0.6, own),
        vocabulary=ODD,
        others={"precision": "int8", "max_detections": 7, "class_agnostic_nms": True},
    )
    settings = validate(values).settings()
    assert settings == Settings(0.5, 0.6, 7, class_thresholds=own, class_agnostic_nms=True)
    assert validate(values).vocabulary == ODD
    assert validate(values).precision == "int8"
    assert '- "yes"\n' in text


@pytest.mark.parametrize("score", [0.0, 1.0, 0.05, 1e-05, 0.123456789])
def test_thresholds_are_doubles(score: float) -> None:
    text, values = written(Choice(score, 1.0, {"mug": 0.0}))
    assert values["score_threshold"] == score
    assert isinstance(values["score_threshold"], float)
    assert isinstance(values["iou_threshold"], float)


def test_a_comment_is_one_line() -> None:
    text, values = written(
        Choice(0.3, 0.5), comments=["first", "", "a\nscore_threshold: 1\r\u2028\x1b[0m"]
    )
    lines = text.splitlines()
    assert lines[:2] == ["# first", "#"]
    assert lines[2].startswith("# a score_threshold: 1")
    assert "\x1b" not in text
    assert values == {"score_threshold": 0.3, "iou_threshold": 0.5}
