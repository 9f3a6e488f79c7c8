# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The training loop learns, generalises over text, and resumes bit-exactly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from test.training import toy  # noqa: E402
from vit_perception.models.boxes import complete_iou  # noqa: E402
from vit_perception.models.detectors.dosod import DOSOD  # noqa: E402
from vit_perception.training.phrases import build_phrase_book  # noqa: E402
from vit_perception.training.pictures import Picture, load_pictures, read  # noqa: E402
from vit_perception.training.recipe import Recipe  # noqa: E402
from vit_perception.training.trainer import Trainer  # noqa: E402

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
    for key, value in whole.average.state_dict().items():
        np.testing.assert_array_equal(resumed.average.state_dict()[key], value, err_msg=key)
    log = (tmp_path / "halves" / "log.jsonl").read_text()
    assert log == (tmp_path / "whole" / "log.jsonl").read_text()
