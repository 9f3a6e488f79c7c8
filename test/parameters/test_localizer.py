# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from vit_perception.parameters.detector import DetectorParameters
from vit_perception.parameters.localizer import LocalizerParameters, validate
from vit_perception.setting import SettingError, settings_of
from vit_perception.space.settings import SpaceSettings


def test_it_has_every_setting_of_places_as_it_is_declared_there() -> None:
    here, there = settings_of(LocalizerParameters), settings_of(SpaceSettings)
    assert {name: here.get(name) for name in there} == there
    assert LocalizerParameters().settings() == SpaceSettings()
    changed = validate({"min_points": 50, "reach_support": True})
    assert changed.settings() == SpaceSettings(min_points=50, reach_support=True)


def test_what_it_shares_with_the_detector_is_declared_there() -> None:
    here, there = settings_of(LocalizerParameters), settings_of(DetectorParameters)
    own = {"cameras", "lazy"}
    assert {name: here[name] for name in here.keys() & there.keys() - own} == {
        name: there[name] for name in here.keys() & there.keys() - own
    }


@pytest.mark.parametrize(
    ("rectified", "topic", "answer"),
    [
        ("auto", "/camera/image_rect_color", True),
        ("auto", "/camera/image_raw", False),
        ("auto", "/rect/image_raw", False),
        ("true", "/camera/image_raw", True),
        ("false", "/camera/image_rect", False),
    ],
)
def test_whether_images_are_rectified(rectified: str, topic: str, answer: bool) -> None:
    assert validate({"rectified": rectified}).is_rectified(topic) is answer


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"tf_timeout": -1}, "tf_timeout: expected 0 to 10, found -1"),
        ({"depth_transport": "png"}, "depth_transport: expected 'raw' or 'compressedDepth'"),
        ({"cameras": "2nd"}, "cameras: expected names of letters"),
        ({"target_fame": "map"}, "no parameter is called 'target_fame': did you mean"),
    ],
)
def test_mistakes_are_told_in_one_line(values: dict[str, object], line: str) -> None:
    with pytest.raises(SettingError) as caught:
        validate(values)
    assert str(caught.value).startswith(line) and "\n" not in str(caught.value)
