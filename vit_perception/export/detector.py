# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Exports a trained DOSOD to a bundle, and a bundle to one with a fixed vocabulary."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.files import check_destination, read_verified
from vit_perception.bundle.regions_file import Regions
from vit_perception.bundle.writer import write_bundle
from vit_perception.document import MAX_LINE
from vit_perception.evaluation.dataset import Dataset
from vit_perception.export.calibration import Calibration
from vit_perception.export.graph_files import adaptor_graph, fixed_graph, live_graph
from vit_perception.export.half_weights import with_half_weights
from vit_perception.export.model_card import model_card
from vit_perception.export.regions import fitted_regions, said_regions
from vit_perception.export.trained import (
    RECIPE_FILE,
    ExportError,
    Trained,
    load_bundle_model,
)
from vit_perception.models.detectors.dosod import DOSOD
from vit_perception.perceiver.settings import GRAPH_ROWS
from vit_perception.text.encoder import ENCODER_ID
from vit_perception.training.recipe import FILES, FOLDERS, Recipe
from vit_perception.training.run import WEIGHTS_FILE
from vit_perception.training.trainer import build_model
from vit_perception.vocabulary import Vocabulary
from vit_perception.wording import shown_path


def export_bundle(
    trained: Trained,
    directory: Path,
    *,
    name: str,
    vocabulary: Vocabulary,
    anything: NDArray[np.float32] | Regions,
    default_names: Sequence[str],
    size: tuple[int, int] | None = None,
    score_threshold: float = 0.25,
    iou_threshold: float = 0.6,
    shown_threshold: float | None = None,
    top_k: int = GRAPH_ROWS,
    metrics: Sequence[dict[str, Any]] = (),
    licence: str = "Apache-2.0",
    card: str = "",
    half_weights: bool = False,
    data: Dataset | None = None,
    progress: Callable[[int], object] = lambda done: None,
) -> Bundle:
    """Writes a bundle with a live vocabulary.

    The training weights are first rounded to half precision, and the graph is made from the
    rounded ones, so that exporting again from the bundle gives the same graph.

    Args:
        vocabulary: the ready-made names.
        anything: text embedding float32 [D] of a name for anything, or what another bundle of
            the same weights knows of regions.
        default_names: the names to start with.
        size: network input (height, width); the recipe's square size by default.
        top_k: pairs of box and name that the graph gives. Evaluation with hundreds of names at
            once needs thousands: an object has many similar names, which displace other objects.
        card: Markdown for the model card: data, licences, intended use.
        half_weights: whether the graph's weights are stored in half precision.
        data: pictures in which all objects are labelled, to fit an embedding for anything to and
            to measure the mean region embedding on; None: without either, or those of `anything`.
        progress: called with the number of these pictures looked at.

    Raises:
        EvaluationError: a picture cannot be read.
        ExportError: the backbone only works at the size it was trained at, and `size` is another.
        BundleError, OutputError: the destination is no bundle, or cannot be written.
    """
    check_destination(directory)
    height, width = size or (trained.recipe.size, trained.recipe.size)
    model = _rounded(_at_size(trained, vocabulary.dimension, (height, width)))
    text = torch.tensor(vocabulary.embeddings)
    example = model.embed(text[:4]).detach()
    graph = live_graph(model, height, width, example, top_k)
    if half_weights:
        graph = with_half_weights(graph)
    regions = anything if isinstance(anything, Regions) else said_regions(model, anything)
    if data is not None:
        size = (height, width)
        regions = fitted_regions(model, data, size, regions, graph, progress=progress)
    weights = {k: v.half() if v.is_floating_point() else v for k, v in model.state_dict().items()}
    made: dict[str, object] = {"recipe": portable(trained.recipe), "steps": trained.steps}
    if trained.calibration != Calibration():
        made["calibration"] = asdict(trained.calibration)
    weights_file = save(weights)
    return write_bundle(
        directory,
        name=name,
        task="detection" if model.mask_head is None else "instance_segmentation",
        architecture=trained.recipe.network,
        input_height=height,
        input_width=width,
        graphs={"fp32": graph},
        text_adaptor=adaptor_graph(model, text[:4]),
        text_encoder_id=ENCODER_ID,
        text_dimension=vocabulary.dimension,
        vocabulary=vocabulary,
        regions=regions,
        # The same at every input size and precision.
        embedding_id=hashlib.sha256(weights_file).hexdigest(),
        default_names=default_names,
        fixed_vocabulary=False,
        score_threshold=score_threshold,
        iou_threshold=iou_threshold,
        shown_threshold=shown_threshold,
        metrics=metrics,
        licence=licence,
        source=f"trained by the vit_perception authors, {trained.steps} steps",
        model_card=model_card(name, model, trained.recipe, trained.steps, metrics, card),
        extra_files={
            WEIGHTS_FILE: weights_file,
            RECIPE_FILE: (json.dumps(made, indent=1) + "\n").encode(),
        },
    )


