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
from vit_perception.training.phrases import build_phrase_book  # noqa: E402
from vit_perception.training.pictures import load_pictures, read  # noqa: E402
from vit_perception.training.recipe import Recipe  # noqa: E402
from vit_perception.training.trainer import Trainer  # noqa: E402

pytestmark = pytest.mark.torch

QUICK = {"size": 96, "batch": 16, "texts": 16, "warmup": 10, "mosaic": 0.0, "ema": 0.97}


def trainer(data: Path, folder: Path, **options: object) -> Trainer:
    recipe = Recipe(data=(str(data),), **{**QUICK, **options})
    pictures, described = load_pictures(recipe.data)
    return Trainer(recipe, pictures, build_phrase_book(described, toy.encode), folder, workers=0)


def test_a_held_out_combination_is_named(tmp_path: Path) -> None:
    torch.set_num_threads(2)
    data = toy.write_pictures(tmp_path / "train", 400)
    run = trainer(data, tmp_path / "run", steps=220, seed=1)
    run.run()
    unseen = toy.write_pictures(tmp_path / "new", 40, seed=9, only=toy.HELD_OUT)
    names = sorted(f"{c} {s}" for c in toy.COLOURS for s in toy.SHAPES)
    text = torch.from_numpy(toy.encode(names))
    asked = names.index(" ".join(toy.HELD_OUT))
    right = 0
    pictures, _ = load_pictures((str(unseen),))
    with torch.no_grad():
        embeddings = run.average.embed(text)
        for picture in pictures:
            image = torch.from_numpy(read(picture)).permute(2, 0, 1)[None].float() / 255
            boxes, scores = run.average.detect(image, embeddings)
            target = torch.from_numpy(picture.labels.boxes[0])
            best = complete_iou(boxes[0], target.expand_as(boxes[0])).argmax()
            right += int(scores[0, best].argmax() == asked)
    # Chance is 1 in 9; the words were only ever seen in other combinations.
    assert right >= 14


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
