# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A perceiver under calls and changes from several threads."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from vit_perception.frame import Frame
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.settings import Settings
from vit_perception.vocabulary import Vocabulary

from ..toy_bundle import (
    DEFAULT_NAMES,
    HEIGHT,
    SQUARES,
    WIDTH,
    toy_picture,
    toy_vocabulary,
)


def test_a_hundred_vocabularies_under_load(perceiver: Perceiver) -> None:
    """No result carries names of another version than the one that made it.

    Version v asks for its own number of names, whose place of "red" depends on v: a result
    made of two versions would name another colour, or a name of another version.
    """
    swaps = 100
    vocabularies = [swapped(version) for version in range(swaps + 1)]
    perceiver.change(vocabulary=vocabularies[0])
    image, _ = toy_picture(48, 72, {"red": (3, 4)})
    done = threading.Event()
    results: list[list[tuple[int, tuple[str, ...], list[str]]]] = [[], []]
    progress = [threading.Event(), threading.Event()]

    def look(worker: int) -> None:
        while not done.is_set():
            detections = perceiver(Frame(image))
            names = [detections.class_name(index) for index in range(len(detections))]
            results[worker].append((detections.vocabulary_version, detections.names, names))
            progress[worker].set()

    workers = [threading.Thread(target=look, args=(worker,)) for worker in range(2)]
    for worker in workers:
        worker.start()
    for vocabulary in vocabularies[1:]:
        perceiver.change(vocabulary=vocabulary)
        for event in progress:
            event.clear()
            assert event.wait(30)
    done.set()
    for worker in workers:
        worker.join()
    for seen in results:
        versions = [version for version, _, _ in seen]
        assert versions == sorted(versions)
        for version, names, found_names in seen:
            assert names == vocabularies[version].names
            assert found_names == [f"red {version}"]
    assert len({version for seen in results for version, _, _ in seen}) > swaps // 2


def swapped(version: int) -> Vocabulary:
    count, place = 2 + version % 7, version % (2 + version % 7)
    colours = ["blue"] * count
    colours[place] = "red"
    embeddings = np.concatenate([toy_vocabulary((colour,)).embeddings for colour in colours])
    names = tuple(
        f"red {version}" if index == place else f"blue {index} of {version}"
        for index in range(count)
    )
    return Vocabulary(names, embeddings, version)


def test_calls_from_several_threads_do_not_mix_their_images(perceiver: Perceiver) -> None:
    shapes = [(48, 72), (720, 1280), (300, 100)]
    pictures = [toy_picture(*shape, {"red": (3, 4 + i)}) for i, shape in enumerate(shapes)]
    errors: list[list[float]] = [[] for _ in shapes]

    def look(worker: int) -> None:
        image, boxes = pictures[worker]
        for _ in range(100):
            detections = perceiver(Frame(image))
            nearest = np.abs(detections.boxes - boxes["red"]).max(axis=1).min(initial=np.inf)
            errors[worker].append(float(nearest))

    workers = [threading.Thread(target=look, args=(worker,)) for worker in range(len(shapes))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [len(seen) for seen in errors] == [100] * 3
    assert max(max(seen) for seen in errors) <= 0.5


def test_changes_of_vocabulary_and_settings_do_not_undo_each_other(perceiver: Perceiver) -> None:
    def vocabularies() -> None:
        for version in range(1, 101):
            perceiver.change(vocabulary=toy_vocabulary(("red",), version))

    def settings() -> None:
        for step in range(1, 101):
            perceiver.change(settings=Settings(step / 200, 0.5))

    workers = [threading.Thread(target=vocabularies), threading.Thread(target=settings)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert (perceiver.vocabulary.version, perceiver.settings.score_threshold) == (100, 0.5)


def test_a_change_does_not_wait_for_a_call_nor_reach_into_it(
    perceiver: Perceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, _ = toy_picture(HEIGHT, WIDTH, SQUARES)
    started, go = threading.Event(), threading.Event()
    run = perceiver._network.session.run

    def gated(inputs: Any) -> Any:
        started.set()
        assert go.wait(30)
        return run(inputs)

    monkeypatch.setattr(perceiver._network.session, "run", gated)
    results: list[Any] = []
    call = threading.Thread(target=lambda: results.append(perceiver(Frame(image))))
    call.start()
    assert started.wait(30)
    perceiver.change(vocabulary=toy_vocabulary(("cyan",), 1))
    go.set()
    call.join()
    assert (results[0].vocabulary_version, results[0].names) == (0, DEFAULT_NAMES)
    assert len(results[0]) == 3
    assert perceiver(Frame(image)).vocabulary_version == 1
