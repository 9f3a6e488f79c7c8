# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The training loop learns, generalises over text, and resumes bit-exactly."""

from __future__ import annotations

import json
import os
import re
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

from test.evaluation.measured import measured  # noqa: E402
from test.training import toy  # noqa: E402
from vit_perception.bundle.bundle import Bundle  # noqa: E402
from vit_perception.export.detector import export_bundle  # noqa: E402
from vit_perception.export.trained import load_run  # noqa: E402
from vit_perception.images.media import read_picture  # noqa: E402
from vit_perception.models.boxes import complete_iou  # noqa: E402
from vit_perception.models.detectors.dosod import DOSOD, dosod_nano  # noqa: E402
from vit_perception.perceiver.perceiver import Perceiver  # noqa: E402
from vit_perception.perceiver.settings import Settings  # noqa: E402
from vit_perception.text.encoder import TextEncoder, find_text_encoder  # noqa: E402
from vit_perception.training.annotations import load_pictures  # noqa: E402
from vit_perception.training.device import DeviceError, find_device  # noqa: E402
from vit_perception.training.failure import TrainingError  # noqa: E402
from vit_perception.training.log import read_log  # noqa: E402
from vit_perception.training.phrases import build_phrase_book  # noqa: E402
from vit_perception.training.pictures import DataError, Picture, read  # noqa: E402
from vit_perception.training.recipe import Recipe, RecipeError  # noqa: E402
from vit_perception.training.run import write_curves  # noqa: E402
from vit_perception.training.start import load_start  # noqa: E402
from vit_perception.training.trainer import Trainer  # noqa: E402
from vit_perception.vocabulary import Vocabulary  # noqa: E402

pytestmark = pytest.mark.torch

# Small tensors: a second thread costs more than it does, and far more on a busy machine.
torch.set_num_threads(1)

QUICK = {"size": 96, "batch": 16, "texts": 16, "warmup": 10, "mosaic": 0.0, "ema": 0.97}


