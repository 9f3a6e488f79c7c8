# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The bundled model in eight bits: it passes, and a spoiled layer is found, named and mended."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from onnxruntime.quantization.calibrate import TensorData

from test.toy_bundle import write_toy_bundle
from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.paths import find_bundle
from vit_perception.bundle.samples import sample_bag
from vit_perception.compression.gate.frames import GateFrames, read_frames
from vit_perception.compression.gate.gate import Checked, GateSettings, checked, subject_of
from vit_perception.compression.gate.gated import gated_bundle
from vit_perception.compression.gate.journal import Journal
from vit_perception.compression.gate.judge import Judge
from vit_perception.compression.gate.report import figures_of, report_page
from vit_perception.compression.quantization.float_graph import QuantizationError
from vit_perception.compression.quantization.qdq import Calibrated
from vit_perception.perceiver.perceiver import Perceiver

from ..deep_toy import deep_toy_graph, write_squares

PHOTOS = Path(__file__).parents[3] / "samples" / "photos" / "images"
SPOILED = 30
"""Place of the spoiled layer: in the neck."""


@pytest.fixture(scope="module")
def nano() -> Bundle:
    return Bundle.load(find_bundle("tabletop_nano"))


@pytest.fixture(scope="module")
def frames(nano: Bundle) -> GateFrames:
    return read_frames(sample_bag(), 10, nano)


@pytest.fixture(scope="module")
def judge(nano: Bundle, frames: GateFrames) -> Judge:
    return Judge(nano, frames, threads=1)


def calibrated(nano: Bundle, frames: GateFrames) -> Calibrated:
    return Calibrated(nano.graph(), [laid.pixels for laid in frames.laid[:4]], "minmax")


@pytest.fixture(scope="module")
def spoiled(nano: Bundle, frames: GateFrames) -> Calibrated:
    """A calibration in which one layer's range is clipped to a thirtieth."""
    found = calibrated(nano, frames)
    layer = next(node for node in found._model.graph.node if node.name == found.layers[SPOILED])
    users = [node for node in found._model.graph.node if layer.output[0] in node.input]
    for tensor in (layer.output[0], *(output for user in users for output in user.output)):
        low, high = found._ranges[tensor].range_value
        found._ranges.data[tensor] = TensorData(
            lowest=np.float32(low / 30), highest=np.float32(high / 30)
        )
    return found


def test_the_frames_of_a_bag_have_truth_and_those_of_a_folder_have_not(
    nano: Bundle, frames: GateFrames
) -> None:
    assert len(frames) == 10 and frames.truths is not None and "mug" in frames.names
    assert read_frames(sample_bag(), 10, nano).digest == frames.digest
    assert read_frames(sample_bag(), 9, nano).digest != frames.digest
    photos = read_frames(PHOTOS, 3, nano)
    assert len(photos) == 3 and photos.truths is None and photos.names == ()
    assert photos.laid[0].pixels.shape == (1, 416, 416, 3)


def test_the_judge_gives_the_float_graph_full_marks(nano: Bundle, judge: Judge) -> None:
    assert judge.metrics == ("AP",) and judge.names == judge.frames.names
    assert judge.figures(nano.graph()) == judge.reference
    assert 0.3 < judge.reference["AP"] < 0.9
    photos = Judge(nano, read_frames(PHOTOS, 3, nano), threads=1)
    assert photos.metrics == ("agreement", "mask_agreement")
    assert photos.reference == pytest.approx({"agreement": 1.0, "mask_agreement": 1.0})
    found = photos.figures(nano.graph("int8"))
    assert 0.8 < found["mask_agreement"] <= found["agreement"] < 1


@pytest.mark.torch
def test_a_journal_of_other_weights_is_not_read(nano: Bundle, frames: GateFrames) -> None:
    pytest.importorskip("torch")
    other = replace(nano, sha256={**nano.sha256, "weights.safetensors": "0" * 64})

    def subject(bundle: Bundle, method: str) -> str:
        return subject_of(bundle, frames, "some", method)

    assert subject(other, "mse") != subject(nano, "mse")
    assert subject(other, "minmax") == subject(nano, "minmax")


def test_any_layers_can_be_float(nano: Bundle, frames: GateFrames) -> None:
    found = calibrated(nano, frames)
    whole = found.graph()
    assert whole.quantized == len(found.layers) < whole.convolutions
    one = found.graph(found.layers[1:])
    assert one.quantized == 1
    assert found.graph(found.layers[:5]).quantized == len(found.layers) - 5
    assert found.graph().model == whole.model


def test_every_layer_of_both_graphs_is_timed(nano: Bundle, judge: Judge) -> None:
    found = calibrated(nano, judge.frames)
    for graph in (nano.graph(), found.graph().model):
        times = judge.layer_times(graph, found.layer_of)
        assert times.keys() == {*found.layers, ""}
        # What the clock tells is there, and the layers are most of it.
        layers = sum(ms for layer, ms in times.items() if layer)
        assert layers > times[""] > 0
        # Nine times the products of its neighbour, which reads what it writes.
        assert (
            times["/reg_preds.0.0/conv/Conv"]
            > times["/neck/top_down_layers.1/main_conv/conv/Conv"]
        )


