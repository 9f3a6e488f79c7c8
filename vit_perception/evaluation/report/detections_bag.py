# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What was true and what was published, as a bag that Foxglove and rviz open."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from vit_perception.bags.foxglove_types import IMAGE_ANNOTATIONS
from vit_perception.bags.messages import COMPRESSED_IMAGE, DETECTIONS, Message
from vit_perception.bags.writer import BagWriter
from vit_perception.evaluation.report.bag_messages import (
    image_message,
    overlay_message,
    published_annotations,
    published_message,
    stamp_to_record,
    true_annotations,
    true_message,
)
from vit_perception.evaluation.report.bag_topics import IMAGE, TRUTH, BagTopics
from vit_perception.evaluation.report.frames_again import FrameOf
from vit_perception.evaluation.report.judged_picture import JudgedPicture, judged_pictures
from vit_perception.evaluation.rows.looked_at import LookedAt
from vit_perception.evaluation.rows.run import Run
from vit_perception.frame import Frame
from vit_perception.output.failure import writing
from vit_perception.output.partial import partial_folder
from vit_perception.output.write import new_file

FILE_NAME = "detections.mcap"
_FRAMES_AT_ONCE = 64
"""Pictures whose results are in memory."""


def write_detections(
    path: Path,
    runs: Sequence[Run],
    names: Sequence[str],
    sequences: Sequence[str],
    frames: Iterable[LookedAt],
    frame_of: FrameOf,
    *,
    overlays: Collection[tuple[str, int]] = (),
    all_overlays: bool = False,
) -> None:
    """Writes one mcap file, whole or not at all; the same input gives the same bytes.

    Of each picture: `/RUN/detections` and `/RUN/annotations` of each run,
    `/ground_truth/detections` and `/ground_truth/annotations` where something is known of it. Of
    some: `/image/compressed` and `/RUN/overlay/compressed`. With several sequences each has its
    own topics, see `BagTopics`. Stamps and times of recording are those of the images; see
    `stamp_to_record` for those without.

    Args:
        path: of the file; one that is there is replaced.
        runs: in the order of the plan.
        names: that were asked for.
        sequences: keys of all sequences.
        frames: all that was looked at, in order.
        frame_of: is asked once for each picture with an overlay, in the order of `frames`.
        overlays: sequence and number of pictures to draw.
        all_overlays: whether all pictures are drawn.

    Raises:
        OutputError: it cannot be written.
    """
    topics = BagTopics.of([run.key for run in runs], sequences)
    drawn = set(overlays)
    with new_file(path) as partial, writing(path), partial_folder(path) as scratch:
        with writing(path, scratch), BagWriter(scratch / "bag") as bag:
            for block in _blocks(frames):
                judged = [
                    judged_pictures(block, place, run, names) for place, run in enumerate(runs)
                ]
                for index, looked_at in enumerate(block):
                    place = _Place(bag, topics, looked_at)
                    place.write_truth()
                    found = [each[index] for each in judged]
                    place.write_runs(found, names)
                    key = looked_at.sequence, looked_at.number
                    if all_overlays or key in drawn:
                        place.write_pictures(frame_of(*key), found, names)
        (scratch / "bag" / "bag.mcap").replace(partial)


def _blocks(frames: Iterable[LookedAt]) -> Iterator[list[LookedAt]]:
    rest = iter(frames)
    while block := list(islice(rest, _FRAMES_AT_ONCE)):
        yield block


class _Place:
    """Where the messages of a picture go."""

    def __init__(self, bag: BagWriter, topics: BagTopics, looked_at: LookedAt) -> None:
        self._bag = bag
        self._topics = topics
        self._looked_at = looked_at
        self._time = stamp_to_record(looked_at)

    def write_truth(self) -> None:
        """Writes what is true, if that is known."""
        truth, stamp = self._looked_at.truth, self._looked_at.stamp
        if truth is not None:
            things = true_message(truth, stamp, self._looked_at.frame_id)
            self._write(TRUTH, "detections", DETECTIONS, things)
            self._write(TRUTH, "annotations", IMAGE_ANNOTATIONS, true_annotations(truth, stamp))

    def write_runs(self, found: Sequence[JudgedPicture], names: Sequence[str]) -> None:
        """Writes what each run published."""
        truth, stamp = self._looked_at.truth, self._looked_at.stamp
        for run, judged in zip(self._topics.runs, found, strict=True):
            frame_id = self._looked_at.frame_id
            detections = published_message(judged.rows, names, stamp, frame_id)
            self._write(run, "detections", DETECTIONS, detections)
            annotations = published_annotations(judged, truth, names, stamp)
            self._write(run, "annotations", IMAGE_ANNOTATIONS, annotations)

    def write_pictures(
        self, frame: Frame, found: Sequence[JudgedPicture], names: Sequence[str]
    ) -> None:
        """Writes the picture, and with what each run published in it."""
        stamp = self._looked_at.stamp
        self._write(IMAGE, "compressed", COMPRESSED_IMAGE, image_message(frame, stamp))
        for run, judged in zip(self._topics.runs, found, strict=True):
            overlay = overlay_message(frame, judged.rows, names, stamp)
            self._write(run, "overlay/compressed", COMPRESSED_IMAGE, overlay)

    def _write(self, who: str, what: str, msgtype: str, message: Message) -> None:
        topic = self._topics.topic(self._looked_at.sequence, who, what)
        self._bag.add_topic(topic, msgtype)
        self._bag.write(topic, self._time, message)
