# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The vocabulary of a perceiver changes between two frames, or is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vit_perception.bundle.bundle import Bundle
from vit_perception.frame import Frame
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.settings import PerceiverError, Settings
from vit_perception.perceiver.stages import StageTimes
from vit_perception.vocabulary import Vocabulary

from ..refusals import refusal_of
from ..toy_bundle import (
    HEIGHT,
    SQUARES,
    WIDTH,
    names_found,
    toy_picture,
    toy_vocabulary,
    write_toy_bundle,
)


def test_the_vocabulary_is_live(perceiver: Perceiver) -> None:
    image, _ = toy_picture(HEIGHT, WIDTH, {"red": (0, 1), "cyan": (3, 4), "yellow": (6, 9)})
    assert names_found(perceiver, image) == ["red"]
    perceiver.change(vocabulary=toy_vocabulary(("yellow", "banana", "cyan"), 5))
    detections = perceiver(Frame(image))
    assert detections.names == ("yellow", "banana", "cyan")
    assert detections.vocabulary_version == 5
    assert sorted(names_found(perceiver, image)) == ["cyan", "yellow"]
    assert perceiver.vocabulary.version == 5


def test_a_vocabulary_to_start_with(toy_bundle: Bundle) -> None:
    perceiver = Perceiver(toy_bundle, vocabulary=toy_vocabulary(("cyan",), 3))
    assert perceiver.vocabulary.names == ("cyan",)


@pytest.mark.parametrize("count", [1, 2, 80, 4096])
def test_vocabularies_of_every_size(perceiver: Perceiver, count: int) -> None:
    names = tuple(f"thing {index}" for index in range(count - 1))
    perceiver.change(vocabulary=toy_vocabulary((*names, "blue"), 1))
    image, _ = toy_picture(HEIGHT, WIDTH, SQUARES)
    assert names_found(perceiver, image) == ["blue"]


def test_vocabulary_and_settings_change_in_one_step(perceiver: Perceiver) -> None:
    settings = Settings(0.9, 0.3)
    perceiver.change(vocabulary=toy_vocabulary(("cyan",), 1), settings=settings)
    assert (perceiver.vocabulary.names, perceiver.settings) == (("cyan",), settings)


def test_what_is_prepared_changes_nothing_until_it_is_looked_with(perceiver: Perceiver) -> None:
    image, _ = toy_picture(HEIGHT, WIDTH, {"red": (0, 1), "cyan": (6, 9)})
    query = perceiver.prepare(
        vocabulary=toy_vocabulary(("cyan",), 1), settings=Settings(0.5, max_detections=7)
    )
    assert (names_found(perceiver, image), perceiver.vocabulary.version) == (["red"], 0)
    found = perceiver.look(Frame(image), query, StageTimes())
    assert (found.names, found.vocabulary_version, len(found)) == (("cyan",), 1, 1)
    # The bundle's own threshold is filled in.
    assert query.settings == Settings(0.5, 0.3, max_detections=7)
    assert perceiver.settings == Settings(0.6, 0.3)


def test_what_cannot_be_served_is_refused_when_prepared(perceiver: Perceiver) -> None:
    short = Vocabulary(("mug",), np.ones((1, 1), np.float32), 1)
    message = refusal_of(PerceiverError, lambda: perceiver.prepare(vocabulary=short))
    assert "expected embeddings of dimension 384" in message
    assert perceiver.vocabulary.version == 0


def test_a_refused_change_changes_nothing(perceiver: Perceiver) -> None:
    before = perceiver.vocabulary, perceiver.settings
    short = Vocabulary(("mug",), np.ones((1, 1), np.float32), 1)
    message = refusal_of(
        PerceiverError, lambda: perceiver.change(vocabulary=short, settings=Settings(0.9, 0.9))
    )
    assert message == (
        f"{perceiver.bundle.directory}: expected embeddings of dimension 384 "
        "(all-MiniLM-L6-v2), found 1"
    )
    assert (perceiver.vocabulary, perceiver.settings) == before


def test_the_adaptor_runs_once_per_vocabulary(
    perceiver: Perceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[int] = []
    adaptor = perceiver._made._adaptor._session
    assert adaptor is not None
    run = adaptor.run

    def counted(inputs: Any) -> Any:
        runs.append(len(inputs["text_embeddings"]))
        return run(inputs)

    monkeypatch.setattr(adaptor, "run", counted)
    perceiver.change(vocabulary=toy_vocabulary(("cyan", "red"), 1))
    image, _ = toy_picture(HEIGHT, WIDTH, SQUARES)
    for _ in range(3):
        perceiver(Frame(image))
    perceiver.change(settings=Settings(0.5, 0.5))
    assert runs == [2]


def test_a_bundle_without_adaptor_takes_embeddings_as_they_are(tmp_path: Path) -> None:
    image, _ = toy_picture(HEIGHT, WIDTH, SQUARES)
    bundle = write_toy_bundle(tmp_path / "toy", text_adaptor=None)
    # Half the similarity that the toy's adaptor gives.
    perceiver = Perceiver(bundle, settings=Settings(0.4, 0.3))
    detections = perceiver(Frame(image))
    np.testing.assert_allclose(detections.scores, 0.5, atol=1e-3)


def test_names_may_come_from_a_generator(toy_bundle: Bundle) -> None:
    image, _ = toy_picture(HEIGHT, WIDTH, SQUARES)
    perceiver = Perceiver(toy_bundle, encode=toy_vocabulary)
    names = ("cyan", "red")
    listed = perceiver(Frame(image), names)
    assert listed.names == names
    assert perceiver(Frame(image), (name for name in names)).names == names  # type: ignore[arg-type]
