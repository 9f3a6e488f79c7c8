# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The checkpoint of a run: written whole, and refused in one line if it is damaged."""

from __future__ import annotations

import io
import json
import os
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor

from vit_perception.input.file import InputError, check_file
from vit_perception.output.write import new_file
from vit_perception.training.failure import TrainingError
from vit_perception.wording import one_line, shown, shown_path

CHECKPOINT = "checkpoint.pt"
"""Name of the file in the folder of a run."""

# Ctrl-C takes effect between two pieces.
_PIECE_BYTES = 4 * 2**20
_MAX_STEP = 2**31


class CheckpointRecipe(Protocol):
    """What a checkpoint keeps of a recipe.

    Attributes:
        SAME: keys on which the shapes of weights and batches depend.
    """

    SAME: ClassVar[tuple[str, ...]]

    def as_dict(self) -> dict[str, object]:
        """Returns plain values."""


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run after a step.

    Attributes:
        recipe: values of the recipe, see `Recipe.as_dict`.
        step: number of steps done.
        model, average: state dicts of the trained weights, and of their average for export.
        optimizer: its state dict.
    """

    recipe: Mapping[str, object]
    step: int
    model: Mapping[str, Tensor]
    average: Mapping[str, Tensor]
    optimizer: dict[str, Any]

    def check(self, recipe: CheckpointRecipe, path: Path) -> None:
        """Refuses a checkpoint of another network, or of batches of another shape.

        Raises:
            TrainingError: names the key of the recipe.
        """
        wanted = recipe.as_dict()
        for key in recipe.SAME:
            # A checkpoint without this key was trained with its default.
            default = getattr(type(recipe), key, None)
            found, expected = self.recipe.get(key, default), wanted[key]
            if found != expected:
                raise TrainingError(
                    f"{shown_path(path)}: expected a run with {key} {shown(expected)}, "
                    f"found {shown(found)}"
                )


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Writes a checkpoint; until it is complete and on the disk, the one before stays.

    Raises:
        OutputError: it cannot be written.
    """
    # In a file of its own torch.save turns a full disk and Ctrl-C into errors without a cause.
    buffer = io.BytesIO()
    torch.save({**vars(checkpoint), "recipe": json.dumps(checkpoint.recipe)}, buffer)
    data = buffer.getbuffer()
    with new_file(path) as partial, partial.open("wb") as file:
        for start in range(0, len(data), _PIECE_BYTES):
            file.write(data[start : start + _PIECE_BYTES])
        file.flush()
        os.fsync(file.fileno())  # the content must reach the disk before the new name


def read_checkpoint(path: Path, device: torch.device | str = "cpu") -> Checkpoint:
    """Reads what `write_checkpoint` wrote.

    Raises:
        TrainingError: it is absent, damaged or of another program.
    """
    file = shown_path(path)
    try:
        check_file(path)
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()  # torch.load does not compare checksums
        if damaged is not None:
            raise ValueError(f"{shown(damaged)} damaged")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd pickles, which are refused below
            state = torch.load(path, map_location=device, weights_only=True)
        return _checked(state)
    except InputError as error:
        raise TrainingError(str(error)) from None
    # Damage shows as any of a dozen types.
    except Exception as error:
        raise TrainingError(
            f"{file}: expected a training checkpoint, found {one_line(error, 120)}"
        ) from None


def _checked(state: object) -> Checkpoint:
    if not isinstance(state, dict):
        raise TypeError(f"a {type(state).__name__}")
    absent = [name for name in Checkpoint.__dataclass_fields__ if name not in state]
    if absent:
        raise ValueError(f"none of its entries {', '.join(absent)}")
    recipe = json.loads(state["recipe"])
    step = state["step"]
    if type(step) is not int or not 0 <= step <= _MAX_STEP:
        raise ValueError(f"step {shown(step)}")
    if not isinstance(recipe, dict) or not isinstance(state["optimizer"], dict):
        raise TypeError("a recipe or an optimizer of another kind")
    for name in ("model", "average"):
        if not isinstance(state[name], dict) or not all(
            isinstance(key, str) and isinstance(value, Tensor)
            for key, value in state[name].items()
        ):
            raise TypeError(f"an entry {name} that is no state dict")
    return Checkpoint(recipe, step, state["model"], state["average"], state["optimizer"])
