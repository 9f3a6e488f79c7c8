# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The interface between exported graphs and the perceiver.

Detector inputs: `image` uint8 [1, H, W, 3] RGB; `class_thresholds` float32 [C]; unless the
vocabulary is fixed, `class_embeddings` float32 [C, E] with C free. Outputs, K rows: `boxes`
float32 [1, K, 4] x1 y1 x2 y2 in network pixels, `scores` float32 [1, K] (0 below the class's
threshold), `labels` int64 [1, K]. Bundles of task instance_segmentation have two more:
`mask_coefficients` float32 [1, K, P] and `prototypes` float32 [1, P, h, w] with P of 1 to 32, at
stride 4 or 8: h and w are H and W divided by either. The mask of a row is where the sum of the
prototypes, each times its coefficient, is above 0, inside the row's box. Rows that fill up a
graph's fixed number have a score of 0 or less. All numbers are finite, but for a score of -inf in
such a row.
That is version 1. Version 2, for a bundle with `regions`, has another input, `anything_embedding`
float32 [1, E], and another output, `embeddings` float32 [1, K, E]: the region embedding of each
row, which is what the class embeddings are compared with. Behind the rows of names come rows of
anything: their label is -1 and their score that of anything.
Text adaptor: `text_embeddings` float32 [C, D] to `class_embeddings` float32 [C, E].
Segmenter, for bundles of task semantic_segmentation: `image` as above to `class_logits` float32
[1, C, h, w] of the C default names; h and w are H and W divided by a stride of 1 to 32.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vit_perception.bundle.bundle import Bundle
from vit_perception.engine.session import Session, TensorInfo, shown_shape
from vit_perception.vocabulary import Vocabulary
from vit_perception.wording import shown

CLASS_LOGITS = "class_logits"
MOST_STRIDE = 32
MAX_PROTOTYPES = 32
PROTOTYPE_STRIDES = (4, 8)
# An INT8 graph may round its scores.
_HIGHEST_SCORE = 1.01

# None stands for an axis of any size.
_Shape = tuple[int | None, ...]


class GraphContractError(ValueError):
    """A graph has other inputs or outputs than the contract says; one line."""


def check_detector(session: Session, bundle: Bundle) -> None:
    """Compares a detector's graph with the contract.

    Raises:
        GraphContractError: naming the first tensor that differs.
    """
    fixed = bundle.fixed_vocabulary
    names = {"image", "class_thresholds"} | (set() if fixed else {"class_embeddings"})
    if bundle.regions is not None:
        names.add("anything_embedding")
    _check_names("inputs", session.input_names, names)
    inputs = {value.name: value for value in session.inputs}
    _check(inputs["image"], "uint8", (1, bundle.input_height, bundle.input_width, 3))
    _check_outputs(session, bundle)
    if fixed:
        _check(inputs["class_thresholds"], "float32", (len(bundle.default_names),))
        return
    _check(inputs["class_thresholds"], "float32", (None,), any_classes=True)
    _check(inputs["class_embeddings"], "float32", (None, None), any_classes=True)
    if bundle.text_adaptor_file is None:
        _check(inputs["class_embeddings"], "float32", (None, bundle.text_dimension))
    if bundle.regions is not None:
        joint = len(bundle.regions.anything)
        _check(inputs["anything_embedding"], "float32", (1, joint))
        _check(inputs["class_embeddings"], "float32", (None, joint))


def check_segmenter(session: Session, bundle: Bundle) -> int:
    """Compares a segmenter's graph with the contract; returns its stride.

    Raises:
        GraphContractError: naming the first tensor that differs.
    """
    height, width = bundle.input_height, bundle.input_width
    _check_names("inputs", session.input_names, {"image"})
    _check(session.inputs[0], "uint8", (1, height, width, 3))
    _check_names("outputs", session.output_names, {CLASS_LOGITS})
    output = session.outputs[0]
    _check(output, "float32", (1, len(bundle.default_names), None, None))
    rows, columns = output.shape[2:]
    for stride in range(1, MOST_STRIDE + 1):
        if (rows, columns) == (height / stride, width / stride):
            return stride
    raise GraphContractError(
        f"{CLASS_LOGITS}: expected {height}x{width} divided by a stride of 1 to {MOST_STRIDE}, "
        f"found {shown_shape(output.shape)}"
    )


