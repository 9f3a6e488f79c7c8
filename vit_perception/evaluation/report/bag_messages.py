# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What was true and what was published of a picture, as messages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vit_perception.bags.annotations import BoxAnnotation, annotations_to_message
from vit_perception.bags.messages import (
    COMPRESSED_IMAGE,
    Message,
    detections_to_message,
    make,
    make_header,
)
from vit_perception.detections import Detections
from vit_perception.evaluation.report.drawing import RIGHT, UNJUDGED, WRONG
from vit_perception.evaluation.report.judged_picture import JudgedPicture
from vit_perception.evaluation.rows.looked_at import FrameRows, LookedAt
from vit_perception.evaluation.samples.sample import FrameTruth
from vit_perception.frame import Frame
from vit_perception.images.compressed import encode_jpeg
from vit_perception.masks import Masks
from vit_perception.perceiver.overlay import draw
from vit_perception.rle import decode_mask

_TRUE = (86, 200, 120)
_QUALITY = 80


def true_message(truth: FrameTruth, stamp: int, frame_id: str) -> Message:
    """Returns a Detection2DArray of all things but crowds, with score 1 and their ids."""
    which = np.flatnonzero(~truth.crowds)
    names = tuple(dict.fromkeys(truth.names))
    things = Detections(
        boxes=truth.boxes[which],
        scores=np.ones(len(which), np.float32),
        labels=np.array([names.index(truth.names[index]) for index in which], np.int64),
        names=names,
        vocabulary_version=0,
    )
    message = detections_to_message(things, stamp, frame_id)
    for entry, index in zip(message.detections, which.tolist(), strict=True):
        entry.id = truth.ids[index]
    return message


def true_annotations(truth: FrameTruth, stamp: int) -> Message:
    """Returns the things as annotations; crowds are dashed and grey."""
    return annotations_to_message(
        (
            BoxAnnotation(box, name, UNJUDGED.colour if crowd else _TRUE, dashed=crowd)
            for box, name, crowd in zip(
                truth.boxes, truth.names, truth.crowds.tolist(), strict=True
            )
        ),
        stamp,
    )


def published_message(rows: FrameRows, names: Sequence[str], stamp: int, frame_id: str) -> Message:
    """Returns a Detection2DArray of what was published, as the node sends it."""
    return detections_to_message(_detections(rows, names, None), stamp, frame_id)


def published_annotations(
    judged: JudgedPicture, truth: FrameTruth | None, names: Sequence[str], stamp: int
) -> Message:
    """Returns what was published and what it misses as annotations.

    Right ones are blue, false ones orange, those that are not judged grey, missed things dashed
    orange.
    """
    rows = judged.rows
    boxes = [
        BoxAnnotation(
            rows.boxes[index],
            f"{names[label]} {score:.2f}",
            (RIGHT if right else UNJUDGED if unjudged else WRONG).colour,
        )
        for index, (label, score, right, unjudged) in enumerate(
            zip(
                rows.labels.tolist(),
                rows.scores.tolist(),
                judged.right.tolist(),
                judged.unjudged.tolist(),
                strict=True,
            )
        )
    ]
    if truth is not None:
        boxes += [
            BoxAnnotation(
                truth.boxes[index], f"missed {truth.names[index]}", WRONG.colour, dashed=True
            )
            for index in np.flatnonzero(judged.missed).tolist()
        ]
    return annotations_to_message(boxes, stamp)


def image_message(frame: Frame, stamp: int) -> Message:
    """Returns the picture as a CompressedImage."""
    return _jpeg(frame, stamp, encode_jpeg(frame.image, _QUALITY))


def overlay_message(frame: Frame, rows: FrameRows, names: Sequence[str], stamp: int) -> Message:
    """Returns the picture with what was published in it, drawn as the node draws it."""
    drawn = draw(frame.image, _detections(rows, names, _masks(rows)))
    return _jpeg(frame, stamp, encode_jpeg(drawn, _QUALITY))


def stamp_to_record(frame: LookedAt) -> int:
    """Returns the time of recording, ns; pictures without stamps follow each other by a second."""
    return frame.stamp if frame.stamp > 0 else frame.number * 1_000_000_000


def _jpeg(frame: Frame, stamp: int, content: bytes) -> Message:
    return make(
        COMPRESSED_IMAGE,
        header=make_header(stamp, frame.frame_id),
        format="jpeg",
        data=np.frombuffer(content, np.uint8),
    )


def _detections(rows: FrameRows, names: Sequence[str], masks: Masks | None) -> Detections:
    return Detections(
        boxes=rows.boxes,
        scores=rows.scores,
        labels=rows.labels,
        names=tuple(names),
        vocabulary_version=0,
        masks=masks,
    )


def _masks(rows: FrameRows) -> Masks | None:
    """Returns the masks, each as the part that is not empty; None without any."""
    if not rows.masks:
        return None
    origins, crops = [], []
    for rle in rows.masks:
        mask = decode_mask(rle)
        across, down = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
        left, top = (int(each[0]) if len(each) else 0 for each in (across, down))
        right, bottom = (int(each[-1]) + 1 if len(each) else 0 for each in (across, down))
        origins.append((left, top))
        crops.append(mask[top:bottom, left:right].copy())
    height, width = rows.masks[0]["size"]
    return Masks(np.array(origins, np.int64), tuple(crops), height, width)
