# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The training loop: deterministic by seed, resumable to the step."""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import torch
from torch import Tensor, nn

from vit_perception.models.detectors.dosod import DOSOD
from vit_perception.models.detectors.factory import DetectorError, create_detector
from vit_perception.output.failure import writing
from vit_perception.training.batches import Batch, BatchSource
from vit_perception.training.checkpoint import (
    CHECKPOINT,
    Checkpoint,
    read_checkpoint,
    write_checkpoint,
)
from vit_perception.training.contrast import ThingContrast
from vit_perception.training.device import find_device
from vit_perception.training.failure import TrainingError
from vit_perception.training.loader import loaded
from vit_perception.training.log import LOG, StepLog, cut_log
from vit_perception.training.losses import Losses, LossWeights, Targets, detection_losses
from vit_perception.training.phrases import PhraseBook
from vit_perception.training.pictures import DataError, Picture
from vit_perception.training.rates import learning_rate, parameter_groups
from vit_perception.training.recipe import Recipe, RecipeError
from vit_perception.training.start import (
    frozen_modules,
    keep_statistics,
    load_backbone,
    load_start,
)
from vit_perception.wording import one_line, shown_path


class Trainer:
    """One run and its state in a folder: checkpoint.pt and log.jsonl.

    The log is cut back to the checkpoint's step; without a checkpoint, to nothing.

    Args:
        recipe: the settings of the run.
        pictures, book: the data, see `annotations.load_pictures` and `phrases.build_phrase_book`.
        folder: created if absent; a checkpoint in it is resumed. No other process may write
            there meanwhile, see `run.prepared`.
        device: "cpu", a CUDA device, or "auto": CUDA if available, else the CPU.
        workers: loader processes; the batches do not depend on their number.
        start: weights to begin from if nothing is resumed; see `load_start`.
        backbone: weights that its backbone begins with; see `load_backbone`.

    Attributes:
        unused: names in `backbone` that the network does not have.

    Raises:
        DeviceError, OutputError, RecipeError, TrainingError: one line.
    """

    def __init__(
        self,
        recipe: Recipe,
        pictures: list[Picture],
        book: PhraseBook,
        folder: Path,
        *,
        device: str = "auto",
        workers: int = 1,
        start: dict[str, Tensor] | None = None,
        backbone: dict[str, Tensor] | None = None,
    ) -> None:
        self.recipe, self.folder, self.device = recipe, folder, find_device(device)
        torch.manual_seed(recipe.seed)
        self.workers = workers
        self.source = BatchSource(recipe, pictures, book)
        self.text = torch.from_numpy(book.embeddings).to(self.device)
        self.model = build_model(recipe, self.text.shape[1]).to(self.device)
        self.unused = load_backbone(self.model, backbone) if backbone is not None else ()
        if start is not None:
            other = backbone is not None and not start.keys() >= _of_backbone(self.model)
            load_start(self.model, start, other_backbone=other)
        self.frozen = frozen_modules(self.model, recipe)
        layout = torch.channels_last
        self.model.to(memory_format=layout)  # type: ignore[call-overload]  # torch lacks its type
        self.average = copy.deepcopy(self.model).requires_grad_(False).eval()
        self.optimizer = torch.optim.AdamW(
            parameter_groups(self.model, recipe), lr=recipe.learning_rate
        )
        self.step = 0
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(folder / CHECKPOINT):
            self._resume()
        cut_log(folder / LOG, self.step)

    def run(
        self,
        report: Callable[[int, dict[str, float]], None] | None = None,
        until: int | None = None,
    ) -> None:
        """Trains to the recipe's last step (or ``until``), logging and saving on the way.

        Raises:
            DataError: a picture or mask cannot be read.
            OutputError: log or checkpoint cannot be written; the last checkpoint stays.
            TrainingError: a loss or gradient is not finite, or a loader process ended; the last
                checkpoint stays.
        """
        recipe = self.recipe
        stop = min(recipe.steps, until or recipe.steps)
        saved = time.monotonic()
        with StepLog(self.folder / LOG) as log:
            with loaded(self.source, self.step, stop, self.workers) as batches:
                for batch in batches:
                    if isinstance(batch, DataError):
                        raise batch
                    row = self.train_step(batch)
                    log.append(self.step, row)
                    if report is not None:
                        report(self.step, row)
                    if time.monotonic() - saved > recipe.checkpoint_minutes * 60:
                        self._save(log)
                        saved = time.monotonic()
            self._save(log)

    def train_step(self, batch: Batch) -> dict[str, float]:
        """Runs one optimiser step and returns its losses.

        Raises:
            TrainingError: losses or gradients are not finite; the weights stay as they were,
                fit for a checkpoint.
        """
        recipe = self.recipe
        # Of networks that leave out paths at random; a resumed run leaves out the same.
        torch.manual_seed(recipe.seed * 1_000_003 + self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(recipe, self.step) * group["share"]
        self.model.train()
        keep_statistics(self.frozen)
        images = batch.images.to(self.device, memory_format=torch.channels_last)
        targets = Targets(*(getattr(batch.targets, n).to(self.device) for n in _TARGETS))
        text = self._text(batch.texts.to(self.device))
        # Class embeddings stay in float32: they are few, and their products decide the ranking.
        embeddings = self.model.embed(text)
        half = recipe.arithmetic == "half"
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=half):
            output = self.model(images.float() / 255, embeddings)
        weights = LossWeights(classes=recipe.class_weight, contrast=recipe.contrast)
        contrast = None
        if recipe.contrast:
            embed = self.model.head.region_embeddings
            contrast = ThingContrast(embed, recipe.contrast_temperature)
        losses = detection_losses(output, targets, weights, contrast)
        names = _LOSSES if contrast else _ALWAYS
        row = {name: float(getattr(losses, name).detach()) for name in names}
        if not all(map(math.isfinite, row.values())):
            raise TrainingError(
                f"{shown_path(self.folder)}: expected finite losses, found {row} "
                f"at step {self.step + 1}"
            )
        self.optimizer.zero_grad(set_to_none=True)
        (losses.total * len(images)).backward()
        norm = float(nn.utils.clip_grad_norm_(self.model.parameters(), recipe.clip))
        if not math.isfinite(norm):
            raise TrainingError(
                f"{shown_path(self.folder)}: expected finite gradients, found {norm} "
                f"after step {self.step}"
            )
        self.optimizer.step()
        self.step += 1
        self._update_average()
        return row

    def _text(self, phrases: Tensor) -> Tensor:
        """Returns embeddings [B, K, D]; adds noise so that similar phrases overlap."""
        text = self.text[phrases]
        if not self.recipe.text_noise:
            return text
        generator = torch.Generator("cpu").manual_seed(self.recipe.seed * 1_000_003 + self.step)
        noise = torch.randn(text.shape, generator=generator).to(text)
        share = torch.rand(text.shape[:2], generator=generator).to(text)[..., None]
        text = text + noise * share * (self.recipe.text_noise / text.shape[2] ** 0.5)
        return nn.functional.normalize(text, dim=2)

    @torch.no_grad()
    def _update_average(self) -> None:
        # Early on, a fixed decay would keep too much of the random start.
        decay = min(self.recipe.ema, (1 + self.step) / (10 + self.step))
        ours = self.average.state_dict()
        for key, value in self.model.state_dict().items():
            if value.is_floating_point():
                ours[key].lerp_(value, 1 - decay)
            else:
                ours[key].copy_(value)

    def _save(self, log: StepLog) -> None:
        log.to_disk()
        state = Checkpoint(
            self.recipe.as_dict(),
            self.step,
            self.model.state_dict(),
            self.average.state_dict(),
            self.optimizer.state_dict(),
        )
        write_checkpoint(self.folder / CHECKPOINT, state)

    def _resume(self) -> None:
        """Continues from the folder's checkpoint.

        Raises:
            TrainingError: it is damaged, or of another network or shape of batches.
        """
        path = self.folder / CHECKPOINT
        found = read_checkpoint(path, self.device)
        found.check(self.recipe, path)
        try:
            self.model.load_state_dict(found.model)
            self.average.load_state_dict(found.average)
            self.optimizer.load_state_dict(found.optimizer)
            for group in self.optimizer.param_groups:
                group.setdefault("share", 1.0)  # checkpoints from before there were shares
            _check_moments(self.optimizer)
        # Of foreign values as many types as in `read_checkpoint`.
        except Exception as error:
            raise TrainingError(
                f"{shown_path(path)}: expected a checkpoint of this network, found "
                f"{one_line(error, 120)}"
            ) from None
        self.step = found.step