def check_logits(logits: NDArray[np.float32], bundle: Bundle, stride: int) -> None:
    """Compares what a segmenter returned with the contract.

    Raises:
        GraphContractError: another shape, or numbers that are not finite.
    """
    size = bundle.input_height // stride, bundle.input_width // stride
    _check(
        TensorInfo(CLASS_LOGITS, str(logits.dtype), logits.shape),
        "float32",
        (1, len(bundle.default_names), *size),
    )
    _check_finite(CLASS_LOGITS, logits)


def check_adaptor(adaptor: Session, detector: Session, bundle: Bundle) -> None:
    """Compares a text adaptor's graph with the contract and with its detector.

    Raises:
        GraphContractError: naming the first tensor that differs.
    """
    _check_names("text adaptor inputs", adaptor.input_names, {"text_embeddings"})
    _check_names("text adaptor outputs", adaptor.output_names, {"class_embeddings"})
    _check(adaptor.inputs[0], "float32", (None, bundle.text_dimension), any_classes=True)
    wanted = next(value for value in detector.inputs if value.name == "class_embeddings")
    _check(adaptor.outputs[0], "float32", wanted.shape)


def check_embeddings(embeddings: NDArray[Any], vocabulary: Vocabulary) -> None:
    """Looks at what a text adaptor made of a vocabulary.

    Raises:
        GraphContractError: another number of rows, or rows that are not finite: with them a
            detector would find nothing and say nothing.
    """
    count = len(vocabulary.said)
    if embeddings.ndim != 2 or embeddings.shape[0] != count:
        raise GraphContractError(
            f"class_embeddings: expected {count} rows, found {list(embeddings.shape)}"
        )
    lost = ~np.isfinite(embeddings).all(axis=1)
    if lost.any():
        name = vocabulary.said[int(np.argmax(lost))]
        raise GraphContractError(
            f"class_embeddings: expected finite numbers, found others for {shown(name)}"
        )


def check_results(outputs: Mapping[str, NDArray[Any]], bundle: Bundle) -> None:
    """Compares what a run returned with the contract: a graph may leave its axes open.

    Raises:
        GraphContractError: naming the first tensor that differs.
    """
    values = [TensorInfo(name, str(a.dtype), a.shape) for name, a in outputs.items()]
    _check_values({value.name: value for value in values}, bundle)


def check_numbers(outputs: Mapping[str, NDArray[Any]], classes: int, *, masks: bool) -> None:
    """Looks at the numbers that a run returned, after `check_results` has seen their shapes.

    Args:
        outputs: of the detector, without rows of anything.
        classes: number of names that it looked for.
        masks: whether the outputs of masks are used.

    Raises:
        GraphContractError: naming the first output with a NaN or an infinity, which would look as
            if nothing was there, a score above 1, a box without inside, or a label of no name.
    """
    scores = outputs["scores"]
    _check_finite("scores", scores[scores != -np.inf])
    boxes = outputs["boxes"]
    _check_finite("boxes", boxes)
    _check_scores(scores)
    inverted = (boxes[..., 2:] < boxes[..., :2]).any(axis=-1) & (scores > 0)
    if inverted.any():
        found = [float(side) for side in boxes[inverted][0]]
        raise GraphContractError(f"boxes: expected x1 <= x2 and y1 <= y2, found {shown(found)}")
    if masks:
        _check_finite("mask_coefficients", outputs["mask_coefficients"])
        prototypes = outputs["prototypes"]
        # OpenCV's sum, in double precision, is the fastest look at hundreds of thousands.
        if not math.isfinite(cv2.sumElems(prototypes.reshape(prototypes.shape[1], -1))[0]):
            _check_finite("prototypes", prototypes)
    labels = outputs["labels"][scores > 0]
    if labels.size and not 0 <= labels.min() <= labels.max() < classes:
        raise GraphContractError(
            f"labels: expected 0..{classes - 1}, found {labels.min()}..{labels.max()}"
        )


def check_anything(anything: Mapping[str, NDArray[Any]], *, masks: bool) -> None:
    """Looks at the rows of anything, where they are used.

    Raises:
        GraphContractError: naming the first output with a NaN or an infinity, or a score that is
            none.
    """
    _check_scores(anything["scores"])
    for name in ("scores", "boxes", "embeddings", *(("mask_coefficients",) if masks else ())):
        _check_finite(name, anything[name])


