# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The user's own pictures, on which graphs are calibrated and compared."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vit_perception.bags.reader import BagDamageError
from vit_perception.bags.recording import holds_bag
from vit_perception.bundle.bundle import Bundle
from vit_perception.evaluation.coco_file import ANNOTATIONS
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.samples.sample import FrameTruth, LeftOut, SampleSequence
from vit_perception.evaluation.samples.sources import open_sequences
from vit_perception.frame import Frame
from vit_perception.images.inputs import chosen_pictures
from vit_perception.images.media import read_picture
from vit_perception.letterbox import Canvas
from vit_perception.perceiver.network import Laid
from vit_perception.wording import shown_path

Progress = Callable[[int], object]


@dataclass(frozen=True, eq=False)
class GateFrames:
    """Pictures as a network takes them, and what is true of them.

    Attributes:
        laid: the pictures.
        truths: one entry a picture; None if nothing is known of one of them.
        names: of what is true, in their first order; empty without truth.
        digest: of the pixels and the truth, hexadecimal.
        notes: lines about what is missing.
    """

    laid: tuple[Laid, ...]
    truths: tuple[FrameTruth, ...] | None
    names: tuple[str, ...]
    digest: str
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.laid)


def read_frames(
    source: Path, count: int, bundle: Bundle, progress: Progress = lambda done: None
) -> GateFrames:
    """Reads at most `count` pictures, evenly spaced.

    Args:
        source: a bag, a data set with annotations.json, or a folder of pictures.
        count: limit, at least 1.
        bundle: whose input they are laid out for.
        progress: called with the number of pictures read.

    Raises:
        MediaError: there are no pictures, or one cannot be read.
        BagError, EvaluationError: the bag or the data set cannot be read, or has no pictures.
    """
    laid: list[Laid] = []
    truths: list[FrameTruth | None] = []
    hashed = hashlib.sha256()
    names: tuple[str, ...] = ()
    notes: list[str] = []
    if not source.exists():
        raise EvaluationError(
            f"{shown_path(source)}: expected a bag, a data set or a folder of pictures, "
            "found no such file or folder"
        )
    if source.is_dir() and not holds_bag(source) and not (source / ANNOTATIONS).is_file():
        pictures = chosen_pictures(source, count)
        found: Iterator[tuple[Frame, FrameTruth | None]] = (
            (read_picture(path), None) for path in pictures
        )
    else:
        sources = open_sequences([source])
        names = sources.names()
        found = _spread(sources.sequences, count, notes)
    for frame, truth in found:
        canvas = Canvas(bundle.input_height, bundle.input_width, bundle.pad_value)
        letterbox = canvas.draw(frame.image)
        laid.append(Laid(canvas.pixels, letterbox))
        truths.append(truth)
        hashed.update(canvas.pixels.tobytes())
        if truth is not None:
            known_of_it = (truth.boxes.tolist(), truth.names, truth.crowds.tolist(), truth.masks)
            hashed.update(repr(known_of_it).encode())
        progress(len(laid))
    if not laid:
        raise EvaluationError(f"{shown_path(source)}: expected pictures, found none")
    known = tuple(truth for truth in truths if truth is not None)
    whole = len(known) == len(truths) and any(len(truth) for truth in known)
    return GateFrames(
        laid=tuple(laid),
        truths=known if whole else None,
        names=names if whole else (),
        digest=hashed.hexdigest(),
        notes=tuple(notes),
    )


def _spread(
    sequences: Sequence[SampleSequence], count: int, notes: list[str]
) -> Iterator[tuple[Frame, FrameTruth | None]]:
    """Yields at most `count` pictures of all sequences together; notes those that are missing."""
    total = sum(map(len, sequences))
    count = min(count, total)
    wanted = {index * total // count for index in range(count)} if count else set()
    first = 0
    for sequence in sequences:
        try:
            for number, sample in enumerate(sequence.samples(), start=first):
                if number not in wanted:
                    continue
                if isinstance(sample, LeftOut):
                    notes.append(f"left out: {sample.line}")
                else:
                    yield sample.frame, sample.truth
        except BagDamageError as error:  # what is there has come
            notes.append(str(error))
        first += len(sequence)
