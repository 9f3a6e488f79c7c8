# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A segmenter's run becomes a bundle that says what the network says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from test.refusals import refusal_of  # noqa: E402
from test.training.test_segmenter_training import trainer, write_maps  # noqa: E402
from vit_perception.bundle.bundle import Bundle  # noqa: E402
from vit_perception.cli.__main__ import main  # noqa: E402
from vit_perception.engine.factory import open_session  # noqa: E402
from vit_perception.export.segmenter import load_segmenter_run, segmenter_graph  # noqa: E402
from vit_perception.export.trained import ExportError  # noqa: E402
from vit_perception.perceiver.segmenter import Segmenter  # noqa: E402

pytestmark = pytest.mark.torch
torch.set_num_threads(1)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    data = write_maps(folder / "squares")
    trainer(data, folder / "run", steps=3).run()
    return folder / "run"


def test_the_command_makes_a_bundle_that_says_what_the_network_says(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "squares"
    assert main(["export", str(run), "--out", str(out)]) == 0
    assert "squares in" in capsys.readouterr().out
    bundle = Bundle.load(out)
    assert (bundle.task, bundle.default_names) == (
        "semantic_segmentation",
        ("background", "thing"),
    )
    assert bundle.regions is None and bundle.fixed_vocabulary
    model = load_segmenter_run(run).model
    image = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    with torch.no_grad():
        logits = model(torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255)
    session = open_session(bundle.graph("fp32"), threads=1)
    found = session.run({"image": image[None]})["class_logits"]
    np.testing.assert_allclose(found, logits.numpy(), atol=1e-4)
    labels = Segmenter(bundle, threads=1)(image).labels
    full = torch.nn.functional.interpolate(logits, (64, 96), mode="bilinear")
    margin = (full[0, 0] - full[0, 1]).abs().numpy()
    assert (labels == full[0].argmax(0).numpy())[margin > 1e-3].all()
    assert "2 classes" not in (out / "MODEL_CARD.md").read_text()
    assert "classes background, thing" in (out / "MODEL_CARD.md").read_text()
    assert str(run.parent) not in (out / "recipe.json").read_text()


def test_half_weights_take_half_the_room(run: Path, tmp_path: Path) -> None:
    for name, options in (("full", []), ("half", ["--half-weights"])):
        assert main(["export", str(run), "--out", str(tmp_path / name), *options]) == 0
    sizes = [(tmp_path / name / "model.onnx").stat().st_size for name in ("full", "half")]
    assert sizes[1] < 0.65 * sizes[0]


def test_a_graph_has_another_size_too(run: Path) -> None:
    graph = segmenter_graph(load_segmenter_run(run).model, (96, 128))
    (output,) = open_session(graph, threads=1).outputs
    assert output.shape[:2] == (1, 2)
    assert output.shape[2] * 128 == output.shape[3] * 96


@pytest.mark.parametrize("option", [["--names-file", "x.txt"], ["--score-threshold", "0.4"]])
def test_options_of_detectors_are_refused(
    run: Path, option: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(run), "--out", str(tmp_path / "out"), *option]) == 2
    assert f"{option[0]}: expected none for a segmenter, found one" in capsys.readouterr().err


def test_a_damaged_checkpoint_is_one_line(run: Path, tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").write_bytes((run / "checkpoint.pt").read_bytes()[:1000])
    found = refusal_of(ExportError, lambda: load_segmenter_run(tmp_path))
    assert found.startswith(f"{tmp_path}/checkpoint.pt: expected a training checkpoint")