def _check_scores(scores: NDArray[np.float32]) -> None:
    if scores.size and scores.max() > _HIGHEST_SCORE:
        raise GraphContractError(f"scores: expected at most 1, found {scores.max()}")


def _check_finite(name: str, values: NDArray[np.float32]) -> None:
    finite = np.isfinite(values)
    if not finite.all():
        lost = values[~finite]
        raise GraphContractError(
            f"{name}: expected finite numbers, found {lost[0]} "
            f"({lost.size} of {values.size} are not finite)"
        )


def _check_outputs(session: Session, bundle: Bundle) -> None:
    outputs = {value.name: value for value in session.outputs}
    regions = set() if bundle.regions is None else {"embeddings"}
    wanted = {"boxes", "scores", "labels"} | regions | _masks(bundle)
    _check_names("outputs", session.output_names, wanted)
    _check_values(outputs, bundle)


def _masks(bundle: Bundle) -> set[str]:
    """Returns the names of the outputs of masks."""
    segments = bundle.task == "instance_segmentation"
    return {"mask_coefficients", "prototypes"} if segments else set()


def _check_values(outputs: Mapping[str, TensorInfo], bundle: Bundle) -> None:
    _check(outputs["boxes"], "float32", (1, None, 4))
    _check(outputs["scores"], "float32", (1, None))
    _check(outputs["labels"], "int64", (1, None))
    if bundle.regions is not None:
        _check(outputs["embeddings"], "float32", (1, None, len(bundle.regions.anything)))
    if _masks(bundle):
        _check(outputs["mask_coefficients"], "float32", (1, None, None))
        _check(outputs["prototypes"], "float32", (1, None, None, None))
    _check_equal("rows", {n: v.shape[1] for n, v in outputs.items() if n != "prototypes"})
    if _masks(bundle):
        _check_prototypes(outputs, bundle)


def _check_prototypes(outputs: Mapping[str, TensorInfo], bundle: Bundle) -> None:
    shape = outputs["prototypes"].shape
    _, number, *size = shape
    wanted = {"mask_coefficients": outputs["mask_coefficients"].shape[2], "prototypes": number}
    _check_equal("prototypes", wanted)
    if number is not None and not 1 <= number <= MAX_PROTOTYPES:
        raise GraphContractError(
            f"prototypes: expected 1 to {MAX_PROTOTYPES} of them, found {shown_shape(shape)}"
        )
    whole = (bundle.input_height, bundle.input_width)
    for side, pixels in zip(size, whole, strict=True):
        if side is not None and not any(side * stride == pixels for stride in PROTOTYPE_STRIDES):
            raise GraphContractError(
                f"prototypes: expected stride {' or '.join(map(str, PROTOTYPE_STRIDES))} of "
                f"{whole[0]} x {whole[1]}, found {shown_shape(shape)}"
            )


def _check_equal(what: str, sizes: Mapping[str, int | None]) -> None:
    """Compares sizes; one that the graph leaves open fits."""
    if len(set(sizes.values()) - {None}) > 1:
        found = ", ".join(f"{size} in {name}" for name, size in sorted(sizes.items()))
        raise GraphContractError(f"outputs: expected one number of {what}, found {found}")


def _check_names(what: str, found: Sequence[str], expected: set[str]) -> None:
    if set(found) != expected:
        raise GraphContractError(
            f"{what}: expected {', '.join(sorted(expected))}, found {', '.join(sorted(found))}"
        )


def _check(value: TensorInfo, dtype: str, shape: _Shape, *, any_classes: bool = False) -> None:
    """Compares a tensor; open axes fit, and `any_classes` wants the first one open."""
    fits = len(value.shape) == len(shape) and all(
        a is None or b is None or a == b for a, b in zip(value.shape, shape, strict=True)
    )
    if value.dtype != dtype or not fits or (any_classes and value.shape[0] is not None):
        raise GraphContractError(
            f"{value.name}: expected {dtype} {shown_shape(shape)}, "
            f"found {value.dtype} {shown_shape(value.shape)}"
        )
