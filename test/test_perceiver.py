# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper

from vit_perception.bundle import Bundle, BundleError
from vit_perception.frame import Frame
from vit_perception.perceiver import (
    Perceiver,
    PerceiverError,
    Settings,
    unknown_threshold_names,
)
from vit_perception.session import SessionError
from vit_perception.stages import StageTimes
from vit_perception.vocabulary import Vocabulary

from .toy_bundle import (
    DEFAULT_NAMES,
    DIMENSION,
    FULL_SCORE,
    HEIGHT,
    WIDTH,
    toy_adaptor,
    toy_graph,
    toy_picture,
    toy_vocabulary,
    write_toy_bundle,
)

# Field 7 of a ModelProto, zero bytes long.
EMPTY_GRAPH = b"\x3a\x00"
SQUARES = {"red": (0, 1), "green": (3, 4), "blue": (6, 9)}
# In the middle, so that no shape of picture puts them into the margin.
CENTRAL = {"red": (3, 4), "blue": (3, 6)}


@pytest.fixture(scope="module")
def shared(toy_bundle: Bundle) -> Perceiver:
    """One perceiver for tests that change nothing."""
    return Perceiver(toy_bundle, threads=1)


@pytest.fixture
def perceiver(toy_bundle: Bundle) -> Iterator[Perceiver]:
    yield Perceiver(toy_bundle, threads=1)


def found(perceiver: Perceiver, image: NDArray[np.uint8]) -> list[str]:
    """Names, best first."""
    detections = perceiver(Frame(image))
    return [detections.class_name(index) for index in range(len(detections))]


def refusal_of(kind: type[Exception], function: Callable[[], Any]) -> str:
    with pytest.raises(kind) as refusal:
        function()
    assert str(refusal.value).isprintable()
    return str(refusal.value)


# What comes out


def test_squares_are_found_where_they_are(shared: Perceiver) -> None:
    image, boxes = toy_picture(HEIGHT, WIDTH, SQUARES)
    detections = shared(Frame(image))
    assert len(detections) == 3
    assert detections.names == DEFAULT_NAMES
    assert detections.vocabulary_version == 0
    assert detections.masks is None
    for index in range(3):
        np.testing.assert_allclose(
            detections.boxes[index], boxes[detections.class_name(index)], atol=1e-4
        )
    np.testing.assert_allclose(detections.scores, FULL_SCORE, atol=1e-5)


@pytest.mark.parametrize(
    "shape",
    [(480, 640), (720, 1280), (1080, 1920), (640, 480), (1000, 1000), (333, 777), (50, 300)],
)
def test_boxes_are_in_source_pixels_for_every_shape(
    shared: Perceiver, shape: tuple[int, int]
) -> None:
    image, boxes = toy_picture(*shape, CENTRAL)
    detections = shared(Frame(image))
    assert sorted(detections.class_name(index) for index in range(2)) == ["blue", "red"]
    for index in range(2):
        error = np.abs(detections.boxes[index] - boxes[detections.class_name(index)])
        assert error.max() <= 0.5


def test_boxes_end_at_the_image(shared: Perceiver) -> None:
    image = np.full((300, 300, 3), 114, np.uint8)
    image[:, :90] = (255, 0, 0)
    detections = shared(Frame(image))
    assert len(detections) > 0
    assert detections.boxes.min() >= 0
    assert detections.boxes.max() <= 300
    assert (detections.boxes[:, 2:] > detections.boxes[:, :2]).all()


def test_nothing_is_found_in_nothing(shared: Perceiver) -> None:
    detections = shared(Frame(np.zeros((480, 640, 3), np.uint8)))
    assert (len(detections), detections.names) == (0, DEFAULT_NAMES)


@pytest.mark.parametrize("shape", [(1, 1), (1, 4000), (4000, 1)])
def test_the_smallest_images_are_accepted(shared: Perceiver, shape: tuple[int, int]) -> None:
    detections = shared(Frame(np.full((*shape, 3), (255, 0, 0), np.uint8)))
    limit = [shape[1], shape[0]] * 2
    assert (detections.boxes >= 0).all()
    assert (detections.boxes <= limit).all()


def test_stages_are_measured(shared: Perceiver) -> None:
    stages = StageTimes()
    shared(Frame(np.zeros((480, 640, 3), np.uint8)), stages)
    assert list(stages.seconds) == ["letterbox", "inference", "nms"]
    assert min(stages.seconds.values()) > 0


