# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The training loop: deterministic by seed, resumable to the step."""

from __future__ import annotations

import copy
import math
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Generic, Protocol

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from vit_perception.output.failure import writing
from vit_perception.training.checkpoint import (
    CHECKPOINT,
    Checkpoint,
    CheckpointRecipe,
    read_checkpoint,
    write_checkpoint,
)
from vit_perception.training.failure import TrainingError
from vit_perception.training.loader import B, loaded
from vit_perception.training.log import LOG, StepLog, cut_log
from vit_perception.training.pictures import DataError
from vit_perception.training.rates import RateRecipe, learning_rate
from vit_perception.wording import one_line, shown_path


class LoopRecipe(CheckpointRecipe, RateRecipe, Protocol):
    """What the loop needs to know of a recipe; see `recipe.Recipe` for the meanings."""

    @property
    def seed(self) -> int: ...
    @property
    def clip(self) -> float: ...
    @property
    def ema(self) -> float: ...
    @property
    def checkpoint_minutes(self) -> float: ...


class Loop(ABC, Generic[B]):
    """One run and its state in a folder: checkpoint.pt and log.jsonl.

    The log is cut back to the checkpoint's step; without a checkpoint, to nothing.

    Args:
        recipe: the settings of the run.
        model: on the device, with the weights to begin with if nothing is resumed.
        groups: of AdamW, each with its `share` of the learning rate.
        source: item `step` is the batch of that step, or the error of its pictures.
        folder: created if absent; a checkpoint in it is resumed. No other process may write
            there meanwhile, see `run.prepared`.
        device: of the model.
        workers: loader processes; the batches do not depend on their number.

    Raises:
        OutputError, TrainingError: one line.
    """

    def __init__(
        self,
        recipe: LoopRecipe,
        model: nn.Module,
        groups: list[dict[str, object]],
        source: Dataset[B | DataError],
        folder: Path,
        *,
        device: torch.device,
        workers: int,
    ) -> None:
        self._settings = recipe
        self._network, self._batches = model, source
        self.folder, self.device, self.workers = folder, device, workers
        layout = torch.channels_last
        model.to(memory_format=layout)  # type: ignore[call-overload]  # torch lacks its type
        self.average = copy.deepcopy(model).requires_grad_(False).eval()
        self.optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate)
        self.step = 0
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(folder / CHECKPOINT):
            self._resume()
        cut_log(folder / LOG, self.step)

    @abstractmethod
    def losses(self, batch: B) -> tuple[Tensor, Mapping[str, float]]:
        """Returns what is to be lowered, and the losses that are logged, for one batch."""

    def run(
        self,
        report: Callable[[int, Mapping[str, float]], None] | None = None,
        until: int | None = None,
    ) -> None:
        """Trains to the recipe's last step (or ``until``), logging and saving on the way.

        Raises:
            DataError: a picture, mask or map cannot be read.
            OutputError: log or checkpoint cannot be written; the last checkpoint stays.
            TrainingError: a loss or gradient is not finite, or a loader process ended; the last
                checkpoint stays.
        """
        recipe = self._settings
        stop = min(recipe.steps, until or recipe.steps)
        saved = time.monotonic()
        with StepLog(self.folder / LOG) as log:
            with loaded(self._batches, self.step, stop, self.workers) as batches:
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

    def train_step(self, batch: B) -> Mapping[str, float]:
        """Runs one optimiser step and returns its losses.

        Raises:
            TrainingError: losses or gradients are not finite; the weights stay as they were,
                fit for a checkpoint.
        """
        recipe = self._settings
        # Of networks that leave out paths at random; a resumed run leaves out the same.
        torch.manual_seed(recipe.seed * 1_000_003 + self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(recipe, self.step) * group["share"]
        self._network.train()
        total, row = self.losses(batch)
        if not all(map(math.isfinite, row.values())):
            raise TrainingError(
                f"{shown_path(self.folder)}: expected finite losses, found {row} "
                f"at step {self.step + 1}"
            )
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        norm = float(nn.utils.clip_grad_norm_(self._network.parameters(), recipe.clip))
        if not math.isfinite(norm):
            raise TrainingError(
                f"{shown_path(self.folder)}: expected finite gradients, found {norm} "
                f"after step {self.step}"
            )
        self.optimizer.step()
        self.step += 1
        self._update_average()
        return row

    @torch.no_grad()
    def _update_average(self) -> None:
        # Early on, a fixed decay would keep too much of the random start.
        decay = min(self._settings.ema, (1 + self.step) / (10 + self.step))
        ours = self.average.state_dict()
        for key, value in self._network.state_dict().items():
            if value.is_floating_point():
                ours[key].lerp_(value, 1 - decay)
            else:
                ours[key].copy_(value)

    def _save(self, log: StepLog) -> None:
        log.to_disk()
        state = Checkpoint(
            self._settings.as_dict(),
            self.step,
            self._network.state_dict(),
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
        found.check(self._settings, path)
        try:
            self._network.load_state_dict(found.model)
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


def _check_moments(optimizer: torch.optim.Optimizer) -> None:
    for parameter, moments in optimizer.state.items():
        for value in moments.values():
            if isinstance(value, Tensor) and value.ndim and value.shape != parameter.shape:
                raise ValueError(
                    f"an optimizer with {list(value.shape)} for weights {list(parameter.shape)}"
                )
