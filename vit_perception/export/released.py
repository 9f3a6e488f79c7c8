# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Converts a released DOSOD checkpoint to a bundle (card 01, State-dict keys, Reparameterisation).

The training form becomes a bundle with a live vocabulary and CLIP's text tower inside. The
reparameterized form (`_rep`), which has its names folded in, becomes one with a fixed vocabulary.
The graphs fulfil the usual contract (`vit_perception.perceiver.contract`).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.files import TextEncoderFiles, check_destination
from vit_perception.bundle.regions_file import ANYTHING, Regions
from vit_perception.bundle.writer import write_bundle
from vit_perception.export.graph_files import adaptor_graph, fixed_graph, live_graph
from vit_perception.export.regions import said_regions
from vit_perception.export.released_card import LICENCE, released_card
from vit_perception.export.text_tower import text_encoder_files
from vit_perception.images.inputs import letterboxed
from vit_perception.models.detectors.dosod import DOSOD, RELEASED_TEXT_TOWER
from vit_perception.models.detectors.released import FIXED, Released, ReleasedError
from vit_perception.models.fusing import bias_of
from vit_perception.models.heads.dosod_head import Contrast, FixedContrast
from vit_perception.models.text.clip import (
    CLIP_ID,
    SOURCE,
    ClipText,
    load_tokenizer,
    load_tower,
)
from vit_perception.perceiver.region_mean import region_mean
from vit_perception.vocabulary import Vocabulary
from vit_perception.wording import shown_path

SCORE_THRESHOLD, IOU_THRESHOLD = 0.25, 0.65
"""Thresholds of the official graph with NMS (card 01, ONNX)."""
FOLDED_ID = "folded"
"""Stands for a text encoder's id if the vocabulary comes from no encoder."""


def find_clip(released: Released, directory: Path | None) -> ClipText:
    """Returns CLIP's text tower for a checkpoint in training form.

    Args:
        released: the checkpoint, which may contain the tower's weights.
        directory: has the tokenizer, and the weights if the checkpoint lacks them.

    Raises:
        ClipTextError, CheckpointError: the files cannot be used.
        ReleasedError: there is no directory, or the tower has another dimension.
    """
    file = shown_path(released.path)
    if directory is None:
        missing = "tokenizer" if released.text_tower else "text tower and tokenizer"
        raise ReleasedError(
            f"{file}: expected CLIP's {missing} with --clip DIR, found no such option: DIR is a "
            f"local copy of {SOURCE}, and nothing is downloaded"
        )
    tokenizer = load_tokenizer(directory)
    state, where = released.text_tower, f"{file}: {RELEASED_TEXT_TOWER}model"
    if not state:
        state, where = load_tower(directory)
    clip = ClipText(state, tokenizer, where)
    if clip.dimension != released.model.text_dimension:
        raise ReleasedError(
            f"{where}: expected text embeddings of {released.model.text_dimension} for "
            f"{file}, found {clip.dimension}"
        )
    return clip


def import_live(
    released: Released,
    directory: Path,
    *,
    name: str,
    names: Sequence[str],
    clip: ClipText,
    size: tuple[int, int],
    top_k: int,
    pictures: Sequence[Path] = (),
    thresholds: tuple[float, float] = (SCORE_THRESHOLD, IOU_THRESHOLD),
) -> Bundle:
    """Writes a bundle with a live vocabulary and the text tower inside.

    Args:
        released: in training form.
        directory: destination, see `write_bundle`.
        name: of the bundle.
        names: ready-made names, which are also the default ones.
        clip: see `find_clip`.
        size: network input (height, width), multiples of 32.
        top_k: rows of the graph's outputs.
        pictures: over which the mean region embedding is taken; without any it is zero.
        thresholds: recommended score and NMS overlap.

    Raises:
        MediaError: a file of `pictures` is no picture.
        BundleError, OutputError: the destination is no bundle, or cannot be written.
    """
    check_destination(directory)
    model = released.model
    vocabulary = Vocabulary(tuple(names), clip(names), 0)
    text = torch.tensor(vocabulary.embeddings[:4])
    graph = live_graph(model, *size, model.embed(text), top_k)
    regions = said_regions(model, clip((ANYTHING,))[0])
    if pictures:
        mean = region_mean(graph, regions.anything, letterboxed(pictures, *size))
        regions = regions.with_mean("fp32", mean)
    return _written(
        released,
        directory,
        name,
        graph,
        vocabulary,
        size,
        thresholds,
        encoder_id=CLIP_ID,
        regions=regions,
        encoder=text_encoder_files(clip),
        # With mlp0x, the network takes text embeddings directly.
        adaptor=adaptor_graph(model, text) if released.adaptor_layers else None,
    )


