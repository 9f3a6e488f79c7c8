# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The last part of the demonstration: things of the recording are shown, and then found.

Each object of one frame is shown by its box in the ground truth; the other frames are looked at
for what was shown alone. The same frames are looked at for the names as words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vit_perception.bags.truth import labelled_frames
from vit_perception.bundle.samples import GROUND_TRUTH_TOPIC
from vit_perception.evaluation.hit_rate import HitRate
from vit_perception.examples import Example, Examples
from vit_perception.images.media import write_picture
from vit_perception.perceiver.overlay import draw
from vit_perception.perceiver.settings import PerceiverError
from vit_perception.perceiver.stages import StageTimes
from vit_perception.vocabulary import vocabulary_of

if TYPE_CHECKING:
    from vit_perception.detections import Detections
    from vit_perception.frame import Frame
    from vit_perception.perceiver.perceiver import Perceiver
    from vit_perception.perceiver.query import Query

SHOWN_IN = (0.5, 0.2, 0.8)
"""Frames whose objects are shown, as shares of the recording; the first alone for one frame."""
_FEWEST_FRAMES = 8
PICTURE = "taught.jpg"


@dataclass(slots=True)
class Found:
    """What one way of asking found in the frames where nothing was shown.

    Attributes:
        rate: objects found under their name.
        false_boxes: boxes under a name that lie on no object of that name.
        frames: number of frames.
        example: what was found in the frame of the picture.
    """

    rate: HitRate = field(default_factory=HitRate)
    false_boxes: int = 0
    frames: int = 0
    example: Detections | None = None

    def add(self, truth: Detections, found: Detections) -> None:
        """Adds one frame."""
        before = self.rate.named.total()
        self.rate.add(truth, found)
        # Boxes and objects are matched one to one: the others are false.
        self.false_boxes += len(found) - (self.rate.named.total() - before)
        self.frames += 1


@dataclass(slots=True)
class TaughtRun:
    """The names as words, and shown in one frame and in three.

    Attributes:
        said, once, thrice: what each found.
        frame: the frame of the picture.
        unseen: names of boxes in which the detector saw nothing.
    """

    said: Found
    once: Found
    thrice: Found
    frame: Frame
    unseen: tuple[str, ...]


def run_taught(perceiver: Perceiver, frames: Sequence[tuple[Frame, Detections]]) -> TaughtRun:
    """Shows the objects of one and of three frames, and looks for them in the others.

    Args:
        perceiver: looks for the names as words; can be taught.
        frames: with ground truth, at least four.

    Raises:
        PerceiverError: the bundle cannot be taught, or the engine failed.
    """
    chosen = [round(share * (len(frames) - 1)) for share in SHOWN_IN]
    unseen: list[str] = []
    shown = [_shown(perceiver, *frames[index], unseen) for index in chosen]
    picture = next(i for i in range(len(frames) // 4, len(frames)) if i not in chosen)

    def found(examples: Sequence[Example]) -> Found:
        if not examples:
            return Found()
        known = Examples(perceiver.bundle.embedding_id, tuple(examples))
        query = perceiver.prepare(vocabulary=vocabulary_of(known))
        return _looked(perceiver, query, frames, chosen, picture)

    return TaughtRun(
        said=_looked(perceiver, perceiver.query, frames, chosen, picture),
        once=found(shown[0]),
        thrice=found([each for examples in shown for each in examples]),
        frame=frames[picture][0],
        unseen=tuple(dict.fromkeys(unseen)),
    )


def taught_part(perceiver: Perceiver, bag: Path, out: Path) -> TaughtRun | None:
    """Runs this part, and writes `taught.jpg`: the words on the left, what was shown on the right.

    Returns:
        None if the bag has no ground truth, or the bundle cannot be taught.

    Raises:
        BagError: the bag cannot be read.
        OutputError: the picture cannot be written.
    """
    frames = labelled_frames(bag, GROUND_TRUTH_TOPIC)
    if len(frames) < _FEWEST_FRAMES or perceiver.bundle.regions is None:
        return None
    run = run_taught(perceiver, frames)
    sides = [
        run.frame.image if each.example is None else draw(run.frame.image, each.example)
        for each in (run.said, run.once)
    ]
    write_picture(out / PICTURE, np.concatenate(sides, axis=1))
    return run


def _shown(
    perceiver: Perceiver, frame: Frame, truth: Detections, unseen: list[str]
) -> list[Example]:
    """Returns an example of each object of a frame; names those in which nothing was seen."""
    _, rows = perceiver.rows(frame)
    found = []
    for thing in truth:
        try:
            found.append(perceiver.example(frame, thing.box, thing.name, rows=rows))
        except PerceiverError:
            unseen.append(thing.name)
    return found


def _looked(
    perceiver: Perceiver,
    query: Query,
    frames: Sequence[tuple[Frame, Detections]],
    left_out: Sequence[int],
    picture: int,
) -> Found:
    """Looks for a query in all frames but those in which things were shown."""
    result = Found()
    for index, (frame, truth) in enumerate(frames):
        if index in left_out:
            continue
        found = perceiver.look(frame, query, StageTimes())
        result.add(truth, found)
        if index == picture:
            result.example = found
    return result