def test_warm_up_changes_nothing(perceiver: Perceiver) -> None:
    perceiver.warm_up()
    image, _ = toy_picture(HEIGHT, WIDTH, {"red": (3, 4)})
    assert found(perceiver, image) == ["red"]


# Settings


def test_settings_come_from_the_bundle(shared: Perceiver) -> None:
    assert shared.settings == Settings(0.6, 0.3)


def test_the_score_threshold_is_live(perceiver: Perceiver) -> None:
    image, _ = toy_picture(HEIGHT, WIDTH, {"red": (3, 4)})
    half = image.copy()
    half[(half == (255, 0, 0)).all(axis=2)] = (127, 0, 0)  # score about 0.5
    assert found(perceiver, half) == []
    perceiver.set_settings(Settings(0.4, 0.3))
    assert found(perceiver, half) == ["red"]
    perceiver.set_settings(Settings(1.0, 0.3))
    assert found(perceiver, image) == []


def test_class_thresholds_override(perceiver: Perceiver) -> None:
    image, _ = toy_picture(HEIGHT, WIDTH, SQUARES)
    perceiver.set_settings(Settings(0.6, 0.3, class_thresholds={"red": 1.0, "violet": 0.5}))
    assert sorted(found(perceiver, image)) == ["blue", "green"]
    perceiver.set_settings(Settings(1.0, 0.3, class_thresholds={"red": 0.6}))
    assert found(perceiver, image) == ["red"]


def test_class_thresholds_follow_their_name_through_vocabularies(perceiver: Perceiver) -> None:
    image, _ = toy_picture(HEIGHT, WIDTH, SQUARES)
    settings = Settings(1.0, 0.3, class_thresholds={"red": 0.6})
    perceiver.set_settings(settings)
    perceiver.set_vocabulary(toy_vocabulary(("blue", "cyan"), 1))
    assert found(perceiver, image) == []
    assert unknown_threshold_names(settings, perceiver.vocabulary) == ("red",)
    perceiver.set_vocabulary(toy_vocabulary(("blue", "cyan", "red"), 2))
    assert found(perceiver, image) == ["red"]
    assert unknown_threshold_names(settings, perceiver.vocabulary) == ()


def test_a_rare_class_is_not_crowded_out(perceiver: Perceiver) -> None:
    red_everywhere = np.full((HEIGHT, WIDTH, 3), (255, 0, 0), np.uint8)
    red_everywhere[24:40, 32:48] = (0, 0, 150)
    # More names than top-K has rows: copies of red, each of which wins everywhere.
    names = (*(f"red {index}" for index in range(20)), "blue")
    embeddings = toy_vocabulary(("red", "blue")).embeddings[[0] * 20 + [1]]
    perceiver.set_vocabulary(Vocabulary(names, embeddings, 1))
    perceiver.set_settings(Settings(0.5, 0.3))
    assert "blue" not in found(perceiver, red_everywhere)
    perceiver.set_settings(Settings(1.0, 0.3, class_thresholds={"blue": 0.5}))
    assert found(perceiver, red_everywhere) == ["blue"]


def test_suppression_is_within_a_class_or_across_classes(perceiver: Perceiver) -> None:
    names = ("red", "also red", "blue")
    embeddings = toy_vocabulary(("red", "other", "blue")).embeddings.copy()
    embeddings[1] = embeddings[0]
    perceiver.set_vocabulary(Vocabulary(names, embeddings, 1))
    image, _ = toy_picture(HEIGHT, WIDTH, SQUARES)
    assert sorted(found(perceiver, image)) == ["also red", "blue", "red"]
    perceiver.set_settings(Settings(0.6, 0.3, class_agnostic_nms=True))
    assert len(found(perceiver, image)) == 2


def test_the_iou_threshold_is_live(perceiver: Perceiver) -> None:
    image = np.full((HEIGHT, WIDTH, 3), 114, np.uint8)
    image[24:40, 32:56] = (255, 0, 0)  # two boxes that overlap by a third
    perceiver.set_settings(Settings(0.9, 0.3))
    assert len(found(perceiver, image)) == 1
    perceiver.set_settings(Settings(0.9, 0.4))
    assert len(found(perceiver, image)) == 2


