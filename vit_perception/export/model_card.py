# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""MODEL_CARD.md of a bundle, from a handwritten text, the run and its measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vit_perception.models.detectors.dosod import DOSOD
from vit_perception.training.recipe import Recipe


def folded_parameters(model: DOSOD, classes: int = 80) -> int:
    """Counts the detector's parameters with ``classes`` names folded in, without text adaptor."""
    total = sum(p.numel() for n, p in model.named_parameters() if "text_mlp" not in n)
    for branch, contrast in zip(model.head.class_branches, model.head.contrasts, strict=True):
        projection = branch.last
        total -= sum(p.numel() for p in (*projection.parameters(), *contrast.parameters()))
        total += classes * (projection.in_channels + 1)
    return total


def model_card(
    name: str,
    model: DOSOD,
    recipe: Recipe,
    steps: int,
    metrics: Sequence[Mapping[str, Any]],
    text: str,
) -> str:
    """Returns Markdown; ``metrics`` have "dataset", "command" and numbers by name."""
    lines = [f"# {name}", "", text.strip(), "", "## Network", ""]
    adaptor = sum(p.numel() for p in model.head.text_mlp.parameters())
    lines += [
        f"- {recipe.network}, {recipe.activation}, trained at {recipe.size}x{recipe.size} px",
        *_begun_with(recipe),
        f"- {folded_parameters(model):,} parameters with 80 names folded in, "
        f"and {adaptor:,} in the text adaptor, which runs when the vocabulary changes",
        f"- {steps:,} steps of {recipe.batch} pictures, {recipe.texts} phrases a picture",
        *measured_lines(metrics),
    ]
    return "\n".join(lines)


def measured_lines(metrics: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns the card's part about measurements, see `model_card`."""
    lines = ["", "## Measured", ""]
    for metric in metrics:
        lines += [f"### {metric['dataset']}", "", f"`{metric['command']}`", ""]
        numbers = {k: v for k, v in metric.items() if k not in ("dataset", "command")}
        lines += ["| metric | value |", "| --- | --- |"]
        lines += [f"| {key} | {_shown(value)} |" for key, value in numbers.items()]
        lines += [""]
    if not metrics:
        lines += ["Nothing was measured for this export.", ""]
    return lines


def _begun_with(recipe: Recipe) -> list[str]:
    """Returns a line about the weights of others that the backbone began with, if there are."""
    if not recipe.backbone_weights:
        return []
    licence = recipe.backbone_licence or "licence not stated"
    return [f"- its backbone began with {Path(recipe.backbone_weights).name} ({licence})"]


def _shown(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
