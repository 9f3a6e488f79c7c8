# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""RT-DETR as the graph that robots run, and its bundle: the contract of `export.graph`, no NMS.

The graph gives the best pairs of queries and names, and behind them each query as a row of
anything. A query tells one thing, so nothing is suppressed: the bundle's IoU threshold is 1.
Anchors and the table of positions are constants.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.regions_file import Regions
from vit_perception.bundle.writer import write_bundle
from vit_perception.export.asked import INPUTS, OUTPUTS, REGION_OUTPUTS, example_inputs
from vit_perception.export.graph import REJECTED, fuse
from vit_perception.export.graph_files import adaptor_graph
from vit_perception.export.onnx_graph import to_onnx
from vit_perception.models.centred_boxes import corners
from vit_perception.models.detectors.rt_detr import RTDETR, Tables
from vit_perception.models.heads.detr_classes import OpenClasses
from vit_perception.models.heads.rt_detr_head import Anchors
from vit_perception.perceiver.nms import NO_NMS
from vit_perception.perceiver.settings import GRAPH_ROWS
from vit_perception.text.encoder import ENCODER_ID
from vit_perception.vocabulary import Vocabulary


class DetrGraph(nn.Module):
    """The forward pass of the graph contract, traced once for one input size.

    Args:
        model: with fixed classes or a live vocabulary.
        height, width: network input, multiples of 32.
        layers: of the decoder; None for those that the model uses.
        top_k: pairs of query and name; fewer where there are fewer.
    """

    places: Tensor
    anchors: Tensor
    valid: Tensor
    scale: Tensor

    def __init__(
        self,
        model: RTDETR,
        height: int,
        width: int,
        *,
        layers: int | None = None,
        top_k: int = GRAPH_ROWS,
    ) -> None:
        super().__init__()
        self.model = fuse(model)
        self.layers = model.used if layers is None else layers
        self.top_k = top_k
        tables = model.tables(height, width)
        self.register_buffer("places", tables.places)
        self.register_buffer("anchors", tables.anchors.boxes)
        self.register_buffer("valid", tables.anchors.valid)
        self.register_buffer("scale", torch.tensor([width, height] * 2, dtype=torch.float32))

    def forward(
        self,
        image: Tensor,
        class_thresholds: Tensor,
        class_embeddings: Tensor | None = None,
        anything_embedding: Tensor | None = None,
    ) -> tuple[Tensor, ...]:
        names: Tensor | None = None
        if class_embeddings is not None and anything_embedding is not None:
            # Queries are chosen for anything too, whether things were shown or not: the rows of
            # names shall not depend on it.
            names = torch.cat([class_embeddings, anything_embedding])
        tables = Tables(self.places, Anchors(self.anchors, self.valid))
        pixels = image.permute(0, 3, 1, 2).float()
        output = self.model(pixels, names, layers=self.layers, tables=tables)
        logits, boxes = (each[0] for each in output.layers[-1])
        minimum = -torch.log(1 / class_thresholds - 1)
        classes = class_thresholds.shape[0]
        asked = logits if names is None else logits[:, :-1]
        # A NaN is passed on, for whoever runs the graph to see.
        pairs = torch.where(asked < minimum, REJECTED, asked).flatten()
        scores, index = pairs.topk(self._rows(pairs))
        chosen, labels = index // classes, index % classes
        outputs: tuple[Tensor, ...] = ()
        if names is not None:
            found, rows = logits[:, -1].topk(logits.shape[0])
            chosen, scores = torch.cat([chosen, rows]), torch.cat([scores, found])
            labels = torch.cat([labels, torch.full_like(rows, -1)])
            head = self.model.head.classes.layers[self.layers - 1]
            assert isinstance(head, OpenClasses)
            outputs = (head.embed(output.hidden[0])[chosen][None],)
        sides = (corners(boxes) * self.scale)[chosen]
        return sides[None], scores.sigmoid()[None], labels[None], *outputs

    def _rows(self, pairs: Tensor) -> Any:
        """Returns the number of pairs, as a tensor because the number of names is free."""
        return torch.minimum(torch._shape_as_tensor(pairs)[0], torch.tensor(self.top_k))


def detr_graph(
    model: RTDETR,
    height: int,
    width: int,
    *,
    layers: int | None = None,
    top_k: int = GRAPH_ROWS,
) -> bytes:
    """Returns the ONNX graph of a model; see `DetrGraph`."""
    module = DetrGraph(model, height, width, layers=layers, top_k=top_k)
    classes = model.head.classes.count
    if classes:
        example = example_inputs(height, width, classes)
        return to_onnx(module, example, INPUTS[:2], OUTPUTS, {})
    with torch.no_grad():
        names = model.embed(torch.randn(3, model.text_dimension))
    arguments = (*example_inputs(height, width, len(names)), names, names[:1])
    dynamic = {name: {0: "classes"} for name in INPUTS[1:3]}
    return to_onnx(module, arguments, INPUTS, OUTPUTS + REGION_OUTPUTS, dynamic)


def export_detr(
    model: RTDETR,
    directory: Path,
    *,
    name: str,
    architecture: str,
    size: tuple[int, int],
    vocabulary: Vocabulary,
    anything: NDArray[np.float32] | None,
    default_names: Sequence[str],
    layers: int | None = None,
    text_encoder_id: str = ENCODER_ID,
    score_threshold: float = 0.25,
    top_k: int = GRAPH_ROWS,
    metrics: Sequence[Mapping[str, Any]] = (),
    licence: str = "Apache-2.0",
    source: str,
    card: str,
) -> Bundle:
    """Writes a bundle whose boxes are not suppressed.

    Args:
        model: in eval mode.
        architecture: name in `models.detectors.factory.DETRS`.
        size: network input (height, width), multiples of 32.
        vocabulary: the ready-made names; of fixed classes, all of them in their order.
        anything: text embedding float32 [D] of a name for anything; None with fixed classes.
        default_names: the names to start with.
        layers, top_k: see `DetrGraph`.
        card: the model card, Markdown.
        The rest: see Bundle.

    Raises:
        BundleError, OutputError: the destination is no bundle, or cannot be written.
    """
    fixed = model.head.classes.count > 0
    regions: Regions | None = None
    adaptor: bytes | None = None
    if not fixed:
        assert anything is not None
        with torch.no_grad():
            regions = Regions(model.embed(torch.tensor(anything[None]))[0].numpy())
        adaptor = adaptor_graph(model, torch.tensor(vocabulary.embeddings[:1]))
    return write_bundle(
        directory,
        name=name,
        task="detection",
        architecture=architecture,
        input_height=size[0],
        input_width=size[1],
        graphs={"fp32": detr_graph(model, *size, layers=layers, top_k=top_k)},
        text_adaptor=adaptor,
        text_encoder_id=text_encoder_id,
        text_dimension=vocabulary.dimension,
        vocabulary=vocabulary,
        default_names=default_names,
        fixed_vocabulary=fixed,
        score_threshold=score_threshold,
        iou_threshold=NO_NMS,
        metrics=metrics,
        licence=licence,
        source=source,
        model_card=card,
        regions=regions,
    )