def test_the_best_detections_come_first_and_are_kept(perceiver: Perceiver) -> None:
    image = np.full((HEIGHT, WIDTH, 3), 114, np.uint8)
    for index, strength in enumerate((200, 255, 230)):
        image[24:40, 8 + 24 * index : 24 + 24 * index] = (strength, 0, 0)
    detections = perceiver(Frame(image))
    assert detections.boxes[:, 0].tolist() == [32, 56, 8]
    assert (np.diff(detections.scores) < 0).all()
    perceiver.set_settings(Settings(0.6, 0.3, max_detections=2))
    np.testing.assert_array_equal(perceiver(Frame(image)).boxes, detections.boxes[:2])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"score_threshold": -0.1}, "score_threshold: expected 0..1, found -0.1"),
        ({"iou_threshold": 1.1}, "iou_threshold: expected 0..1, found 1.1"),
        ({"score_threshold": float("nan")}, "score_threshold: expected 0..1, found nan"),
        ({"max_detections": 0}, "max_detections: expected 1..10000, found 0"),
        ({"class_thresholds": {"mug": 2.0}}, "class_thresholds['mug']: expected 0..1, found 2.0"),
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


# Vocabulary


def test_the_vocabulary_is_live(perceiver: Perceiver) -> None:
    image, _ = toy_picture(HEIGHT, WIDTH, {"red": (0, 1), "cyan": (3, 4), "yellow": (6, 9)})
    assert found(perceiver, image) == ["red"]
    perceiver.set_vocabulary(toy_vocabulary(("yellow", "banana", "cyan"), 5))
    detections = perceiver(Frame(image))
    assert detections.names == ("yellow", "banana", "cyan")
    assert detections.vocabulary_version == 5
    assert sorted(found(perceiver, image)) == ["cyan", "yellow"]
    assert perceiver.vocabulary.version == 5


def test_a_vocabulary_to_start_with(toy_bundle: Bundle) -> None:
    perceiver = Perceiver(toy_bundle, vocabulary=toy_vocabulary(("cyan",), 3))
    assert perceiver.vocabulary.names == ("cyan",)


@pytest.mark.parametrize("count", [1, 2, 80, 4096])
def test_vocabularies_of_every_size(perceiver: Perceiver, count: int) -> None:
    names = tuple(f"thing {index}" for index in range(count - 1))
    perceiver.set_vocabulary(toy_vocabulary((*names, "blue"), 1))
    image, _ = toy_picture(HEIGHT, WIDTH, SQUARES)
    assert found(perceiver, image) == ["blue"]


def test_vocabulary_and_settings_change_in_one_step(perceiver: Perceiver) -> None:
    settings = Settings(0.9, 0.3)
    perceiver.change(vocabulary=toy_vocabulary(("cyan",), 1), settings=settings)
    assert (perceiver.vocabulary.names, perceiver.settings) == (("cyan",), settings)


def test_what_is_prepared_counts_from_its_commit(perceiver: Perceiver) -> None:
    image, _ = toy_picture(HEIGHT, WIDTH, {"red": (0, 1), "cyan": (6, 9)})
    prepared = perceiver.prepare(vocabulary=toy_vocabulary(("cyan",), 1))
    assert (found(perceiver, image), perceiver.vocabulary.version) == (["red"], 0)
    perceiver.commit(prepared)
    assert (found(perceiver, image), perceiver.vocabulary.version) == (["cyan"], 1)
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
    adaptor = perceiver._adaptor
    assert adaptor is not None
    run = adaptor.run

    def counted(inputs: Any) -> Any:
        runs.append(len(inputs["text_embeddings"]))
        return run(inputs)

    monkeypatch.setattr(adaptor, "run", counted)
    perceiver.set_vocabulary(toy_vocabulary(("cyan", "red"), 1))
    image, _ = toy_picture(HEIGHT, WIDTH, SQUARES)
    for _ in range(3):
        perceiver(Frame(image))
    perceiver.set_settings(Settings(0.5, 0.5))
    assert runs == [2]


def test_a_bundle_without_adaptor_takes_embeddings_as_they_are(tmp_path: Path) -> None:
    image, _ = toy_picture(HEIGHT, WIDTH, SQUARES)
    bundle = write_toy_bundle(tmp_path / "toy", text_adaptor=None)
    # Half the similarity that the toy's adaptor gives.
    perceiver = Perceiver(bundle, settings=Settings(0.4, 0.3))
    detections = perceiver(Frame(image))
    np.testing.assert_allclose(detections.scores, 0.5, atol=1e-3)


# A fixed vocabulary