_TARGETS = tuple(field.name for field in fields(Targets))
_LOSSES = tuple(field.name for field in fields(Losses))
# A log has the same names from its first row to its last: older ones go on without a new loss.
_ALWAYS = tuple(name for name in _LOSSES if name != "contrast")


def build_model(recipe: Recipe, text_dimension: int, size: tuple[int, int] | None = None) -> DOSOD:
    """Returns the recipe's network, freshly initialised.

    Args:
        recipe: see Recipe.
        text_dimension: length of the text embeddings.
        size: height and width of the input; the recipe's square one by default.

    Raises:
        RecipeError: there is no such network.
    """
    try:
        return create_detector(
            recipe.architecture,
            backbone=recipe.backbone,
            size=size or (recipe.size, recipe.size),
            text_dimension=text_dimension,
            activation=recipe.activation,
            prototypes=recipe.prototypes,
        )
    except DetectorError as error:
        raise RecipeError(f"recipe: {error}") from None


def _check_moments(optimizer: torch.optim.Optimizer) -> None:
    for parameter, moments in optimizer.state.items():
        for value in moments.values():
            if isinstance(value, Tensor) and value.ndim and value.shape != parameter.shape:
                raise ValueError(
                    f"an optimizer with {list(value.shape)} for weights {list(parameter.shape)}"
                )


def _of_backbone(model: DOSOD) -> set[str]:
    return {key for key in model.state_dict() if key.startswith("backbone.")}
