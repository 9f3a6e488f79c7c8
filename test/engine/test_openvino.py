# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""OpenVINO against ONNX Runtime, where the package openvino is installed."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.paths import find_bundle
from vit_perception.bundle.samples import sample_photographs
from vit_perception.detections import Detections
from vit_perception.engine.factory import open_session
from vit_perception.engine.session import SessionError
from vit_perception.frame import Frame
from vit_perception.images.media import read_picture
from vit_perception.letterbox import Canvas
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.vocabulary import Vocabulary

from ..toy_bundle import COLOURS, DIMENSION, SQUARES, toy_adaptor, toy_graph, toy_picture
from ..toy_bundle import toy_vocabulary as colours

pytest.importorskip("openvino")

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return Bundle.load(find_bundle("tabletop_nano"))


@pytest.fixture(scope="module")
def photograph() -> Frame:
    return read_picture(sample_photographs() / "images" / "kitchen_counter.jpg")


def first(bundle: Bundle, count: int, version: int) -> Vocabulary:
    ready_made = bundle.ready_made()
    return Vocabulary(ready_made.names[:count], ready_made.embeddings[:count], version)


def squares_found(perceiver: Perceiver) -> dict[str, tuple[list[float], float]]:
    """Box and score by name."""
    found = perceiver(Frame(toy_picture(64, 96, SQUARES)[0]))
    rows = zip(found.boxes.tolist(), found.scores.tolist(), strict=True)
    return {found.class_name(index): row for index, row in enumerate(rows)}


@pytest.mark.parametrize("model", [toy_graph(), toy_graph(masks=True), toy_adaptor()])
def test_a_graph_is_described_as_onnxruntime_describes_it(model: bytes) -> None:
    session, reference = (open_session(model, provider=each) for each in ("openvino", "cpu"))
    assert (session.inputs, session.outputs) == (reference.inputs, reference.outputs)
    assert session.provider == "OpenVINO CPU"


@pytest.mark.parametrize("fixture", ["toy_bundle", "toy_segmentation_bundle"])
def test_the_toy_finds_the_same_with_changing_names(
    fixture: str, request: pytest.FixtureRequest
) -> None:
    toy = request.getfixturevalue(fixture)
    reference = Perceiver(toy, threads=1)
    perceiver = Perceiver(toy, provider="openvino", threads=1)
    for names in (("red", "green", "blue"), tuple(COLOURS), ("blue",), ("mug", "red")):
        for each in (reference, perceiver):
            each.change(vocabulary=colours(names))
        expected, found = squares_found(reference), squares_found(perceiver)
        assert sorted(found) == sorted(set(SQUARES) & set(names))
        for name, (box, score) in expected.items():
            assert found[name][0] == pytest.approx(box, abs=1e-3)
            assert found[name][1] == pytest.approx(score, abs=1e-3)


@pytest.mark.parametrize("threads", [0, 1, 2])
def test_fp32_stays_fp32(bundle: Bundle, photograph: Frame, threads: int) -> None:
    model = bundle.graph("fp32")
    reference = open_session(model, threads=1)
    session = open_session(model, provider="openvino", threads=threads)
    adaptor = open_session(bundle.text_adaptor() or b"", threads=1)
    canvas = Canvas(bundle.input_height, bundle.input_width, bundle.pad_value)
    canvas.draw(photograph.image)
    assert bundle.regions is not None
    for count in (80, 3, 200):
        given = {"text_embeddings": first(bundle, count, 0).embeddings}
        inputs = {
            "image": canvas.pixels,
            "class_thresholds": np.full(count, 0.001, np.float32),
            "anything_embedding": bundle.regions.anything[None],
            **adaptor.run(given),
        }
        expected, found = reference.run(inputs), session.run(inputs)
        scores = expected["scores"][0]
        # Rows of one score, those below the threshold for one, may come in any order.
        steps = np.abs(np.diff(scores, prepend=2, append=-1)) > 1e-4
        apart = steps[:-1] & steps[1:] & (scores > 0)
        assert apart.sum() > 10
        for name, array in expected.items():
            assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
            rows = slice(None) if name in ("scores", "prototypes") else apart
            np.testing.assert_allclose(found[name][:, rows], array[:, rows], atol=1e-3)