@pytest.fixture(scope="module")
def fixed(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    graph = toy_graph(toy_vocabulary(DEFAULT_NAMES))
    return write_toy_bundle(
        tmp_path_factory.mktemp("fixed") / "toy",
        graphs={"fp32": graph},
        fixed_vocabulary=True,
        text_adaptor=None,
    )


def test_a_fixed_vocabulary_finds_the_same(fixed: Bundle, shared: Perceiver) -> None:
    image, _ = toy_picture(480, 640, CENTRAL)
    expected, detections = shared(Frame(image)), Perceiver(fixed)(Frame(image))
    np.testing.assert_allclose(detections.boxes, expected.boxes, atol=1e-4)
    np.testing.assert_allclose(detections.scores, expected.scores, atol=1e-4)
    np.testing.assert_array_equal(detections.labels, expected.labels)


def test_a_fixed_vocabulary_refuses_other_names(fixed: Bundle) -> None:
    perceiver = Perceiver(fixed)
    perceiver.set_vocabulary(toy_vocabulary(DEFAULT_NAMES, 4))
    image, _ = toy_picture(HEIGHT, WIDTH, SQUARES)
    assert perceiver(Frame(image)).vocabulary_version == 4
    for names in (("cyan",), ("green", "red", "blue"), (*DEFAULT_NAMES, "cyan")):
        message = refusal_of(
            PerceiverError, partial(perceiver.set_vocabulary, toy_vocabulary(names, 5))
        )
        assert message == (
            f"{fixed.directory}: expected its fixed vocabulary ['red', 'green', 'blue'], "
            f"found {list(names)}"
        )
    assert perceiver.vocabulary.version == 4


def test_a_fixed_vocabulary_has_live_thresholds(fixed: Bundle) -> None:
    settings = Settings(0.6, 0.3, class_thresholds={"red": 1.0})
    image, _ = toy_picture(HEIGHT, WIDTH, SQUARES)
    assert sorted(found(Perceiver(fixed, settings=settings), image)) == ["blue", "green"]


# Bundles that cannot be served


def changed(change: Callable[[ModelProto], None], graph: bytes | None = None) -> bytes:
    model = ModelProto()
    model.ParseFromString(graph or toy_graph())
    change(model)
    return bytes(model.SerializeToString())


def rename(model: ModelProto, old: str, new: str) -> None:
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = [new if name == old else name for name in names]
    for value in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        value.name = new if value.name == old else value.name


def drop_output(model: ModelProto) -> None:
    del model.graph.output[2]


def retype_labels(model: ModelProto) -> None:
    rename(model, "labels", "long_labels")
    node = helper.make_node("Cast", ["long_labels"], ["labels"], to=TensorProto.INT32)
    model.graph.node.append(node)
    model.graph.output[2].CopyFrom(
        helper.make_tensor_value_info("labels", TensorProto.INT32, [1, 300])
    )


def fix_classes(model: ModelProto) -> None:
    for value in model.graph.input:
        for axis in value.type.tensor_type.shape.dim:
            if axis.dim_param == "C":
                axis.dim_value = 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda model: rename(model, "image", "images"),
            "inputs: expected class_embeddings, class_thresholds, image, "
            "found class_embeddings, class_thresholds, images",
        ),
        (drop_output, "outputs: expected boxes, labels, scores, found boxes, scores"),
        (retype_labels, "labels: expected int64 [1, any], found int32 [1, 300]"),
        (fix_classes, "class_thresholds: expected float32 [any], found float32 [3]"),
    ],
)
def test_a_graph_that_breaks_the_contract_is_refused(
    tmp_path: Path, change: Callable[[ModelProto], None], message: str
) -> None:
    bundle = write_toy_bundle(tmp_path / "toy", graphs={"fp32": changed(change)})
    found_message = refusal_of(PerceiverError, lambda: Perceiver(bundle))
    assert found_message == f"{bundle.directory}: {message}"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"input_height": 96},
            "image: expected uint8 [1, 96, 96, 3], found uint8 [1, 64, 96, 3]",
        ),
        (
            {"text_adaptor": toy_adaptor(DIMENSION - 1)},
            "text_embeddings: expected float32 [any, 384], found float32 [any, 383]",
        ),
        (
            {"text_adaptor": changed(lambda m: rename(m, "text_embeddings", "t"), toy_adaptor())},
            "text adaptor inputs: expected text_embeddings, found t",
        ),
        (
            {"text_adaptor": changed(fix_classes, toy_adaptor())},
            "text_embeddings: expected float32 [any, 384], found float32 [3, 384]",
        ),
        (
            {"fixed_vocabulary": True},
            "inputs: expected class_thresholds, image, "
            "found class_embeddings, class_thresholds, image",
        ),
        (
            {
                "graphs": {"fp32": toy_graph(toy_vocabulary(("red", "green")))},
                "fixed_vocabulary": True,
            },
            "class_thresholds: expected float32 [3], found float32 [2]",
        ),
        (
            {"task": "semantic_segmentation"},
            "expected task detection or instance_segmentation, found semantic_segmentation",
        ),
    ],
)
def test_a_bundle_that_does_not_fit_together_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    bundle = write_toy_bundle(tmp_path / "toy", **changes)
    found_message = refusal_of(PerceiverError, lambda: Perceiver(bundle))
    assert found_message == f"{bundle.directory}: {message}"


