# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Weights that a new run begins with: a bundle's, and a backbone's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from vit_perception.input.file import InputError, read_file
from vit_perception.models.checkpoint_file import CheckpointError, read_state_dict
from vit_perception.models.detectors.dosod import DOSOD
from vit_perception.models.necks.shelf_pyramid import ShelfPyramid
from vit_perception.training.recipe import Recipe, RecipeError
from vit_perception.wording import one_line, shown_path

FILES_OF_A_FOLDER = ("model.safetensors", "pytorch_model.bin")
_ZIP = b"PK\x03\x04"
_MAX_BYTES = 2**30
_OF_OTHER_BACKBONE = ("backbone.", "mask_head.lateral.")
"""Of a start with another backbone these are left out."""


def widened(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns weights in float32."""
    return {k: v.float() if v.is_floating_point() else v for k, v in weights.items()}


def read_backbone_weights(path: Path) -> dict[str, Tensor]:
    """Returns the weights of a file in float32.

    Args:
        path: safetensors; a checkpoint of torch.save, of which no code runs; or a folder with
            one of FILES_OF_A_FOLDER, as the hubs of timm and transformers write it.

    Raises:
        RecipeError: it cannot be read, or is none.
        OutputError: temporary files for a checkpoint cannot be written.
    """
    if path.is_dir():
        known = [path / name for name in FILES_OF_A_FOLDER]
        path = next((each for each in known if each.is_file()), known[0])
    try:
        data = read_file(path, _MAX_BYTES)
        if data.startswith(_ZIP):
            return widened(read_state_dict(path))
        return widened(load(data))
    except (InputError, CheckpointError) as error:
        raise RecipeError(f"recipe: backbone_weights: {error}") from None
    except SafetensorError as error:
        raise RecipeError(
            f"recipe: backbone_weights: {shown_path(path)}: expected safetensors, "
            f"found {one_line(error)}"
        ) from None


def load_backbone(model: DOSOD, weights: Mapping[str, Tensor]) -> tuple[str, ...]:
    """Loads a backbone's published weights.

    Returns:
        The names in the file that the maps do not need, such as those of its classifier.

    Raises:
        RecipeError: weights of the backbone are absent or of another shape; names them.
    """
    body = _body(model)
    own = body.state_dict()
    for key, value in own.items():
        if key not in weights:
            missing = [each for each in own if each not in weights]
            raise RecipeError(
                f"recipe: backbone_weights: expected the {len(own)} entries of the backbone, "
                f"found {len(missing)} missing ({', '.join(missing[:3])} …)"
            )
        if weights[key].shape != value.shape:
            raise RecipeError(
                f"recipe: backbone_weights: {key}: expected {list(value.shape)}, "
                f"found {list(weights[key].shape)}"
            )
    body.load_state_dict({key: weights[key] for key in own})
    return tuple(key for key in weights if key not in own)


def frozen_modules(model: DOSOD, recipe: Recipe) -> list[nn.Module]:
    """Returns the modules of the backbone that keep weights and statistics, without gradients.

    Raises:
        RecipeError: the backbone has no such module; names some that it has.
    """
    found = []
    for name in recipe.frozen:
        modules = dict(_body(model).named_modules())
        if name not in modules or not name:
            some = ", ".join(list(modules)[1:6])
            raise RecipeError(
                f"recipe: frozen: expected modules of the backbone ({some} …), found {name}"
            )
        found.append(modules[name].requires_grad_(False))
    return found


def _body(model: DOSOD) -> nn.Module:
    """Returns the network of a backbone of the shelf; recipes are checked to name one."""
    assert isinstance(model.backbone, ShelfPyramid)
    return model.backbone.backbone.body


def load_start(model: DOSOD, start: Mapping[str, Tensor], *, other_backbone: bool = False) -> None:
    """Loads other weights into a model, of either activation.

    A mask head is loaded whole or not at all: if one side has none, or another number of
    prototypes, the model keeps its own.

    Args:
        model: whose weights are replaced.
        start: of the same architecture.
        other_backbone: `start` has another backbone, and perhaps narrower layers behind it: the
            backbone is kept, and layers that are wider than in `start` begin as its, with random
            weights of the new channels that the known ones do not read.

    Raises:
        RecipeError: the weights are of another architecture.
    """
    own = model.state_dict()
    if other_backbone:
        start = _grown(own, start)
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


def _grown(own: Mapping[str, Tensor], start: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns `start` with the backbone of `own`, and in its shapes where they are no smaller."""
    made = {key: value for key, value in start.items() if not key.startswith(_OF_OTHER_BACKBONE)}
    for key, value in own.items():
        if key.startswith(_OF_OTHER_BACKBONE):
            made[key] = value
        elif (
            key in made
            and made[key].ndim == value.ndim
            and all(n <= m for n, m in zip(made[key].shape, value.shape, strict=True))
        ):
            grown = value.clone()
            known = made[key]
            if value.ndim > 1:
                grown[: len(known)] = 0
            grown[tuple(slice(side) for side in known.shape)] = known
            made[key] = grown
    return made


@torch.no_grad()
def keep_statistics(modules: list[nn.Module]) -> None:
    """Puts frozen modules into eval mode, which a model's `train` has taken them out of."""
    for module in modules:
        module.eval()
