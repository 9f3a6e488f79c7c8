# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Bundles whose graphs, manifest and engine do not fit together, refused when opened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from vit_perception.bundle.bundle import Bundle, BundleError
from vit_perception.engine.session import SessionError
from vit_perception.frame import Frame
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.settings import PerceiverError

from ..refusals import refusal_of
from ..toy_bundle import (
    DIMENSION,
    HEIGHT,
    WIDTH,
    toy_adaptor,
    toy_graph,
    toy_picture,
    toy_vocabulary,
    write_toy_bundle,
    write_toy_segmentation_bundle,
)
from ..toy_graphs import changed, fix_classes, redone, rename

# Field 7 of a ModelProto, zero bytes long.
EMPTY_GRAPH = b"\x3a\x00"


def lose_numbers(model: ModelProto) -> None:
    nothing = numpy_helper.from_array(np.float32(np.nan), "two")
    model.graph.initializer[0].CopyFrom(nothing)


def keep_one_name(model: ModelProto) -> None:
    redone(model, "class_embeddings", "Gather", np.array([0]), ["C", DIMENSION])


def drop_output(model: ModelProto) -> None:
    del model.graph.output[2]


def retype_labels(model: ModelProto) -> None:
    rename(model, "labels", "long_labels")
    node = helper.make_node("Cast", ["long_labels"], ["labels"], to=TensorProto.INT32)
    model.graph.node.append(node)
    model.graph.output[2].CopyFrom(
        helper.make_tensor_value_info("labels", TensorProto.INT32, [1, 300])
    )


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
    assert found_message == f"{bundle.directory}/model.onnx: {message}"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"input_height": 96},
            "/model.onnx: image: expected uint8 [1, 96, 96, 3], found uint8 [1, 64, 96, 3]",
        ),
        (
            {"text_adaptor": toy_adaptor(DIMENSION - 1)},
            "/text_adaptor.onnx: text_embeddings: expected float32 [any, 384], "
            "found float32 [any, 383]",
        ),
        (
            {"text_adaptor": changed(lambda m: rename(m, "text_embeddings", "t"), toy_adaptor())},
            "/text_adaptor.onnx: text adaptor inputs: expected text_embeddings, found t",
        ),
        (
            {"text_adaptor": changed(lose_numbers, toy_adaptor())},
            "/text_adaptor.onnx: class_embeddings: expected finite numbers, "
            "found others for 'red'",
        ),
        (
            {"text_adaptor": changed(keep_one_name, toy_adaptor())},
            "/text_adaptor.onnx: class_embeddings: expected 3 rows, found [1, 384]",
        ),
        (
            {"text_adaptor": changed(fix_classes, toy_adaptor())},
            "/text_adaptor.onnx: text_embeddings: expected float32 [any, 384], "
            "found float32 [3, 384]",
        ),
        (
            {"fixed_vocabulary": True},
            "/model.onnx: inputs: expected class_thresholds, image, "
            "found class_embeddings, class_thresholds, image",
        ),
        (
            {
                "graphs": {"fp32": toy_graph(toy_vocabulary(("red", "green")))},
                "fixed_vocabulary": True,
            },
            "/model.onnx: class_thresholds: expected float32 [3], found float32 [2]",
        ),
        (
            {"task": "semantic_segmentation"},
            ": expected task detection or instance_segmentation, found semantic_segmentation",
        ),
    ],
)
def test_a_bundle_that_does_not_fit_together_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    bundle = write_toy_bundle(tmp_path / "toy", **changes)
    found_message = refusal_of(PerceiverError, lambda: Perceiver(bundle))
    assert found_message == f"{bundle.directory}{message}"


def test_a_graph_that_the_engine_refuses_is_named(tmp_path: Path) -> None:
    def spoil(model: ModelProto) -> None:
        model.graph.node[0].op_type = "NoSuchOperator"

    bundle = write_toy_bundle(tmp_path / "toy", graphs={"fp32": changed(spoil)})
    message = refusal_of(SessionError, lambda: Perceiver(bundle))
    assert message.startswith(f"{bundle.directory}/model.onnx: model: expected an ONNX graph ")
    garbage = write_toy_bundle(tmp_path / "toy2", text_adaptor=EMPTY_GRAPH)
    message = refusal_of(SessionError, lambda: Perceiver(garbage))
    assert message.startswith(f"{garbage.directory}/text_adaptor.onnx: model: expected an ONNX ")


def test_other_refusals_name_the_bundle(toy_bundle: Bundle) -> None:
    where = str(toy_bundle.directory)
    assert where in refusal_of(BundleError, lambda: Perceiver(toy_bundle, precision="int8"))
    assert where in refusal_of(SessionError, lambda: Perceiver(toy_bundle, provider="abacus"))


def tiled(model: ModelProto, times: int) -> None:
    """So many times the toy's four prototypes."""
    redone(model, "prototypes", "Tile", np.array([1, times, 1, 1]), [1, 4 * times, 16, 24])
    redone(model, "mask_coefficients", "Tile", np.array([1, 1, times]), [1, 300, 4 * times])


def drop_prototypes(model: ModelProto) -> None:
    del model.graph.output[4]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            drop_prototypes,
            "outputs: expected boxes, labels, mask_coefficients, prototypes, scores, "
            "found boxes, labels, mask_coefficients, scores",
        ),
        (
            lambda m: redone(m, "prototypes", "Reshape", np.array([1, 8, 8, 24]), [1, 8, 8, 24]),
            "outputs: expected one number of prototypes, "
            "found 4 in mask_coefficients, 8 in prototypes",
        ),
        (
            lambda m: redone(m, "prototypes", "Reshape", np.array([1, 4, 12, 32]), [1, 4, 12, 32]),
            "prototypes: expected stride 4 or 8 of 64 x 96, found [1, 4, 12, 32]",
        ),
        (
            lambda m: redone(m, "prototypes", "Tile", np.array([1, 1, 1, 2]), [1, 4, 16, 48]),
            "prototypes: expected stride 4 or 8 of 64 x 96, found [1, 4, 16, 48]",
        ),
        (
            lambda m: tiled(m, 9),
            "prototypes: expected 1 to 32 of them, found [1, 36, 16, 24]",
        ),
        (lambda m: tiled(m, 0), "prototypes: expected 1 to 32 of them, found [1, 0, 16, 24]"),
        (
            lambda m: redone(m, "prototypes", "Reshape", np.array([4, 16, 24]), [4, 16, 24]),
            "prototypes: expected float32 [1, any, any, any], found float32 [4, 16, 24]",
        ),
        (
            lambda m: redone(
                m, "mask_coefficients", "Reshape", np.array([1, 600, 2]), [1, 600, 2]
            ),
            "outputs: expected one number of rows, found 300 in boxes, 300 in labels, "
            "600 in mask_coefficients, 300 in scores",
        ),
    ],
)
def test_a_graph_whose_masks_break_the_contract_is_refused(
    tmp_path: Path, change: Callable[[ModelProto], None], message: str
) -> None:
    bundle = write_toy_segmentation_bundle(
        tmp_path / "toy", graphs={"fp32": changed(change, toy_graph(masks=True))}
    )
    found_message = refusal_of(PerceiverError, lambda: Perceiver(bundle))
    assert found_message == f"{bundle.directory}/model.onnx: {message}"


def test_the_task_says_whether_there_are_masks(tmp_path: Path) -> None:
    masked = write_toy_segmentation_bundle(tmp_path / "one", task="detection")
    with pytest.raises(PerceiverError, match="outputs: expected boxes, labels, scores, found"):
        Perceiver(masked)
    plain = write_toy_segmentation_bundle(tmp_path / "two", graphs={"fp32": toy_graph()})
    with pytest.raises(PerceiverError, match="found boxes, labels, scores$"):
        Perceiver(plain)


def test_each_precision_has_to_keep_the_contract(tmp_path: Path) -> None:
    graphs = {"fp32": toy_graph(masks=True), "int8": toy_graph()}
    bundle = write_toy_segmentation_bundle(tmp_path / "toy", graphs=graphs)
    assert Perceiver(bundle).precision == "fp32"
    message = refusal_of(PerceiverError, lambda: Perceiver(bundle, precision="int8"))
    assert message == (
        f"{bundle.directory}/model.int8.onnx: outputs: expected boxes, labels, "
        "mask_coefficients, prototypes, scores, found boxes, labels, scores"
    )


@pytest.mark.parametrize(
    ("output", "shape", "message"),
    [
        ("prototypes", [1, 4, 12, 32], "prototypes: expected stride 4 or 8 of 64 x 96, found"),
        ("prototypes", [1, 8, 8, 24], "outputs: expected one number of prototypes, found"),
        ("mask_coefficients", [1, 600, 2], "outputs: expected one number of rows, found"),
        ("boxes", [1, 400, 3], "boxes: expected float32 [1, any, 4], found float32 [1, 400, 3]"),
        ("labels", [2, 150], "labels: expected int64 [1, any], found int64 [2, 150]"),
    ],
)
def test_what_a_graph_with_open_axes_returns_is_refused_at_the_frame(
    tmp_path: Path, output: str, shape: list[int], message: str
) -> None:
    def spoil(model: ModelProto) -> None:
        free = ["any"] * {"prototypes": 4, "labels": 2}.get(output, 3)
        redone(model, output, "Reshape", np.array(shape), free)
        # Plus what thresholds below 1 are as an integer, 0: the engine cannot tell before it runs.
        model.graph.initializer[-1].name = "hidden"
        node = helper.make_node
        model.graph.node.insert(0, node("ReduceMax", ["class_thresholds"], ["highest"]))
        model.graph.node.insert(1, node("Cast", ["highest"], ["none"], to=TensorProto.INT64))
        model.graph.node.insert(2, node("Add", ["hidden", "none"], [f"{output}_constant"]))

    graph = changed(spoil, toy_graph(masks=True))
    bundle = write_toy_segmentation_bundle(tmp_path / "toy", graphs={"fp32": graph})
    perceiver = Perceiver(bundle)
    image, _ = toy_picture(HEIGHT, WIDTH, {"red": (3, 4)})
    found = refusal_of(PerceiverError, lambda: perceiver(Frame(image)))
    assert found.startswith(f"{bundle.directory}/model.onnx: {message}")