def test_the_bundled_model_passes_at_once(
    nano: Bundle, frames: GateFrames, judge: Judge, tmp_path: Path
) -> None:
    journal = Journal(tmp_path / "journal", subject_of(nano, frames, "some", "minmax"))
    found = checked(judge, calibrated(nano, frames), GateSettings(0.02), journal)
    assert found.mended.floats == () and found.drop <= 0.02
    assert (found.evaluations, found.pictures) == (2, 10)
    assert found.first == found.figures


def test_a_spoiled_layer_is_named_and_mended(
    judge: Judge, spoiled: Calibrated, tmp_path: Path
) -> None:
    def mended(journal: Path, settings: GateSettings) -> Checked:
        return checked(judge, spoiled, settings, Journal(journal, "spoiled"))

    # The calibration over few pictures costs something too.
    settings = GateSettings(0.02)
    found = mended(tmp_path / "journal", settings)
    assert spoiled.layers[SPOILED] in found.mended.floats
    assert found.first["AP"] < judge.reference["AP"] - 0.02
    assert found.drop <= 0.02
    # A search layer by layer would evaluate each of them.
    assert found.evaluations <= len(spoiled.layers) / 3
    assert found.graph.quantized == len(spoiled.layers) - len(found.mended.floats)

    # Interrupted after some lines, it measures only the rest, and finds the same.
    lines = (tmp_path / "journal").read_text().splitlines(keepends=True)
    (tmp_path / "part").write_text("".join(lines[:6]))
    again = mended(tmp_path / "part", settings)
    assert again.graph.model == found.graph.model and again.mended == found.mended
    assert (tmp_path / "part").read_text() == "".join(lines)

    with pytest.raises(QuantizationError, match="tabletop_nano: expected AP to fall by at most"):
        mended(tmp_path / "journal", GateSettings(0.02, budget=3))


def test_a_graph_that_cannot_keep_its_figures_is_refused_and_nothing_written(
    tmp_path: Path,
) -> None:
    write_toy_bundle(tmp_path / "toy", graphs={"fp32": deep_toy_graph("relu")})
    bundle, data = Bundle.load(tmp_path / "toy"), write_squares(tmp_path / "data", 4)
    report, out = tmp_path / "report", tmp_path / "out"
    # No graph is better than the float one.
    expected = r"toy: expected agreement .* at most -0\.1 .* with [0-3] of 3 layers"
    for budget in (1, 60):
        settings = GateSettings(-0.1, budget)
        with pytest.raises(QuantizationError, match=expected):
            gated_bundle(bundle, out, report, calibration=data, settings=settings)
    assert not out.exists()


def test_a_gated_bundle_runs_by_its_precision(tmp_path: Path) -> None:
    write_toy_bundle(tmp_path / "toy", graphs={"fp32": deep_toy_graph("relu")})
    bundle, data = Bundle.load(tmp_path / "toy"), write_squares(tmp_path / "data", 4)
    stages: list[str] = []

    from contextlib import nullcontext

    def bar(title: str, total: int) -> nullcontext:
        stages.append(title)
        return nullcontext(lambda done: None)

    made = gated_bundle(
        bundle,
        tmp_path / "out",
        tmp_path / "report",
        calibration=data,
        check=data,
        settings=GateSettings(sensitivity=True),
        others=True,
        bar=bar,
    )
    assert stages == ["reading", "reading", "calibrating", "comparing"]
    assert list(made.bundle.graphs) == ["fp32", "int8"]
    others = ["ONNX Runtime, minmax", "ONNX Runtime, entropy"]
    if find_spec("nncf"):
        assert made.notes == ()
        others.append("NNCF")
    else:
        assert made.notes == ("left out: NNCF, which is not installed",)
    assert [each.name for each in made.baselines] == others
    for each in made.baselines:
        assert each.figures["agreement"] > 0.9 and each.milliseconds > 0 and each.size > 0
    assert all(
        each.name in report_page(figures_of(made, precision="int8", method="percentile"))
        for each in made.baselines
    )
    assert made.checked.alone.keys() == set(made.checked.layers)
    assert set(made.latencies_ms) == {"fp32", "int8"}
    for times in made.layer_ms.values():
        assert times.keys() - {""} == set(made.checked.layers)
        assert all(ms > 0 for ms in times.values())
    card = (made.bundle.directory / "MODEL_CARD.md").read_text()
    quality = made.bundle.quality["int8"]
    assert (quality.reference, quality.limit, quality.pictures) == (1.0, 0.05, 4)
    assert quality.data == "data" and quality.passed and f"; {quality}" in card
    Perceiver(made.bundle, precision="int8").warm_up()