def trainer(data: Path, folder: Path, **options: object) -> Trainer:
    recipe = Recipe(data=(str(data),), **{**QUICK, **options})
    pictures, described = load_pictures(recipe.data)
    book = build_phrase_book(described, toy.encode, anything=recipe.anything > 0)
    return Trainer(recipe, pictures, book, folder, workers=0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
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
    options = {"steps": 6, "batch": 4, "size": 64, "mosaic": 0.5, "contrast": 0.5}
    whole = trainer(data, tmp_path / "whole", **options)
    whole.run()
    trainer(data, tmp_path / "halves", **options).run(until=3)
    resumed = trainer(data, tmp_path / "halves", **options)
    assert resumed.step == 3
    resumed.run()
    assert_same(resumed.average.state_dict(), whole.average.state_dict())
    log = (tmp_path / "halves" / "log.jsonl").read_text()
    assert log == (tmp_path / "whole" / "log.jsonl").read_text()


def test_a_resumed_run_leaves_out_the_same_paths(tmp_path: Path) -> None:
    """Networks with stochastic depth draw at each step."""
    data = toy.write_pictures(tmp_path / "train", 24)
    options = {"steps": 3, "batch": 2, "size": 64, "backbone": "emov2_5m"}
    whole = trainer(data, tmp_path / "whole", **options)
    whole.run()
    trainer(data, tmp_path / "halves", **options).run(until=1)
    resumed = trainer(data, tmp_path / "halves", **options)
    resumed.run()
    assert_same(resumed.average.state_dict(), whole.average.state_dict())


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
    assert list(rows[0]) == ["classes", "box", "distribution", "mask"]
    for name in rows[0]:
        values = [row[name] for row in rows]
        # Single batches cost twice what others do.
        assert np.median(values[-5:]) < np.median(values[:5]), name


@pytest.mark.slow
def test_things_are_told_apart_better_after_thirty_steps(tmp_path: Path) -> None:
    data = toy.write_pictures(tmp_path / "train", 32)
    run = trainer(data, tmp_path / "run", steps=30, warmup=5, anything=1.0, contrast=2.0)
    rows: list[dict[str, float]] = []
    run.run(lambda step, losses: rows.append(losses))
    for name in ("classes", "contrast"):
        values = [row[name] for row in rows]
        assert np.mean(values[-5:]) < 0.8 * np.mean(values[:5]), name


def test_gradients_that_are_not_finite_reach_neither_weights_nor_checkpoint(
    tmp_path: Path,
) -> None:
    data = toy.write_pictures(tmp_path / "train", 24)
    run = trainer(data, tmp_path / "run", steps=4, batch=2, size=64)
    run.run(until=1)
    kept = (tmp_path / "run" / "checkpoint.pt").read_bytes()
    before = {key: value.clone() for key, value in run.model.state_dict().items()}
    parameter = next(run.model.parameters())
    parameter.register_hook(lambda gradient: gradient * float("nan"))
    with pytest.raises(TrainingError, match="expected finite gradients, found nan after step 1"):
        run.run()
    for key, value in run.model.named_parameters():
        np.testing.assert_array_equal(value.detach(), before[key], err_msg=key)
    assert (tmp_path / "run" / "checkpoint.pt").read_bytes() == kept


@pytest.mark.parametrize(("theirs", "ours"), [(0, 8), (8, 0), (8, 4), (8, 8)])
def test_other_weights_are_a_start_with_or_without_masks(theirs: int, ours: int) -> None:
    start = dosod_nano(text_dimension=64, prototypes=theirs, activation="silu").state_dict()
    model = dosod_nano(text_dimension=64, prototypes=ours, activation="relu")
    before = {key: value.clone() for key, value in model.state_dict().items()}
    load_start(model, start)
    for key, value in model.state_dict().items():
        taken = theirs == ours or not key.startswith("mask_head.")
        np.testing.assert_array_equal(value, (start if taken else before)[key], err_msg=key)


def test_weights_of_another_network_are_no_start() -> None:
    model = dosod_nano(text_dimension=64)
    with pytest.raises(RecipeError, match="found 1 entries that differ"):
        load_start(model, dict(list(model.state_dict().items())[1:]))
    with pytest.raises(RecipeError, match=r"found 1 entries that differ \(head\.text_mlp"):
        load_start(model, dosod_nano(text_dimension=65).state_dict())


def test_a_checkpoint_of_another_network_or_none_at_all_is_refused(tmp_path: Path) -> None:
    data = toy.write_pictures(tmp_path / "train", 24)
    options = {"steps": 2, "batch": 2, "size": 64}
    trainer(data, tmp_path / "run", **options).run(until=1)
    assert not list((tmp_path / "run").glob("*.tmp"))
    with pytest.raises(TrainingError, match="expected a run with prototypes 8, found 0"):
        trainer(data, tmp_path / "run", prototypes=8, **options)
    (tmp_path / "run" / "checkpoint.pt").write_bytes(b"no checkpoint")
    with pytest.raises(TrainingError, match="expected a training checkpoint") as error:
        trainer(data, tmp_path / "run", **options)
    assert str(error.value).isprintable()


def test_a_picture_that_vanishes_ends_the_run_in_one_line(tmp_path: Path) -> None:
    run = trainer(toy.write_pictures(tmp_path / "train", 24), tmp_path / "run", steps=2)
    for picture in run.source.pictures:
        picture.path.unlink()
    run.workers = 1
    with pytest.raises(DataError) as error:
        run.run()
    assert re.fullmatch(
        r"\S*\.png: expected a readable file, found No such file.*", str(error.value)
    )


@pytest.mark.parametrize("name", ["gpu", "mps", "cuda:99", "cuda:x", ""])
def test_devices_that_are_not_here_are_refused(name: str) -> None:
    with pytest.raises(DeviceError, match="^device: expected ") as error:
        find_device(name)
    assert str(error.value).isprintable()


def test_the_device_is_a_gpu_where_there_is_one() -> None:
    assert find_device("cpu").type == "cpu"
    assert find_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_runs_the_same_recipe_to_the_same_bits(tmp_path: Path) -> None:
    data = toy.write_pictures(tmp_path / "train", 24)
    recipe = Recipe(data=(str(data),), **{**QUICK, "steps": 4, "prototypes": 8})
    pictures, described = load_pictures(recipe.data)
    book = build_phrase_book(described, toy.encode)
    runs = [Trainer(recipe, pictures, book, tmp_path / n, device="cuda", workers=0) for n in "ab"]
    for run in runs:
        run.run()
    weights = [{k: v.cpu() for k, v in run.average.state_dict().items()} for run in runs]
    assert_same(*weights)


def test_curves_show_every_loss_as_picture_and_numbers(tmp_path: Path) -> None:
    assert write_curves(tmp_path) is None
    rows = [
        {"step": n, "classes": 2.0, "box": n, "distribution": 1.0, "mask": 3.0}
        for n in range(1, 301)
    ]
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert write_curves(tmp_path) == tmp_path / "curves.png"
    assert read_picture(tmp_path / "curves.png").image.std() > 1
    curves = json.loads((tmp_path / "curves.json").read_text())
    assert curves["window"] == 3
    assert curves["step"] == list(range(3, 301))
    assert curves["box"] == pytest.approx([n - 1 for n in range(3, 301)])
    assert set(curves["mask"]) == {3.0}


def command_line(folder: Path, run: Path, **options: object) -> list[str]:
    """`vit-perception train` on the folder's toy data."""
    data = folder / "train"
    if not data.exists():
        toy.write_pictures(data, 200)
    recipe = folder / f"{run.name}.yaml"
    recipe.write_text(yaml.safe_dump({**QUICK, "data": ["train"], "prototypes": 8, **options}))
    return [
        *(sys.executable, "-m", "vit_perception.cli", "train", str(recipe)),
        *("--out", str(run), "--workers", "2", "--threads", "1"),
    ]


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    options = {"steps": 16, "batch": 4, "size": 64, "mosaic": 0.5, "checkpoint_minutes": 0.0}
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run(command_line(tmp_path, whole, **options), check=True, capture_output=True)
    for rows in (0, 4, 9):
        process = subprocess.Popen(
            command_line(tmp_path, killed, **options), stdout=subprocess.PIPE, text=True
        )
        with process:
            assert process.stdout is not None
            assert process.stdout.readline()  # the training begins
            while len(read_log(killed / "log.jsonl")) < rows:
                time.sleep(0.01)
            os.kill(process.pid, signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
    assert load_run(killed).steps < 16
    subprocess.run(command_line(tmp_path, killed, **options), check=True, capture_output=True)
    assert_same(load_run(killed).model.state_dict(), load_run(whole).model.state_dict())
    for file in ("log.jsonl", "curves.json"):
        assert (killed / file).read_text() == (whole / file).read_text()
    assert sorted(os.listdir(killed)) == sorted(os.listdir(whole))


@pytest.mark.slow
def test_a_toy_is_learned_by_heart(tmp_path: Path) -> None:
    """200 pictures through command line, bundle and the robot's code: boxes and masks."""
    run = tmp_path / "run"
    options = {"steps": 800, "texts": 24, "learning_rate": 3e-3}
    subprocess.run(command_line(tmp_path, run, **options), check=True, capture_output=True)
    trained = load_run(run)
    names = tuple(f"{c} {s}" for c in toy.COLOURS for s in toy.SHAPES)
    embeddings = TextEncoder(find_text_encoder("all-MiniLM-L6-v2"))(names)
    vocabulary = Vocabulary(names, embeddings)
    bundle = export_bundle(
        trained, tmp_path / "bundle", name="toy", vocabulary=vocabulary,
        anything=embeddings[0], default_names=names,
    )  # fmt: skip
    perceiver = Perceiver(Bundle.load(bundle.directory), settings=Settings(0.001, 0.6))
    found = measured(tmp_path / "train", perceiver)
    assert found["overall"]["AP50"] > 0.3
    assert found["overall"]["mask_AP50"] > 0.2
