# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The training loop: deterministic by seed, resumable to the step."""

from __future__ import annotations

import copy
import json
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Sampler

from vit_perception.models.detectors.dosod import DOSOD
from vit_perception.models.detectors.factory import DetectorError, create_detector
from vit_perception.training.batches import Batch, BatchSource
from vit_perception.training.device import find_device
from vit_perception.training.losses import Losses, LossWeights, Targets, detection_losses
from vit_perception.training.phrases import PhraseBook
from vit_perception.training.pictures import DataError, Picture
from vit_perception.training.recipe import Recipe, RecipeError
from vit_perception.wording import one_line


class TrainingError(RuntimeError):
    """A run cannot begin, continue or be resumed; one line."""


class _From(Sampler[int]):
    """Samples the steps from ``start`` on."""

    def __init__(self, start: int, stop: int) -> None:
        self.range = range(start, stop)

    def __iter__(self) -> Iterator[int]:
        return iter(self.range)

    def __len__(self) -> int:
        return len(self.range)


def _as_is(batch: list[Batch | DataError]) -> Batch | DataError:
    return batch[0]


class Trainer:
    """One run and its state in a folder: checkpoint.pt and log.jsonl.

    Args:
        recipe: the settings of the run.
        pictures, book: the data, see `annotations.load_pictures` and `phrases.build_phrase_book`.
        folder: created if absent; a checkpoint in it is resumed.
        device: "cpu", a CUDA device, or "auto": CUDA if available, else the CPU.
        workers: loader processes; the batches do not depend on their number.
        start: weights to begin from if nothing is resumed; see `load_start`.

    Raises:
        DeviceError, RecipeError, TrainingError: one line.
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
    ) -> None:
        self.recipe, self.folder, self.device = recipe, folder, find_device(device)
        torch.manual_seed(recipe.seed)
        self.workers = workers
        self.source = BatchSource(recipe, pictures, book)
        self.text = torch.from_numpy(book.embeddings).to(self.device)
        self.model = build_model(recipe, self.text.shape[1]).to(self.device)
        if start is not None:
            load_start(self.model, start)
        layout = torch.channels_last
        self.model.to(memory_format=layout)  # type: ignore[call-overload]  # torch lacks its type
        self.average = copy.deepcopy(self.model).requires_grad_(False).eval()
        self.optimizer = torch.optim.AdamW(_groups(self.model, recipe), lr=recipe.learning_rate)
        self.step = 0
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / "checkpoint.pt").exists():
            self.resume()

    def run(
        self,
        report: Callable[[int, dict[str, float]], None] | None = None,
        until: int | None = None,
    ) -> None:
        """Trains to the recipe's last step (or ``until``), logging and saving on the way.

        Raises:
            DataError: a picture or mask cannot be read.
            TrainingError: a loss or gradient is not finite; the last checkpoint stays.
        """
        recipe = self.recipe
        stop = min(recipe.steps, until or recipe.steps)
        loader = DataLoader(
            self.source,
            batch_size=1,
            sampler=_From(self.step, stop),
            num_workers=self.workers,
            collate_fn=_as_is,
            prefetch_factor=4 if self.workers else None,
        )
        saved = time.monotonic()
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            for batch in loader:
                if isinstance(batch, DataError):
                    raise batch
                row = self.train_step(batch)
                print(json.dumps({"step": self.step, **row}), file=log, flush=True)
                if report is not None:
                    report(self.step, row)
                if time.monotonic() - saved > recipe.checkpoint_minutes * 60:
                    self.save()
                    saved = time.monotonic()
        self.save()

    def train_step(self, batch: Batch) -> dict[str, float]:
        """Runs one optimiser step and returns its losses.

        Raises:
            TrainingError: losses or gradients are not finite; the weights stay as they were,
                fit for a checkpoint.
        """
        recipe = self.recipe
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(recipe, self.step)
        self.model.train()
        images = batch.images.to(self.device, memory_format=torch.channels_last)
        targets = Targets(*(getattr(batch.targets, n).to(self.device) for n in _TARGETS))
        text = self._text(batch.texts.to(self.device))
        # Class embeddings stay in float32: they are few, and their products decide the ranking.
        embeddings = self.model.embed(text)
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            output = self.model(images.float() / 255, embeddings)
        losses = detection_losses(output, targets, LossWeights(classes=recipe.class_weight))
        row = {name: float(getattr(losses, name).detach()) for name in _LOSSES}
        if not all(map(math.isfinite, row.values())):
            raise TrainingError(
                f"{self.folder}: expected finite losses, found {row} at step {self.step + 1}"
            )
        self.optimizer.zero_grad(set_to_none=True)
        (losses.total * len(images)).backward()
        norm = float(nn.utils.clip_grad_norm_(self.model.parameters(), recipe.clip))
        if not math.isfinite(norm):
            raise TrainingError(
                f"{self.folder}: expected finite gradients, found {norm} after step {self.step}"
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

    def save(self) -> None:
        """Writes the checkpoint; an interrupted write keeps the one before."""
        state = {
            "recipe": json.dumps(self.recipe.as_dict()),
            "step": self.step,
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        path = self.folder / "checkpoint.pt"
        with path.with_suffix(".tmp").open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())  # the content must reach the disk before the new name
        os.replace(path.with_suffix(".tmp"), path)

    def resume(self) -> None:
        """Continues from the folder's checkpoint, and cuts the log back to its step.

        Raises:
            TrainingError: the checkpoint has another network or shape of batches.
        """
        path = self.folder / "checkpoint.pt"
        try:
            state = torch.load(path, map_location=self.device, weights_only=True)
            before = json.loads(state["recipe"])
            for key in ("architecture", "activation", "prototypes", "batch", "texts"):
                # A checkpoint without this key was trained with its default.
                found = before.get(key, getattr(Recipe, key))
                if found != getattr(self.recipe, key):
                    raise TrainingError(
                        f"{path}: expected a run with {key} {getattr(self.recipe, key)}, "
                        f"found {found}"
                    )
            self.model.load_state_dict(state["model"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step = int(state["step"])
        except TrainingError:
            raise
        except (UnpicklingError, RuntimeError, KeyError, TypeError, ValueError, EOFError) as error:
            raise TrainingError(
                f"{path}: expected a training checkpoint, found {one_line(error, 120)}"
            ) from None
        log = self.folder / "log.jsonl"
        if log.exists():
            rows = log.read_text(encoding="utf-8").splitlines(keepends=True)
            # Rows are steps 1, 2, …; those after the checkpoint are repeated.
            log.with_suffix(".tmp").write_text("".join(rows[: self.step]), encoding="utf-8")
            os.replace(log.with_suffix(".tmp"), log)


_TARGETS = tuple(field.name for field in fields(Targets))
_LOSSES = tuple(field.name for field in fields(Losses))


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


def load_start(model: DOSOD, start: Mapping[str, Tensor]) -> None:
    """Loads other weights into a model, of either activation.

    A mask head is loaded whole or not at all: if one side has none, or another number of
    prototypes, the model keeps its own.

    Raises:
        RecipeError: the weights are of another architecture.
    """
    own = model.state_dict()
    same = {key for key in own if key in start and own[key].shape == start[key].shape}
    masks = {key for key in {**own, **start} if key.startswith("mask_head.")}
    left = set() if masks <= same else masks
    other = sorted((own.keys() | start.keys()) - same - left)
    if other:
        raise RecipeError(
            "start: expected weights of the recipe's architecture, found "
            f"{len(other)} entries that differ ({other[0]} …)"
        )
    model.load_state_dict({**own, **{key: start[key] for key in same - left}})


def learning_rate(recipe: Recipe, step: int) -> float:
    """Returns the rate of linear warm-up, then of linear decay to the recipe's final share."""
    if step < recipe.warmup:
        return recipe.learning_rate * (step + 1) / recipe.warmup
    progress = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    return recipe.learning_rate * (1 - (1 - recipe.final_learning_rate) * min(1.0, progress))


def _groups(model: nn.Module, recipe: Recipe) -> list[dict[str, object]]:
    """Returns parameter groups; only matrices and kernels decay (card 01, Training)."""
    decayed = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim <= 1]
    return [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
