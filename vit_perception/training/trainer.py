# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Training of a detector from names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import torch
from torch import Tensor, nn

from vit_perception.models.detectors.dosod import DOSOD
from vit_perception.models.detectors.factory import DetectorError, create_detector
from vit_perception.training.batches import Batch, BatchSource
from vit_perception.training.contrast import ThingContrast
from vit_perception.training.device import find_device
from vit_perception.training.loop import Loop
from vit_perception.training.losses import Losses, LossWeights, Targets, detection_losses
from vit_perception.training.phrases import PhraseBook
from vit_perception.training.pictures import Picture
from vit_perception.training.rates import parameter_groups
from vit_perception.training.recipe import Recipe, RecipeError
from vit_perception.training.start import (
    frozen_modules,
    keep_statistics,
    load_backbone,
    load_start,
)


class Trainer(Loop[Batch]):
    """A run of a detector, see Loop.

    Args:
        recipe: the settings of the run.
        pictures, book: the data, see `annotations.load_pictures` and `phrases.build_phrase_book`.
        folder: see Loop.
        device: "cpu", a CUDA device, or "auto": CUDA if available, else the CPU.
        workers: see Loop.
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
        found = find_device(device)
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.source = BatchSource(recipe, pictures, book)
        self.text = torch.from_numpy(book.embeddings).to(found)
        self.model = build_model(recipe, self.text.shape[1]).to(found)
        self.unused = load_backbone(self.model, backbone) if backbone is not None else ()
        if start is not None:
            other = backbone is not None and not start.keys() >= _of_backbone(self.model)
            load_start(self.model, start, other_backbone=other)
        self.frozen = frozen_modules(self.model, recipe)
        groups = parameter_groups(self.model, recipe)
        super().__init__(
            recipe, self.model, groups, self.source, folder, device=found, workers=workers
        )

    def losses(self, batch: Batch) -> tuple[Tensor, Mapping[str, float]]:
        """Returns the weighted sum times the batch, and each loss; see `losses`."""
        recipe = self.recipe
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
        return losses.total * len(images), row

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


def _of_backbone(model: DOSOD) -> set[str]:
    return {key for key in model.state_dict() if key.startswith("backbone.")}
