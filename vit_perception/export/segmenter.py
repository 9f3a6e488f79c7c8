# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Makes a bundle of a segmenter's training run."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import nn

from vit_perception.bundle.bundle import MAPS, Bundle
from vit_perception.bundle.files import check_destination
from vit_perception.bundle.writer import write_bundle
from vit_perception.export.backbone import FromPictures
from vit_perception.export.half_weights import with_half_weights
from vit_perception.export.model_card import measured_lines
from vit_perception.export.onnx_graph import to_onnx
from vit_perception.export.trained import RECIPE_FILE, ExportError
from vit_perception.perceiver.contract import CLASS_LOGITS
from vit_perception.text.encoder import ENCODER_ID
from vit_perception.training.checkpoint import CHECKPOINT, read_checkpoint
from vit_perception.training.failure import TrainingError
from vit_perception.training.run import WEIGHTS_FILE
from vit_perception.training.segmenter_recipe import SegmenterRecipe, segmenter_recipe_from
from vit_perception.training.segmenter_trainer import build_segmenter
from vit_perception.vocabulary import Vocabulary
from vit_perception.wording import one_line, shown_path


@dataclass(frozen=True)
class TrainedSegmenter:
    """A trained segmenter and the recipe that made it.

    Attributes:
        model: in eval mode.
        recipe: of its training.
        steps: that it was trained for.
    """

    model: nn.Module
    recipe: SegmenterRecipe
    steps: int


def is_segmenter_run(folder: Path) -> bool:
    """Returns whether a folder is the run of a segmenter.

    Raises:
        ExportError: it has a damaged checkpoint.
    """
    path = folder / CHECKPOINT
    try:
        return path.is_file() and "segmenter" in read_checkpoint(path).recipe
    except TrainingError as error:
        raise ExportError(str(error)) from error


def load_segmenter_run(folder: Path) -> TrainedSegmenter:
    """Returns the averaged weights of a segmenter's run.

    Raises:
        ExportError, RecipeError: its checkpoint is damaged or of another kind.
    """
    path = folder / CHECKPOINT
    try:
        found = read_checkpoint(path)
        recipe = segmenter_recipe_from(found.recipe, shown_path(path))
        model = build_segmenter(recipe)
        model.load_state_dict(found.average)
    except TrainingError as error:
        raise ExportError(str(error)) from error
    except RuntimeError as error:
        raise ExportError(
            f"{shown_path(path)}: expected weights of {recipe.segmenter}, "
            f"found {one_line(error, 120)}"
        ) from None
    return TrainedSegmenter(model.eval(), recipe, found.step)


def segmenter_graph(model: nn.Module, size: tuple[int, int]) -> bytes:
    """Returns the ONNX graph of a segmenter, see `perceiver.contract`.

    Args:
        model: in eval mode; layers are fused in a copy.
        size: height and width of the input.
    """
    image = torch.zeros(1, *size, 3, dtype=torch.uint8)
    return to_onnx(FromPictures(model), (image,), ("image",), (CLASS_LOGITS,), {})


def export_segmenter(
    trained: TrainedSegmenter,
    directory: Path,
    *,
    name: str,
    encode: Callable[[Sequence[str]], NDArray[np.float32]],
    metrics: Sequence[dict[str, Any]] = (),
    licence: str = "Apache-2.0",
    card: str = "",
    half_weights: bool = False,
) -> Bundle:
    """Writes a bundle of task semantic_segmentation, whose default names are the classes.

    Args:
        trained: with classes.
        directory: of the bundle.
        name: of the bundle.
        encode: texts to embeddings float32 [N, D], which bundles have of all names.
        metrics: see `write_bundle`.
        licence: of the weights.
        card: Markdown for the model card: data, licences, intended use.
        half_weights: whether the graph's weights are stored in half precision.

    Raises:
        BundleError, OutputError: the destination is no bundle, or cannot be written.
    """
    check_destination(directory)
    recipe, classes = trained.recipe, trained.recipe.classes
    graph = segmenter_graph(trained.model, (recipe.height, recipe.width))
    if half_weights:
        graph = with_half_weights(graph)
    weights = trained.model.state_dict()
    made = {"recipe": _portable(recipe), "steps": trained.steps}
    vocabulary = Vocabulary(classes, encode(classes), 0)
    parameters = sum(each.numel() for each in trained.model.parameters())
    lines = [
        *(f"# {name}", "", card.strip(), "", "## Network", ""),
        f"- {_network(recipe)}, trained at {recipe.width}x{recipe.height} px",
        f"- {parameters:,} parameters; classes {', '.join(classes)}",
        f"- {trained.steps:,} steps of {recipe.batch} pictures",
        *measured_lines(metrics),
    ]
    return write_bundle(
        directory,
        name=name,
        task=MAPS,
        architecture=_network(recipe),
        input_height=recipe.height,
        input_width=recipe.width,
        graphs={"fp32": graph},
        text_adaptor=None,
        text_encoder_id=ENCODER_ID,
        text_dimension=vocabulary.dimension,
        vocabulary=vocabulary,
        default_names=classes,
        fixed_vocabulary=True,
        # Neither means anything of a class map.
        score_threshold=0.0,
        iou_threshold=1.0,
        metrics=metrics,
        licence=licence,
        source=f"trained by the vit_perception authors, {trained.steps} steps",
        model_card="\n".join(lines),
        extra_files={
            WEIGHTS_FILE: save(
                {k: v.half() if v.is_floating_point() else v for k, v in weights.items()}
            ),
            RECIPE_FILE: (json.dumps(made, indent=1) + "\n").encode(),
        },
    )


def _network(recipe: SegmenterRecipe) -> str:
    return f"{recipe.segmenter}-{recipe.backbone}" if recipe.backbone else recipe.segmenter


def _portable(recipe: SegmenterRecipe) -> dict[str, object]:
    """Returns the recipe with the names of folders instead of their paths."""
    folders = tuple(Path(folder).name for folder in recipe.data)
    return replace(recipe, data=folders).as_dict()