def reparameterize_bundle(bundle: Bundle, vocabulary: Vocabulary, directory: Path) -> Bundle:
    """Writes a bundle whose graph has one fixed vocabulary (card 01, Reparameterisation).

    Raises:
        ExportError: the bundle is already fixed or has no training weights.
        BundleError, OutputError: the destination is no bundle, or cannot be written.
    """
    if bundle.fixed_vocabulary:
        raise ExportError(
            f"{shown_path(bundle.directory)}: expected a live vocabulary, found a fixed one"
        )
    check_destination(directory)
    size = (bundle.input_height, bundle.input_width)
    model = _at_size(load_bundle_model(bundle), bundle.text_dimension, size)
    with torch.no_grad():
        embeddings = model.embed(torch.tensor(vocabulary.embeddings))
    graph = fixed_graph(model, *size, embeddings)
    digest = bundle.sha256.get("MODEL_CARD.md")
    card = read_verified(bundle.directory, "MODEL_CARD.md", digest) if digest else b""
    return write_bundle(
        directory,
        name=f"{bundle.name[: MAX_LINE - 6]}_fixed",
        task=bundle.task,
        architecture=bundle.architecture,
        input_height=bundle.input_height,
        input_width=bundle.input_width,
        graphs={"fp32": graph},
        text_adaptor=None,
        text_encoder_id=bundle.text_encoder_id,
        text_dimension=bundle.text_dimension,
        vocabulary=vocabulary,
        default_names=vocabulary.names,
        fixed_vocabulary=True,
        score_threshold=bundle.score_threshold,
        iou_threshold=bundle.iou_threshold,
        shown_threshold=bundle.shown_threshold,
        metrics=(),
        licence=bundle.licence,
        source=f"{bundle.name} reparameterized for {len(vocabulary)} names",
        model_card=card.decode(errors="replace"),
    )


def portable(recipe: Recipe) -> dict[str, object]:
    """Returns the recipe with the names of folders and files instead of their paths."""
    values = recipe.as_dict()
    for key in FOLDERS:
        values[key] = [Path(folder).name for folder in getattr(recipe, key)]
    for key in FILES:
        values[key] = Path(getattr(recipe, key)).name
    return values


def _at_size(trained: Trained, text_dimension: int, size: tuple[int, int]) -> DOSOD:
    """Returns the model for an input size, rebuilt if its backbone depends on the size."""
    recipe = trained.recipe
    if not recipe.backbone or size == (recipe.size, recipe.size):
        return trained.model
    model = build_model(recipe, text_dimension, size)
    try:
        model.load_state_dict(trained.model.state_dict())
    except RuntimeError:
        raise ExportError(
            f"{recipe.backbone}: expected {recipe.size}x{recipe.size}, the size it was trained at "
            f"and its weights are tied to, found {size[0]}x{size[1]}"
        ) from None
    return model.eval()


def _rounded(model: DOSOD) -> DOSOD:
    state = {
        key: value.half().float() if value.is_floating_point() else value
        for key, value in model.state_dict().items()
    }
    model.load_state_dict(state)
    return model.requires_grad_(False)
