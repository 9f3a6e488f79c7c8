# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Scores that tell how often they are right."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from test.export.test_detector import HEIGHT, WIDTH, lively_model, unit_text  # noqa: E402
from vit_perception.bundle.bundle import Bundle  # noqa: E402
from vit_perception.bundle.paths import find_bundle  # noqa: E402
from vit_perception.cli.__main__ import main  # noqa: E402
from vit_perception.evaluation.naming import calibration_error  # noqa: E402
from vit_perception.export import calibration as calibrating  # noqa: E402
from vit_perception.export.calibration import (  # noqa: E402
    Calibration,
    CalibrationError,
    Judged,
    fitted,
)
from vit_perception.export.detector import export_bundle  # noqa: E402
from vit_perception.export.trained import (  # noqa: E402
    ExportError,
    Trained,
    calibrated,
    load_bundle_model,
)
from vit_perception.frame import Frame  # noqa: E402
from vit_perception.perceiver.perceiver import Perceiver  # noqa: E402
from vit_perception.perceiver.settings import Settings  # noqa: E402
from vit_perception.training.recipe import Recipe  # noqa: E402
from vit_perception.vocabulary import Vocabulary  # noqa: E402

pytestmark = pytest.mark.torch

NAMES = ("red mug", "spoon", "box")


def drawn(count: int, truth: Calibration, seed: int = 0) -> Judged:
    """Detections that are right as often as the true calibration says."""
    random = np.random.default_rng(seed)
    scores = random.uniform(0.03, 0.95, count).astype(np.float32)
    return Judged(scores, random.random(count) < truth.scores(scores))


def bundle_of(trained: Trained, folder: Path) -> Bundle:
    return export_bundle(
        trained,
        folder,
        name="toy",
        vocabulary=Vocabulary(NAMES, unit_text(3), 0),
        anything=unit_text(1)[0],
        default_names=NAMES,
        size=(HEIGHT, WIDTH),
    )


def test_the_truth_is_found_again() -> None:
    truth = Calibration(1.7, -0.4)
    found = fitted([drawn(40_000, truth)])
    assert found.scale == pytest.approx(truth.scale, abs=0.06)
    assert found.offset == pytest.approx(truth.offset, abs=0.06)
    unseen = drawn(40_000, truth, seed=1)
    assert calibration_error(unseen.scores, unseen.right) > 0.08
    assert calibration_error(found.scores(unseen.scores), unseen.right) < 0.012


def test_each_data_set_weighs_the_same() -> None:
    sure, unsure = Calibration(1.0, 1.0), Calibration(1.0, -1.0)
    few, many = drawn(3_000, sure), drawn(30_000, unsure)
    assert abs(fitted([few, many]).offset) < 0.15
    assert fitted([many]).offset < -0.85


def test_what_cannot_be_fitted_is_said() -> None:
    with pytest.raises(CalibrationError, match="expected 50 right and 50 false .* found 3 and 97"):
        fitted([Judged(np.linspace(0.1, 0.9, 100, dtype=np.float32), np.arange(100) < 3)])
    scores = np.linspace(0.1, 0.9, 400, dtype=np.float32)
    with pytest.raises(CalibrationError, match="higher scores to be more often right"):
        fitted([Judged(scores, np.random.default_rng(0).random(400) > scores)])


def test_one_after_the_other() -> None:
    one, two = Calibration(2.0, 0.5), Calibration(0.8, -1.0)
    scores = np.linspace(0.05, 0.95, 9, dtype=np.float32)
    np.testing.assert_allclose(two.after(one).scores(scores), two.scores(one.scores(scores)), 1e-5)


def test_a_bundle_gives_calibrated_scores_in_the_same_order(tmp_path: Path) -> None:
    trained = Trained(lively_model(), Recipe(data=("d",)), 1)
    found = Calibration(0.7, 0.8)
    plain = bundle_of(trained, tmp_path / "plain")
    other = bundle_of(calibrated(trained, found), tmp_path / "other")
    picture = Frame(np.random.default_rng(3).integers(0, 256, (120, 160, 3), np.uint8))
    settings = Settings(score_threshold=0.0, iou_threshold=1.0, max_detections=100)
    before, after = (
        Perceiver(each, vocabulary=each.ready_made(), settings=settings)(picture)
        for each in (plain, other)
    )
    assert len(before) > 20
    np.testing.assert_allclose(after.scores, found.scores(before.scores), atol=2e-3)
    # The weights are rounded to half precision, by which neighbours may change places.
    assert np.mean(before.labels == after.labels) > 0.9

    # The model that was given is as it was.
    assert trained.calibration == Calibration()
    again = load_bundle_model(other)
    assert again.calibration == found
    assert load_bundle_model(plain).calibration == Calibration()
    assert bundle_of(again, tmp_path / "again").graph() == other.graph()
    recipe = json.loads((other.directory / "recipe.json").read_text())
    assert recipe["calibration"] == {"scale": 0.7, "offset": 0.8}


def test_a_strange_calibration_in_a_bundle_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vit_perception.export import trained as module

    bundle = bundle_of(Trained(lively_model(), Recipe(data=("d",)), 1), tmp_path / "toy")
    recipe = json.loads((bundle.directory / "recipe.json").read_text())
    for strange in ({"warmth": 2}, {"scale": "2"}, {"scale": -1.0}, {"scale": 1e999}, [1]):
        content = json.dumps({**recipe, "calibration": strange}).encode()
        monkeypatch.setattr(
            module,
            "read_verified",
            lambda directory, file, digest, content=content: (
                content if file == "recipe.json" else (directory / file).read_bytes()
            ),
        )
        with pytest.raises(ExportError, match=r"recipe\.json: calibration.*expected a number"):
            load_bundle_model(bundle)


def test_the_command_calibrates_on_labelled_pictures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrating, "FEWEST", 5)
    bundle = str(find_bundle("tabletop_nano"))
    photos = str(Path(__file__).parents[2] / "samples" / "photos")
    arguments = ["export", bundle, "--out", str(tmp_path / "out")]
    assert main([*arguments, "--calibrate", photos]) == 0
    told = capsys.readouterr().out
    assert f"calibrated on {photos}: " in told and "expected calibration error" in told
    found = load_bundle_model(Bundle.load(tmp_path / "out")).calibration
    assert found.scale > 0 and found != Calibration()
