# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Builds the model of a released DOSOD checkpoint, whose shapes give size and form (card 01)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from vit_perception.models.checkpoint_file import read_state_dict
from vit_perception.models.detectors.dosod import (
    DOSOD,
    RELEASED_HEAD,
    RELEASED_TEXT_TOWER,
    dosod_l,
    dosod_m,
    dosod_s,
    load_released,
    reparameterize,
)
from vit_perception.names import MAX_NAMES
from vit_perception.wording import shown_path

FIXED = f"{RELEASED_HEAD}cls_contrasts.0.conv.weight"
"""Weights of the convolutions with the names folded in, level of stride 8."""

_BY_STEM: dict[int, tuple[str, Callable[..., DOSOD]]] = {
    32: ("dosod_s", dosod_s),
    48: ("dosod_m", dosod_m),
    64: ("dosod_l", dosod_l),
}
_STEM = "backbone.stem.conv.weight"
_CLASS_BRANCH = f"{RELEASED_HEAD}cls_preds.0.0.conv.weight"
_PROJECTION = f"{RELEASED_HEAD}cls_preds.0.2.weight"
_ADAPTOR = re.compile(re.escape(RELEASED_HEAD) + r"text_mlp\.(\d{1,2})\.(?:0\.)?weight")
# Bounds on the network that a file's shapes describe; the paper has 512 and at most 5.
_MAX_WIDTH, _MAX_LAYERS = 2048, 8


class ReleasedError(ValueError):
    """A checkpoint cannot become a bundle, or a file for it is missing; one line."""


@dataclass(frozen=True)
class Released:
    """The contents of a checkpoint.

    Attributes:
        path: the file.
        sha256: of the file.
        architecture: "dosod_s", "dosod_m" or "dosod_l".
        model: with its weights, in eval mode.
        classes: names folded in; 0 in the training form.
        adaptor_layers: of the text adaptor; 0 for mlp0x and in the reparameterized form.
        text_tower: CLIP's tensors in the file, by transformers' names; often none.
    """

    path: Path
    sha256: str
    architecture: str
    model: DOSOD
    classes: int
    adaptor_layers: int
    text_tower: dict[str, Tensor]


def read_released(path: Path) -> Released:
    """Reads a checkpoint and builds the model that its shapes describe.

    Raises:
        CheckpointError: the file is no checkpoint, see `read_state_dict`.
        ReleasedError: it is no DOSOD, or entries are missing, unexpected, of another shape or not
            finite.
    """
    file = shown_path(path)
    state = {
        key: value.float() if value.is_floating_point() else value
        for key, value in read_state_dict(path).items()
    }
    for key, value in state.items():
        if not torch.isfinite(value).all():
            raise ReleasedError(f"{file}: {key}: expected finite numbers, found others")
    stem = _shape(state, _STEM, file)[0]
    if stem not in _BY_STEM:
        known = ", ".join(f"{width} ({name})" for width, (name, _) in _BY_STEM.items())
        raise ReleasedError(f"{file}: {_STEM}: expected width {known}, found {stem}")
    architecture, build = _BY_STEM[stem]
    embedding = _shape(state, _PROJECTION, file)[0]
    classes = _shape(state, FIXED, file, MAX_NAMES)[0] if FIXED in state else 0
    layers = sorted((int(found[1]), key) for key in state if (found := _ADAPTOR.fullmatch(key)))
    if len(layers) > _MAX_LAYERS:
        raise ReleasedError(
            f"{file}: expected at most {_MAX_LAYERS} layers of text_mlp, found {len(layers)}"
        )
    model = build(
        class_width=_shape(state, _CLASS_BRANCH, file)[0],
        embedding=embedding,
        text_dimension=_shape(state, layers[0][1], file)[1] if layers else embedding,
        adaptor_layers=len(layers),
    )
    if classes:
        reparameterize(model, torch.zeros(classes, embedding))
    try:
        load_released(model, state)
    except ValueError as error:
        raise ReleasedError(f"{file}: {architecture}: {error}") from None
    tower = {
        key.removeprefix(RELEASED_TEXT_TOWER).removeprefix("model."): value
        for key, value in state.items()
        if key.startswith(RELEASED_TEXT_TOWER)
    }
    model.eval().requires_grad_(False)
    return Released(path, _sha256(path), architecture, model, classes, len(layers), tower)


def _shape(
    state: Mapping[str, Tensor], key: str, file: str, limit: int = _MAX_WIDTH
) -> tuple[int, int]:
    """Returns the first two sizes of a weight, which give the width of the network."""
    shape = tuple(state[key].shape) if key in state else ()
    if len(shape) < 2 or not all(1 <= size <= max(limit, _MAX_WIDTH) for size in shape[:2]):
        found = list(shape) if key in state else f"none among {len(state)} entries"
        raise ReleasedError(f"{file}: expected a DOSOD with {key}, found {found}")
    return int(shape[0]), int(shape[1])


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(2**20):
            digest.update(chunk)
    return digest.hexdigest()