def test_int8_finds_the_same_things(bundle: Bundle, photograph: Frame) -> None:
    """Engines round at other places, so that weak boxes differ."""
    reference = Perceiver(bundle, precision="int8", threads=1)
    perceiver = Perceiver(bundle, precision="int8", provider="openvino", threads=1)
    for vocabulary in (bundle.default_vocabulary(), first(bundle, 60, 1)):
        for each in (reference, perceiver):
            each.change(vocabulary=vocabulary)
        expected, found = (each(photograph) for each in (reference, perceiver))
        assert expected.scores.max() > 0.4
        assert_found_in(expected, found)
        assert_found_in(found, expected)


def assert_found_in(some: Detections, others: Detections) -> None:
    """Each of `some` that scores above 0.4 is among the others, with about its box and score."""
    for box, score, label in zip(some.boxes, some.scores, some.labels, strict=True):
        if score > 0.4:
            same = (others.labels == label) & (np.abs(others.boxes - box).max(axis=1) < 8)
            assert same.any()
            assert np.abs(others.scores[same] - score).min() < 0.05


SIGNAL_AFTER_TWO = """
import pathlib, signal, sys
from vit_perception.engine.factory import open_session
signal.signal(signal.SIGUSR1, lambda number, frame: print("handled"))
model = pathlib.Path(sys.argv[1]).read_bytes()
first, second = (open_session(model, provider="openvino", threads=1) for _ in range(2))
del first
del second
signal.raise_signal(signal.SIGUSR1)
"""


def test_signals_are_handled_when_sessions_have_ended_in_the_order_they_began_in(
    tmp_path: Path,
) -> None:
    """A robot that changes its bundle does that, and is told to end later."""
    (tmp_path / "adaptor.onnx").write_bytes(toy_adaptor())
    result = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", SIGNAL_AFTER_TWO, tmp_path / "adaptor.onnx"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "handled\n", "")


def test_results_belong_to_the_caller() -> None:
    session = open_session(toy_adaptor(), provider="openvino")
    ones = np.ones((3, DIMENSION), np.float32)
    before = session.run({"text_embeddings": ones})["class_embeddings"]
    session.run({"text_embeddings": 5 * ones})
    np.testing.assert_array_equal(before, 2 * ones)
    strided = np.ones((DIMENSION, 3), np.float32).T
    after = session.run({"text_embeddings": strided})["class_embeddings"]
    np.testing.assert_array_equal(after, 2 * ones)


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ({}, "inputs: expected text_embeddings, found none"),
        (
            {"text_embeddings": np.ones((2, 5), np.float32)},
            f"text_embeddings: expected float32 [any, {DIMENSION}], found float32 [2, 5]",
        ),
        (
            {"text_embeddings": np.ones((2, DIMENSION))},
            f"text_embeddings: expected float32 [any, {DIMENSION}], "
            f"found float64 [2, {DIMENSION}]",
        ),
        (
            {"other": np.ones((2, DIMENSION), np.float32)},
            "inputs: expected text_embeddings, found other",
        ),
        ({"text_embeddings": "mug"}, "text_embeddings: expected an array, found str"),
    ],
)
def test_wrong_inputs_are_refused_in_one_line(inputs: Any, reason: str) -> None:
    session = open_session(toy_adaptor(), provider="openvino")
    session.run({"text_embeddings": np.ones((2, DIMENSION), np.float32)})
    with pytest.raises(SessionError) as refusal:
        session.run(inputs)
    assert str(refusal.value) == f"the engine failed: {reason}"


@pytest.mark.parametrize("model", [b"", b"garbage", toy_graph()[:2000], bytes(1000)])
def test_a_model_that_is_none_is_refused(model: bytes) -> None:
    with pytest.raises(SessionError) as refusal:
        open_session(model, provider="openvino")
    message = str(refusal.value)
    assert message.startswith("model: expected an ONNX graph that OpenVINO can load, found ")
    assert message.isprintable()


def test_a_path_in_place_of_a_model_is_not_followed(bundle: Bundle) -> None:
    path = bundle.directory / bundle.graphs["fp32"]
    with pytest.raises(SessionError, match="model: expected an ONNX graph"):
        open_session(bytes(path), provider="openvino")


def test_a_session_runs_in_several_threads() -> None:
    session = open_session(toy_adaptor(), provider="openvino", threads=1)
    wrong: list[float] = []

    def work(value: float) -> None:
        for count in range(1, 51):
            embeddings = np.full((count % 7 + 1, DIMENSION), value, np.float32)
            outputs = session.run({"text_embeddings": embeddings})
            if not np.array_equal(outputs["class_embeddings"], 2 * embeddings):
                wrong.append(value)

    workers = [threading.Thread(target=work, args=(float(value),)) for value in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == []
