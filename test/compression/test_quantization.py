# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""An eight-bit graph answers like its float one, and has eight bits where it should."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, numpy_helper

from vit_perception.bundle.bundle import Bundle, BundleError
from vit_perception.bundle.files import read_verified
from vit_perception.compression.quantization.calibration import (
    METHODS,
)
from vit_perception.compression.quantization.float_graph import QuantizationError, simplified
from vit_perception.compression.quantization.qdq import quantize_graph
from vit_perception.compression.quantization.quantize import quantize_bundle
from vit_perception.compression.quantization.selection import quantizable
from vit_perception.engine.factory import open_session
from vit_perception.frame import Frame
from vit_perception.images.inputs import chosen_pictures, letterboxed  # noqa: E402
from vit_perception.images.media import MediaError
from vit_perception.output.failure import OutputError
from vit_perception.perceiver.perceiver import Perceiver

from ..images.oriented import encoded, scene, turned
from ..toy_bundle import HEIGHT, WIDTH, toy_graph, toy_picture, toy_vocabulary, write_toy_bundle
from .deep_toy import deep_toy_graph, three_branches, write_squares


@pytest.fixture(scope="module")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_squares(tmp_path_factory.mktemp("squares"), 6)


@pytest.fixture(scope="module")
def made(squares: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A bundle with a SiLU graph in both precisions."""
    folder = tmp_path_factory.mktemp("bundles")
    graphs = {"fp32": deep_toy_graph()}
    source = write_toy_bundle(folder / "a", graphs=graphs, extra_files={"notes.txt": b"kept"})
    return quantize_bundle(source, folder / "b", data=squares).bundle


def images(folder: Path) -> list[np.ndarray]:
    return list(letterboxed(chosen_pictures(folder, 100), HEIGHT, WIDTH, 114))


def fed(image: np.ndarray) -> dict[str, np.ndarray]:
    """Inputs of the toy's graph for its six colours; the threshold is between its scores."""
    embeddings = 2 * toy_vocabulary().embeddings
    thresholds = np.full(len(embeddings), 0.75, np.float32)
    return {"image": image, "class_thresholds": thresholds, "class_embeddings": embeddings}


def nodes_of(model: onnx.ModelProto) -> dict[str, onnx.NodeProto]:
    return {node.name: node for node in model.graph.node}


# Which nodes


@pytest.mark.parametrize("activation", ["relu", "silu"])
def test_all_between_the_picture_and_the_last_convolutions(activation: str) -> None:
    names = set(quantizable(three_branches(activation).graph))
    layers = ("body", "box_2", "class_2", "mask_2")
    assert {"body", "box_2", "class_2", "mask_2", "large"} <= names
    assert not names & {"boxes", "weights", "prototypes", "tanh", "scores", "cast", "turn"}
    if activation == "relu":
        # The last one disappears in its convolution, so it comes along.
        assert {f"{layer}_relu" for layer in layers} <= names
    else:
        # What follows the class branch's last convolution is float, at no cost.
        inside = [layer for layer in layers if layer != "class_2"]
        assert {f"{layer}_{kind}" for layer in inside for kind in ("sigmoid", "mul")} <= names
        assert not {"class_2_sigmoid", "class_2_mul"} & names


def test_what_the_vocabulary_reaches_stays_float() -> None:
    model = three_branches()
    mixing = onnx.helper.make_node("Add", ["body_active", "class_embeddings"], ["mixed"], "mix")
    nodes = list(model.graph.node)
    at = next(i for i, node in enumerate(nodes) if node.name == "box_2")
    nodes[at].input[0] = "mixed"
    del model.graph.node[:]
    model.graph.node.extend([*nodes[:at], mixing, *nodes[at:]])
    names = set(quantizable(model.graph))
    assert {"body", "mask_2"} <= names
    assert not names & {"mix", "box_2", "box_2_relu"}


# What becomes of them


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("activation", ["silu", "relu"])
def test_scores_and_boxes_are_those_of_float(squares: Path, activation: str, method: str) -> None:
    graph = deep_toy_graph(activation)
    quantized = quantize_graph(graph, images(squares), method)
    assert (quantized.quantized, quantized.convolutions) == (3, 4)
    for image in images(squares):
        expected, found = (open_session(m).run(fed(image)) for m in (graph, quantized.model))
        rows = int((expected["scores"] > 0).sum())
        assert rows
        np.testing.assert_allclose(found["scores"], expected["scores"], atol=0.03)
        # The order of equals may change.
        pairs = [
            {(*box, label) for label, box in zip(labels[:rows], boxes[:rows], strict=True)}
            for labels, boxes in (
                (each["labels"][0], each["boxes"][0]) for each in (expected, found)
            )
        ]
        assert pairs[0] == pairs[1]


def test_types_are_those_that_x86_multiplies(made: Bundle) -> None:
    model = onnx.load_from_string(made.graph("int8"))
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    made_by = {tensor: node for node in model.graph.node for tensor in node.output}
    zeros = [
        weights[node.input[2]] for node in model.graph.node if node.op_type == "QuantizeLinear"
    ]
    assert zeros
    assert {tensor.data_type for tensor in zeros} == {TensorProto.UINT8}
    counts, largest = {"eight": 0, "float": 0}, []
    for node in model.graph.node:
        if node.op_type != "Conv":
            continue
        if node.input[1] in weights:
            counts["float"] += 1
            assert list(weights[node.input[1]].dims) == [3, 6, 1, 1]
            continue
        counts["eight"] += 1
        dequantize = made_by[node.input[1]]
        values, scale, zero = (numpy_helper.to_array(weights[x]) for x in dequantize.input)
        assert (values.dtype, zero.dtype) == (np.int8, np.int8)
        assert scale.shape == (6,)  # one a channel
        assert not zero.any()
        largest.append(int(np.abs(values.astype(int)).max()))
    # Two products fit in 16 bits, in which x86 without VNNI adds them, and no less is used.
    assert max(largest) == (2**15 - 1) // (2 * 255)
    assert counts == {"eight": 3, "float": 1}
    # Pixels go in as they are.
    reader = next(node for node in model.graph.node if "image" in node.input)
    assert reader.op_type == "Transpose" or reader.op_type == "DequantizeLinear"
    assert not [node for node in model.graph.node if node.op_type == "Cast"]
    assert {node.domain for node in model.graph.node} == {""}


def test_nothing_is_left_between_eight_bit_operators(made: Bundle, tmp_path: Path) -> None:
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(made.graph("int8"), options)
    nodes = onnx.load(tmp_path / "optimized.onnx").graph.node
    kinds = [node.op_type for node in nodes]
    assert kinds.count("QLinearConv") == 3
    assert kinds.count("DequantizeLinear") == 1  # in front of the last convolution
    assert "QuantizeLinear" not in kinds


def test_equal_pictures_make_equal_bytes(squares: Path) -> None:
    graph = deep_toy_graph()
    first, second = (quantize_graph(graph, images(squares)).model for _ in range(2))
    assert first == second


def test_graphs_with_nothing_to_quantize_are_refused(squares: Path, made: Bundle) -> None:
    with pytest.raises(QuantizationError, match="found none in"):
        quantize_graph(toy_graph(), images(squares))
    with pytest.raises(QuantizationError, match="expected float operators, found a quantized"):
        quantize_graph(made.graph("int8"), images(squares))
    with pytest.raises(QuantizationError, match="expected an ONNX graph"):
        quantize_graph(b"no graph", images(squares))


# The bundle


def test_a_bundle_with_both_precisions_serves_either(made: Bundle) -> None:
    assert dict(made.graphs) == {"fp32": "model.onnx", "int8": "model.int8.onnx"}
    picture, boxes = toy_picture(120, 180, {"red": (1, 2), "blue": (4, 8)})
    for precision in made.graphs:
        found = Perceiver(made, precision=precision)(Frame(picture))
        assert {found.class_name(row) for row in range(len(found))} == {"red", "blue"}
        for row in range(len(found)):
            np.testing.assert_allclose(found.boxes[row], boxes[found.class_name(row)], atol=1)


def test_masks_are_quantized_too(squares: Path, tmp_path: Path) -> None:
    graphs = {"fp32": deep_toy_graph(masks=True)}
    source = write_toy_bundle(tmp_path / "a", task="instance_segmentation", graphs=graphs)
    bundle = quantize_bundle(source, tmp_path / "b", data=squares).bundle
    feed = fed(images(squares)[0])
    expected, found = (open_session(bundle.graph(p)).run(feed) for p in ("fp32", "int8"))
    np.testing.assert_allclose(found["prototypes"], expected["prototypes"], atol=0.05)


def test_all_else_in_the_bundle_stays(made: Bundle) -> None:
    source = Bundle.load(made.directory.parent / "a")
    changed = {"model.int8.onnx", "MODEL_CARD.md"}
    assert made.sha256.keys() - changed == source.sha256.keys() - changed
    for file in source.sha256.keys() - changed:
        assert made.sha256[file] == source.sha256[file]
    assert made.metrics == source.metrics
    card = read_verified(made.directory, "MODEL_CARD.md", made.sha256["MODEL_CARD.md"]).decode()
    assert card.startswith("# Toy\n\nFinds squares of pure colour.\n\n## Graphs\n\n- `int8`: ")
    assert f"ONNX Runtime {onnxruntime.__version__} QDQ; 3 of 4 convolutions" in card
    thresholds = (source.score_threshold, source.iou_threshold, source.default_names)
    assert (made.score_threshold, made.iou_threshold, made.default_names) == thresholds
    assert "6 pictures of squares" in card


def test_quantizing_in_place_again_replaces_graph_and_remark(made: Bundle, squares: Path) -> None:
    bundle = made
    for method, count in (("minmax", 3), ("entropy", 2)):
        bundle = quantize_bundle(
            bundle, made.directory.parent / "c", data=squares, count=count, method=method
        ).bundle
    quantize_bundle(bundle, bundle.directory, data=squares, precision="int8_b")
    bundle = Bundle.load(bundle.directory)
    assert list(bundle.graphs) == ["fp32", "int8", "int8_b"]
    card = (bundle.directory / "MODEL_CARD.md").read_text()
    assert card.count("## Graphs") == 1
    assert card.count("- `int8`: ") == card.count("- `int8_b`: ") == 1
    assert "by entropy over 2 pictures" in card


def test_a_bundle_without_a_card_gets_one_that_tells_of_the_graph(
    squares: Path, tmp_path: Path
) -> None:
    graphs = {"fp32": deep_toy_graph("relu")}
    source = write_toy_bundle(tmp_path / "a", graphs=graphs, model_card="gone")
    manifest = source.directory / "bundle.yaml"
    (source.directory / "MODEL_CARD.md").unlink()
    lines = manifest.read_text().splitlines(keepends=True)
    manifest.write_text("".join(line for line in lines if "MODEL_CARD" not in line))
    quantize_bundle(Bundle.load(source.directory), tmp_path / "b", data=squares)
    card = (tmp_path / "b" / "MODEL_CARD.md").read_text()
    assert card.startswith("# toy\n\n## Graphs\n\n- `int8`: ONNX Runtime ")


def test_destinations_and_names_that_cannot_be(
    made: Bundle, squares: Path, tmp_path: Path
) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(BundleError, match="found other content"):
        quantize_bundle(made, tmp_path, data=tmp_path / "absent")
    for name in ("fp32", "../int8", "", "a" * 41):
        # Refused before the pictures are looked for.
        with pytest.raises(BundleError, match="precision name: expected at most 40 of a-z"):
            quantize_bundle(made, tmp_path / "new", data=tmp_path / "absent", precision=name)
    assert not (tmp_path / "new").exists()
    for place in ("/proc/new", tmp_path / "thesis.tex" / "new"):
        with pytest.raises(OutputError, match="expected to write here"):
            quantize_bundle(made, place, data=tmp_path / "absent")


# The pictures


def test_pictures_are_spread_over_the_data_set(squares: Path) -> None:
    names = [path.name for path in chosen_pictures(squares, 3)]
    assert names == ["000.png", "002.png", "004.png"]
    assert len(chosen_pictures(squares / "images", 100)) == 6


def test_folders_that_cannot_calibrate(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="expected a picture, video or folder, found nothing"):
        chosen_pictures(tmp_path / "absent", 5)
    with pytest.raises(MediaError, match="expected pictures or videos .*, found none"):
        chosen_pictures(tmp_path, 5)
    (tmp_path / "clip.mp4").write_bytes(b"")
    with pytest.raises(MediaError, match="expected pictures, found videos only"):
        chosen_pictures(tmp_path, 5)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(MediaError, match="broken.png: expected a picture"):
        list(letterboxed(chosen_pictures(tmp_path, 5), HEIGHT, WIDTH, 114))


# A real network


@pytest.mark.torch
def test_the_last_convolutions_of_a_detector_stay_float() -> None:
    torch = pytest.importorskip("torch")
    from vit_perception.export.graph_files import live_graph
    from vit_perception.models.detectors.dosod import dosod_nano

    torch.manual_seed(0)
    model = dosod_nano(activation="relu", prototypes=8).eval().requires_grad_(False)
    graph = live_graph(model, 64, 64, model.embed(torch.eye(4, 384)))
    simple = simplified(graph)
    names = set(quantizable(simple.graph))
    convolutions = [node for node in simple.graph.node if node.op_type == "Conv"]
    left = [node for node in convolutions if node.name not in names]
    # Names, boxes and the weights of masks are products of the anchors that were chosen.
    assert ["project" in node.name for node in left] == [True]
    assert len(convolutions) - len(left) > 50
    last = {"Gemm", "Where", "TopK", "Softmax", "ReduceMax", "GreaterOrEqual", "Gather"}
    assert not {nodes_of(simple)[name].op_type for name in names} & last


def test_calibration_sees_pictures_upright(tmp_path: Path) -> None:
    for orientation in range(1, 9):
        path = tmp_path / f"{orientation}.png"
        path.write_bytes(encoded("png", turned(scene(32, 48), orientation), orientation))
    seen = list(letterboxed(chosen_pictures(tmp_path, 8), 32, 48, 114))
    for picture in seen:
        np.testing.assert_array_equal(picture[0], scene(32, 48))
