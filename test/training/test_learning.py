# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The training loop learns, generalises over text, and resumes bit-exactly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import yaml

torch = pytest.importorskip("torch")

from test.training import toy  # noqa: E402
from vit_perception.bundle import Bundle  # noqa: E402
from vit_perception.evaluation.coco import evaluate_dataset  # noqa: E402
from vit_perception.export.detector import export_bundle, load_run  # noqa: E402
from vit_perception.models.boxes import complete_iou  # noqa: E402
from vit_perception.models.detectors.dosod import DOSOD, dosod_nano  # noqa: E402
from vit_perception.perceiver import Perceiver, Settings  # noqa: E402
from vit_perception.text.encoder import TextEncoder, find_text_encoder  # noqa: E402
from vit_perception.training.phrases import build_phrase_book  # noqa: E402
from vit_perception.training.pictures import Picture, load_pictures, read  # noqa: E402
from vit_perception.training.recipe import Recipe, RecipeError  # noqa: E402
from vit_perception.training.trainer import Trainer, load_start  # noqa: E402
from vit_perception.vocabulary import Vocabulary  # noqa: E402

pytestmark = pytest.mark.torch

# Small tensors: a second thread costs more than it does, and far more on a busy machine.
torch.set_num_threads(1)

QUICK = {"size": 96, "batch": 16, "texts": 16, "warmup": 10, "mosaic": 0.0, "ema": 0.97}


def trainer(data: Path, folder: Path, **options: object) -> Trainer:
    recipe = Recipe(data=(str(data),), **{**QUICK, **options})
    pictures, described = load_pictures(recipe.data)
    return Trainer(recipe, pictures, build_phrase_book(described, toy.encode), folder, workers=0)


@pytest.mark.parametrize(
    "seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)]
)
def test_a_held_out_combination_is_found_by_name(tmp_path: Path, seed: int) -> None:
    data = toy.write_pictures(tmp_path / "train", 600)
    run = trainer(data, tmp_path / "run", steps=220, seed=seed)
    run.run()
    pictures, _ = load_pictures((str(toy.write_confusable(tmp_path / "new", 60, seed=9)),))
    embeddings = run.average.embed(torch.from_numpy(toy.encode([" ".join(toy.HELD_OUT)])))
    right = sum(_found(run.average, embeddings, picture) for picture in pictures)
    # A coin would be right 30 times, and four standard deviations above it are 46.
    assert right >= 46


@torch.no_grad()
def _found(model: DOSOD, embeddings: torch.Tensor, picture: Picture) -> bool:
    """Whether the best box for the only name lies on the first object, not on the second."""
    image = torch.from_numpy(read(picture)).permute(2, 0, 1)[None].float() / 255
    boxes, scores = model.detect(image, embeddings)
    best = boxes[0, scores[0, :, 0].argmax()]
    overlaps = complete_iou(best.expand(2, 4), torch.from_numpy(picture.labels.boxes))
    return bool(overlaps[0] > 0.5 and overlaps[0] > overlaps[1])


def test_a_resumed_run_is_bit_exact(tmp_path: Path) -> None:
    data = toy.write_pictures(tmp_path / "train", 24)
    options = {"steps": 6, "batch": 4, "size": 64, "mosaic": 0.5}
    whole = trainer(data, tmp_path / "whole", **options)
    whole.run()
    trainer(data, tmp_path / "halves", **options).run(until=3)
    resumed = trainer(data, tmp_path / "halves", **options)
    assert resumed.step == 3
    resumed.run()
    assert_same(resumed.average.state_dict(), whole.average.state_dict())
    log = (tmp_path / "halves" / "log.jsonl").read_text()
    assert log == (tmp_path / "whole" / "log.jsonl").read_text()


def assert_same(found: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]) -> None:
    """Every entry equal to the bit."""
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        np.testing.assert_array_equal(found[key], value, err_msg=key)


def test_twenty_steps_lower_every_loss(tmp_path: Path) -> None:
    data = toy.write_pictures(tmp_path / "train", 32)
    run = trainer(data, tmp_path / "run", steps=20, warmup=5, prototypes=8, batch=8)
    rows: list[dict[str, float]] = []
    run.run(lambda step, losses: rows.append(losses))
    for name in ("classes", "box", "distribution", "mask"):
        values = [row[name] for row in rows]
        assert np.mean(values[-5:]) < np.mean(values[:5]), name


def test_other_weights_are_a_start_and_may_lack_the_masks() -> None:
    plain, masked = (dosod_nano(text_dimension=64, prototypes=p) for p in (0, 8))
    load_start(masked, plain.state_dict())
    assert_same({k: masked.state_dict()[k] for k in plain.state_dict()}, plain.state_dict())
    with pytest.raises(RecipeError, match="others"):
        load_start(plain, masked.state_dict())
    with pytest.raises(RecipeError, match="1 entries missing"):
        load_start(masked, dict(list(plain.state_dict().items())[1:]))


def command_line(folder: Path, run: Path, **options: object) -> list[str]:
    """`vit-perception train` on the folder's toy data."""
    data = folder / "train"
    if not data.exists():
        toy.write_pictures(data, 200)
    recipe = folder / f"{run.name}.yaml"
    recipe.write_text(yaml.safe_dump({**QUICK, "data": ["train"], "prototypes": 8, **options}))
    return [
        *(sys.executable, "-m", "vit_perception.cli", "train", str(recipe)),
        *("--out", str(run), "--workers", "0", "--threads", "1"),
    ]


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    options = {"steps": 16, "batch": 4, "size": 64, "mosaic": 0.5, "checkpoint_minutes": 0.0}
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run(command_line(tmp_path, whole, **options), check=True, capture_output=True)
    process = subprocess.Popen(
        command_line(tmp_path, killed, **options), stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 300
    while not (killed / "checkpoint.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert load_run(killed).steps < 16
    subprocess.run(command_line(tmp_path, killed, **options), check=True, capture_output=True)
    assert_same(load_run(killed).model.state_dict(), load_run(whole).model.state_dict())
    assert (killed / "log.jsonl").read_text() == (whole / "log.jsonl").read_text()


@pytest.mark.slow
def test_a_toy_is_learned_by_heart(tmp_path: Path) -> None:
    """200 pictures through command line, bundle and the robot's code: boxes and masks."""
    run = tmp_path / "run"
    options = {"steps": 300, "texts": 24, "learning_rate": 3e-3}
    subprocess.run(command_line(tmp_path, run, **options), check=True, capture_output=True)
    trained = load_run(run)
    names = tuple(f"{c} {s}" for c in toy.COLOURS for s in toy.SHAPES)
    embeddings = TextEncoder(find_text_encoder("all-MiniLM-L6-v2"))(names)
    vocabulary = Vocabulary(names, embeddings)
    bundle = export_bundle(
        trained, tmp_path / "bundle", name="toy", vocabulary=vocabulary, default_names=names
    )
    perceiver = Perceiver(Bundle.load(bundle.directory), settings=Settings(0.001, 0.6))
    found = evaluate_dataset(tmp_path / "train", perceiver)
    assert found["overall"]["AP50"] > 0.3
    assert found["overall"]["mask_AP50"] > 0.2
