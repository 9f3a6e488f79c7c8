# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
from dataclasses import FrozenInstanceError, asdict, fields

import pytest

from vit_perception.parameters.detector import DetectorParameters, validate
from vit_perception.perceiver.region import Region
from vit_perception.perceiver.settings import EngineSettings, Settings
from vit_perception.setting import SettingError, natural, settings_of


def test_every_parameter_is_described_and_its_default_is_valid() -> None:
    known = settings_of(DetectorParameters)
    assert list(known) == [each.name for each in fields(DetectorParameters)]
    for name, spec in known.items():
        assert spec.name == name
        assert len(spec.description) > 15
        assert spec.description[0].isupper() or spec.description[0] == "'"
        assert spec.description.endswith(".")
        if spec.kind in ("integer", "double"):
            assert spec.minimum is not None and spec.maximum is not None
    assert validate(asdict(DetectorParameters())) == DetectorParameters()


def test_what_changes_live_is_what_needs_no_reload() -> None:
    known = settings_of(DetectorParameters)
    configure = {name for name, spec in known.items() if spec.at_configure}
    assert configure == {
        "bundle",
        "cpu_affinity",
        "image_transport",
        "taught_file",
        "threads",
        "text_encoder_dir",
    }
    start = {name for name, spec in known.items() if not (spec.live or spec.at_configure)}
    assert start == {"autostart", "cameras"}
    assert not any(known[name].live for name in configure)


@pytest.mark.parametrize(
    ("values", "field", "expected"),
    [
        ({"score_threshold": 1}, "score_threshold", 1.0),
        ({"score_threshold": -1}, "score_threshold", -1.0),
        ({"vocabulary": ["red mug", "spoon"]}, "vocabulary", ("red mug", "spoon")),
        ({"vocabulary": [" red mug ", "spoon"]}, "vocabulary", ("red mug", "spoon")),
        ({"vocabulary": "[red mug, spoon]"}, "vocabulary", ("red mug", "spoon")),
        ({"vocabulary": "red mug, spoon"}, "vocabulary", ("red mug", "spoon")),
        ({"vocabulary": [""]}, "vocabulary", ()),
        ({"vocabulary": []}, "vocabulary", ()),
        ({"vocabulary": ""}, "vocabulary", ()),
        ({"max_age": 0.5}, "max_age", 0.5),
        ({"teach_click": " my mug "}, "teach_click", "my mug"),
        ({"teach_click": ""}, "teach_click", ""),
    ],
)
def test_values_are_taken_as_people_write_them(
    values: dict[str, object], field: str, expected: object
) -> None:
    assert getattr(validate(values), field) == expected


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"score_threshold": 1.5}, ["score_threshold", "0 to 1", "-1", "the bundle's own", "1.5"]),
        ({"score_threshold": -0.3}, ["score_threshold", "-0.3"]),
        ({"score_threshold": math.nan}, ["score_threshold", "nan"]),
        ({"max_age": math.inf}, ["max_age", "inf"]),
        ({"max_detections": 0}, ["max_detections", "1 to 300", "0"]),
        ({"max_detections": 2.5}, ["max_detections", "integer", "2.5"]),
        ({"max_detections": True}, ["max_detections", "integer", "True"]),
        ({"class_agnostic_nms": 1}, ["class_agnostic_nms", "bool", "1"]),
        ({"image_transport": "theora"}, ["image_transport", "raw", "compressed", "theora"]),
        ({"bundle": "a\nb"}, ["bundle", "control"]),
        ({"bundle": 3}, ["bundle", "string", "3"]),
        ({"vocabulary": ["mug", "mug"]}, ["vocabulary", "mug", "twice"]),
        ({"vocabulary": ["mug", ""]}, ["vocabulary", "empty"]),
        ({"vocabulary": ["a\x07"]}, ["vocabulary", "control"]),
        ({"vocabulary": ["x" * 201]}, ["vocabulary", "200"]),
        ({"vocabulary": [f"n{i}" for i in range(4097)]}, ["vocabulary", "4096", "4097"]),
        ({"vocabulary": [1, 2]}, ["vocabulary", "list of strings"]),
        ({"teach_click": "x" * 201}, ["teach_click", "200"]),
        ({"teach_history": 601}, ["teach_history", "0 to 600", "601"]),
        ({"class_thresholds": ["red mug"]}, ["class_thresholds", "red mug=0.4", "'red mug'"]),
        ({"class_thresholds": ["red mug=2"]}, ["class_thresholds", "0 to 1", "red mug=2"]),
        ({"class_thresholds": ["=0.4"]}, ["class_thresholds", "=0.4"]),
        ({"class_thresholds": ["m=0.1", "m=0.2"]}, ["class_thresholds", "'m'", "twice"]),
        ({"score_treshold": 0.5}, ["score_treshold", "did you mean 'score_threshold'"]),
        ({"qqq": 1}, ["qqq", "vocabulary"]),
    ],
)
def test_a_refusal_says_what_was_expected_and_found(
    values: dict[str, object], words: list[str]
) -> None:
    with pytest.raises(SettingError) as caught:
        validate(values)
    line = str(caught.value)
    assert "\n" not in line and len(line) < 600
    for word in words:
        assert word in line


def test_one_bad_value_leaves_all_others_untaken() -> None:
    current = validate({"max_age": 0.25})
    with pytest.raises(SettingError, match="max_detections"):
        validate({"max_age": 1.0, "max_detections": -4}, current)
    assert current.max_age == 0.25
    with pytest.raises(FrozenInstanceError):
        current.max_age = 1.0  # type: ignore[misc]


def test_values_are_laid_over_the_current_ones() -> None:
    current = validate({"max_age": 0.25, "vocabulary": ["mug"]})
    changed = validate({"vocabulary": ["spoon"]}, current)
    assert (changed.max_age, changed.vocabulary) == (0.25, ("spoon",))


def test_natural_leaves_alone_what_it_does_not_understand() -> None:
    known = settings_of(DetectorParameters)
    assert natural(known["max_age"], True) is True
    assert natural(known["max_detections"], 2.5) == 2.5
    assert natural(known["vocabulary"], "[mug") == "[mug"
    assert natural(known["vocabulary"], 4) == 4


@pytest.mark.parametrize("names", [["front", "wrist_2"], ["a"], []])
def test_cameras(names: list[str]) -> None:
    assert validate({"cameras": names}).cameras == tuple(names)


@pytest.mark.parametrize(
    "names",
    [["front", "front"], ["2nd"], ["left eye"], ["_hidden"], ["a__b"], ["a/b"], ["é"], ["a" * 65]],
)
def test_cameras_that_cannot_be_topics(names: list[str]) -> None:
    with pytest.raises(SettingError, match=r"^cameras: expected .*, found "):
        validate({"cameras": names})


def test_the_perceiver_reads_its_settings_from_the_parameters() -> None:
    parameters = validate(
        {
            "class_thresholds": ["a=b=0.5", "red mug=0.4"],
            "roi": "1, 2, 30, 40",
            "iou_threshold": 0.5,
            "max_detections": 7,
            "masks": False,
        }
    )
    assert parameters.settings() == Settings(
        iou_threshold=0.5,
        max_detections=7,
        masks=False,
        class_thresholds={"a=b": 0.5, "red mug": 0.4},
        region=Region(1, 2, 30, 40),
    )
    assert DetectorParameters().settings() == Settings()


def test_what_the_perceiver_declares_is_not_declared_again() -> None:
    known = settings_of(DetectorParameters)
    for owner in (Settings, EngineSettings):
        for name, declared in settings_of(owner).items():
            assert known[name] == declared
