# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Names that are said and names that are shown change beside each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("rclpy")

from vit_perception.examples import Examples
from vit_perception.frame import Frame
from vit_perception.names import VocabularyError
from vit_perception.parameters.detector import DetectorParameters
from vit_perception.perceiver.stages import StageTimes
from vit_perception.ros.configuration import Configurator

from ...toy_bundle import write_toy_region_bundle
from .pupil import BOXES, ELSEWHERE, PIXELS


@pytest.fixture
def configurator(tmp_path: Path) -> Configurator:
    write_toy_region_bundle(tmp_path / "toy")
    return Configurator.load(DetectorParameters(bundle=str(tmp_path / "toy")), version=3)


def shown(configurator: Configurator, name: str = "my mug") -> Examples:
    """What was shown before, and one thing more."""
    perceiver = configurator.current.perceiver
    example = perceiver.example(Frame(PIXELS), BOXES["cyan"].tolist(), name)
    return configurator.examples.adding([example])


def found(configurator: Configurator) -> set[str]:
    now = configurator.current
    assert now.query.vocabulary.version == configurator.version
    return {each.name for each in now.perceiver.look(Frame(ELSEWHERE), now.query, StageTimes())}


def test_what_was_shown_changes_nothing_of_what_is_said(configurator: Configurator) -> None:
    before = configurator.current
    assert configurator.adopt_examples(shown(configurator)) == 4
    now = configurator.current
    assert (now.parameters, now.perceiver) == (before.parameters, before.perceiver)
    assert now.query.vocabulary.said == before.query.vocabulary.said
    assert now.query.class_embeddings is before.query.class_embeddings
    assert found(configurator) == {"my mug"}
    assert configurator.adopt_examples(configurator.examples.without("my mug")) == 5
    assert found(configurator) == set()


def test_what_was_shown_since_is_in_prepared_names(configurator: Configurator) -> None:
    parameters = replace(configurator.current.parameters, vocabulary=("yellow",))
    prepared = configurator.prepare(parameters)
    configurator.adopt_examples(shown(configurator))
    configurator.apply(prepared)
    assert configurator.current.names == ("yellow",)
    assert (found(configurator), configurator.version) == ({"my mug", "yellow"}, 5)


def test_what_was_shown_since_outlives_other_settings(configurator: Configurator) -> None:
    prepared = configurator.prepare(
        replace(configurator.current.parameters, score_threshold=0.1234)
    )
    configurator.adopt_examples(shown(configurator))
    configurator.apply(prepared)
    assert configurator.current.query.settings.score_threshold == 0.1234
    assert configurator.current.query.vocabulary.shown == ("my mug",)
    assert configurator.version == 4


def test_what_was_shown_since_is_beside_encoded_names(configurator: Configurator) -> None:
    parameters = replace(configurator.current.parameters, vocabulary=("yellow",))
    encoded = configurator.encode(parameters)
    configurator.adopt_examples(shown(configurator))
    configurator.adopt_names(encoded, ("yellow",))
    assert found(configurator) == {"my mug", "yellow"}


def test_names_beyond_what_fits_are_refused(
    configurator: Configurator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vit_perception.names.MAX_NAMES", 4)
    configurator.adopt_examples(shown(configurator))
    with pytest.raises(VocabularyError, match="names: expected 1..4, found 5"):
        configurator.adopt_examples(shown(configurator, "your mug"))
    assert found(configurator) == {"my mug"}
    said = replace(configurator.current.parameters, vocabulary=("yellow", "cyan"))
    prepared = configurator.prepare(said)
    for number in range(2):
        configurator.adopt_names(configurator.encode(replace(said, vocabulary=("red",))), ("red",))
        configurator.adopt_examples(shown(configurator, f"mug {number}"))
    # Too late for them: the names of now stay, and are asked for again in the background.
    configurator.apply(prepared)
    assert configurator.current.names == ("red",)
    assert configurator.current.parameters.vocabulary == ("yellow", "cyan")
    with pytest.raises(VocabularyError, match="names: expected 1..4, found 5"):
        configurator.prepare(said)