def import_fixed(
    released: Released,
    directory: Path,
    *,
    name: str,
    names: Sequence[str],
    size: tuple[int, int],
    top_k: int,
    thresholds: tuple[float, float] = (SCORE_THRESHOLD, IOU_THRESHOLD),
) -> Bundle:
    """Writes a bundle with the vocabulary that is folded into a checkpoint.

    The checkpoint has no text embeddings, so the vocabulary gets directions in the joint space:
    the weights of the level of stride 8, at unit length.

    Args:
        released: in reparameterized form.
        names: of the classes, in their order.
        The rest: see `import_live`.

    Raises:
        ReleasedError: a class has no direction.
        BundleError, OutputError: the destination is no bundle, or cannot be written.
    """
    check_destination(directory)
    rows = released.model.head.fixed_contrasts[0].conv.weight.flatten(1)
    lengths = rows.norm(dim=1, keepdim=True)
    if not (lengths > 0).all():
        at = int(lengths.argmin())
        raise ReleasedError(
            f"{shown_path(released.path)}: {FIXED}: expected weights, found zeros for class {at}"
        )
    vocabulary = Vocabulary(tuple(names), (rows / lengths).numpy(), 0)
    live, axes = with_an_axis_a_class(released.model)
    graph = fixed_graph(live, *size, axes, top_k)
    return _written(
        released, directory, name, graph, vocabulary, size, thresholds, encoder_id=FOLDED_ID
    )


def with_an_axis_a_class(model: DOSOD) -> tuple[DOSOD, Tensor]:
    """Converts a model with classes of its own to one that takes class embeddings.

    The joint space gets one axis per class: of a reparameterized model, the convolution to the K
    classes is folded into the one before it.

    Returns:
        A copy, and the class embeddings [K, K] that give the model's own logits.
    """
    live = copy.deepcopy(model)
    head = live.head
    for level, branch in enumerate(head.class_branches):
        fixed, contrast = head.cls_contrasts[level], Contrast(1)
        with torch.no_grad():
            contrast.logit_scale.fill_(0)
            contrast.bias.fill_(0)
            if isinstance(fixed, FixedContrast):
                last, weight = branch.last, fixed.conv.weight.flatten(1)
                folded = nn.Conv2d(last.in_channels, weight.shape[0], 1)
                folded.weight.copy_((weight @ last.weight.flatten(1))[:, :, None, None])
                bias_of(folded).copy_(weight @ bias_of(last) + bias_of(fixed.conv))
                branch[2] = folded
        head.cls_contrasts[level] = contrast
    head.embedding = head.class_branches[0].last.out_channels
    return live.requires_grad_(False), torch.eye(head.embedding)


def _written(
    released: Released,
    directory: Path,
    name: str,
    graph: bytes,
    vocabulary: Vocabulary,
    size: tuple[int, int],
    thresholds: tuple[float, float],
    *,
    encoder_id: str,
    encoder: TextEncoderFiles | None = None,
    adaptor: bytes | None = None,
    regions: Regions | None = None,
) -> Bundle:
    file = released.path.name
    return write_bundle(
        directory,
        name=name,
        task="detection",
        architecture=released.architecture,
        input_height=size[0],
        input_width=size[1],
        graphs={"fp32": graph},
        text_adaptor=adaptor,
        text_encoder_id=encoder_id,
        text_dimension=vocabulary.dimension,
        vocabulary=vocabulary,
        regions=regions,
        default_names=vocabulary.names,
        fixed_vocabulary=bool(released.classes),
        score_threshold=thresholds[0],
        iou_threshold=thresholds[1],
        metrics=(),
        licence=LICENCE,
        source=f"{shown_path(file)}, sha256 {released.sha256}",
        model_card=released_card(
            name,
            released.model,
            architecture=released.architecture,
            file=shown_path(file),
            sha256=released.sha256,
            size=size,
            tower=encoder is not None,
        ),
        text_encoder=encoder,
    )
