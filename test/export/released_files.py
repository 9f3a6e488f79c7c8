# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints with the keys of the released ones and random weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from vit_perception.models.detectors.dosod import DOSOD, dosod_s, released_key, reparameterize


def lively(build: Callable[..., DOSOD] = dosod_s, **options: object) -> DOSOD:
    """A model whose BatchNorm statistics, scales and offsets are away from their defaults."""
    torch.manual_seed(0)
    model = build(**options)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.uniform_(0.6, 1.4)
                module.bias.uniform_(-0.3, 0.3)
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 1.5)
        for level, contrast in enumerate(model.head.cls_contrasts):
            contrast.logit_scale.fill_(2.5 - 0.2 * level)
            contrast.bias.fill_(-1.0 - 0.3 * level)
    return model.eval().requires_grad_(False)


def folded(model: DOSOD, classes: int, seed: int = 1) -> DOSOD:
    """The model reparameterized, in place, for random texts."""
    torch.manual_seed(seed)
    text = nn.functional.normalize(torch.randn(classes, model.text_dimension), dim=1)
    with torch.no_grad():
        return reparameterize(model, model.embed(text)).requires_grad_(False)


def released_state(model: DOSOD) -> dict[str, Tensor]:
    """The model's tensors under the names of the released files."""
    return {released_key(key): value for key, value in model.state_dict().items()}


def write_released(path: Path, model: DOSOD, **more: Tensor) -> Path:
    """A checkpoint as mmengine saves it; `more` entries have dots written as `__`."""
    state = released_state(model) | {key.replace("__", "."): t for key, t in more.items()}
    torch.save({"meta": {"epoch": 100}, "state_dict": state, "optimizer": {"state": {}}}, path)
    return path