def test_a_graph_that_the_engine_refuses_is_named(tmp_path: Path) -> None:
    def spoil(model: ModelProto) -> None:
        model.graph.node[0].op_type = "NoSuchOperator"

    bundle = write_toy_bundle(tmp_path / "toy", graphs={"fp32": changed(spoil)})
    message = refusal_of(SessionError, lambda: Perceiver(bundle))
    assert message.startswith(f"{bundle.directory}: fp32: model: expected an ONNX graph that ")
    garbage = write_toy_bundle(tmp_path / "toy2", text_adaptor=EMPTY_GRAPH)
    message = refusal_of(SessionError, lambda: Perceiver(garbage))
    assert message.startswith(f"{garbage.directory}: text adaptor: model: expected an ONNX graph")


def test_other_refusals_name_the_bundle(toy_bundle: Bundle) -> None:
    where = str(toy_bundle.directory)
    assert where in refusal_of(BundleError, lambda: Perceiver(toy_bundle, precision="int8"))
    assert where in refusal_of(SessionError, lambda: Perceiver(toy_bundle, provider="abacus"))


def test_a_graph_that_names_unknown_classes_is_refused_at_the_frame(tmp_path: Path) -> None:
    def shift(model: ModelProto) -> None:
        rename(model, "labels", "true_labels")
        model.graph.initializer.append(helper.make_tensor("nine", TensorProto.INT64, [], [9]))
        model.graph.node.append(helper.make_node("Add", ["true_labels", "nine"], ["labels"]))
        model.graph.output[2].name = "labels"

    bundle = write_toy_bundle(tmp_path / "toy", graphs={"fp32": changed(shift)})
    image, _ = toy_picture(HEIGHT, WIDTH, {"red": (3, 4)})
    message = refusal_of(PerceiverError, lambda: Perceiver(bundle)(Frame(image)))
    assert message == "labels: expected 0..2, found 9..9"


def test_rows_that_are_not_finite_are_dropped(tmp_path: Path) -> None:
    def spoil(model: ModelProto) -> None:
        anchors = next(value for value in model.graph.initializer if value.name == "anchors")
        boxes = np.frombuffer(anchors.raw_data, np.float32).copy()
        boxes[:8] = [np.nan] * 4 + [np.inf] * 4
        anchors.raw_data = boxes.tobytes()

    bundle = write_toy_bundle(tmp_path / "toy", graphs={"fp32": changed(spoil)})
    detections = Perceiver(bundle)(Frame(np.full((HEIGHT, WIDTH, 3), (255, 0, 0), np.uint8)))
    assert len(detections) > 0
    assert np.isfinite(detections.boxes).all()


# Threads


def test_a_hundred_vocabularies_under_load(perceiver: Perceiver) -> None:
    """No result carries names of another version than the one that made it.

    Version v asks for its own number of names, whose place of "red" depends on v: a result
    made of two versions would name another colour, or a name of another version.
    """
    swaps = 100
    vocabularies = [swapped(version) for version in range(swaps + 1)]
    perceiver.set_vocabulary(vocabularies[0])
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
        perceiver.set_vocabulary(vocabulary)
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
            perceiver.set_vocabulary(toy_vocabulary(("red",), version))

    def settings() -> None:
        for step in range(1, 101):
            perceiver.set_settings(Settings(step / 200, 0.5))

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
    run = perceiver._session.run

    def gated(inputs: Any) -> Any:
        started.set()
        assert go.wait(30)
        return run(inputs)

    monkeypatch.setattr(perceiver._session, "run", gated)
    results: list[Any] = []
    call = threading.Thread(target=lambda: results.append(perceiver(Frame(image))))
    call.start()
    assert started.wait(30)
    perceiver.set_vocabulary(toy_vocabulary(("cyan",), 1))
    go.set()
    call.join()
    assert (results[0].vocabulary_version, results[0].names) == (0, DEFAULT_NAMES)
    assert len(results[0]) == 3
    assert perceiver(Frame(image)).vocabulary_version == 1
