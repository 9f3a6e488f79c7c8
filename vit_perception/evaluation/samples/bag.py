# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Cameras of recordings as sequences of pictures, with what is true of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from vit_perception.bags.reader import BagDamageError, BagError, BagReader, listed
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.samples.instance_topics import InstanceReader
from vit_perception.evaluation.samples.keys import (
    plain_name,
    recording_name,
    shown_source,
    without_folders,
)
from vit_perception.evaluation.samples.matching import BagTruth, Matching, NoTruth
from vit_perception.evaluation.samples.sample import LeftOut, Sample
from vit_perception.evaluation.samples.stamped import plain_frame
from vit_perception.evaluation.samples.topic_truth import (
    BESIDE,
    TopicTruth,
    TruthTopics,
    mask_topics,
)
from vit_perception.evaluation.samples.truth_file import FileTruth, TruthFile
from vit_perception.images.search import unique_name
from vit_perception.wording import shown_path


class BagSequence:
    """The images of one topic of a bag; see `SampleSequence`.

    The bag is opened anew for each pass, so that a sequence can be sent to another process.

    Attributes:
        path: of the bag.
        topic: of the images.
    """

    def __init__(
        self,
        path: Path,
        topic: str,
        key: str,
        count: int,
        truth: BagTruth,
        notes: Sequence[str],
        name: str,
    ) -> None:
        """Takes the number of images, what is known before they are read, and the bag's name."""
        self.path = path
        self.topic = topic
        self.key = key
        self.title = f"{name} {shown_path(topic)}"
        self.notes = tuple(notes)
        self._name = name
        self._count = count
        self._truth = truth
        self._matching = Matching(truth, topic)

    def names(self) -> tuple[str, ...]:
        """Returns the names in the truth of the whole bag."""
        return self._truth.names()

    def __len__(self) -> int:
        """Returns how many images are in the bag, broken ones too."""
        return self._count

    def samples(self) -> Iterator[Sample | LeftOut]:
        """Yields all images in the order of recording.

        Raises:
            BagDamageError: images are missing; after all that are there.
            BagError: the bag cannot be opened any more.
            EvaluationError: what is true of an image does not fit it.
        """
        matching = self._matching = Matching(self._truth, self.topic)
        try:
            with BagReader(self.path) as bag:
                masks = InstanceReader(bag)
                for image in bag.images(self.topic):
                    if image.frame is None:
                        matching.leave_out(image)
                        yield LeftOut(image.index, image.cause, image.line)
                        continue
                    truth = matching.of(image, image.frame, masks)
                    yield Sample(image.index, "", image.frame, truth, image.time)
        except BagDamageError as error:
            raise BagDamageError(without_folders(str(error), self.path, self._name)) from error
        except BagError as error:
            raise BagError(without_folders(str(error), self.path, self._name)) from error
        except EvaluationError as error:
            raise EvaluationError(f"{self._name}: {error}") from error

    def unused(self) -> Mapping[str, int]:
        """Returns what was true of no image of the last pass, counted by cause."""
        return self._matching.unused()


def bag_sequences(
    path: Path,
    topics: Sequence[str] | None = None,
    truth: TruthTopics | TruthFile | None = BESIDE,
    keys: set[str] | None = None,
    name: str | None = None,
) -> list[BagSequence]:
    """Returns a sequence for each camera of a bag.

    Args:
        path: what `BagReader` reads.
        topics: of images; None: all of colour but the masks of the truth.
        truth: what is true of the images; None: nothing is known of them.
        keys: those that are taken; gets those of the sequences.
        name: of the bag, for people; None: see `shown_source`.

    Raises:
        BagError: the bag cannot be read, has no camera, or a topic that was asked for is absent
            or of another type.
        EvaluationError: what is true cannot be used.
        OutputError: there is no room for a copy that has to be made.
    """
    keys = set() if keys is None else keys
    name = shown_source(path) if name is None else name
    with BagReader(path) as bag:
        masks = mask_topics(bag, truth) if isinstance(truth, TruthTopics) else ()
        cameras = tuple(topic for topic in bag.camera_topics() if topic not in masks)
        chosen = tuple(dict.fromkeys(bag.image_topic(topic) for topic in topics or cameras))
        if not chosen:
            raise BagError(
                f"{shown_path(path)}: expected a topic of colour images, found {listed(cameras)}"
            )
        known = _truth(bag, truth, tuple(dict.fromkeys((*cameras, *chosen))), topics or ())
        counts = dict.fromkeys(chosen, 0)
        for each in bag.topics():
            if each.name in counts:
                counts[each.name] += each.count
        notes = [without_folders(line, path, name) for line in (*bag.notes, *known.notes)]
        if isinstance(known, TopicTruth):
            notes += [f"{name}: {line}" for line in known.shared(chosen)]
        return [
            BagSequence(
                path,
                topic,
                unique_name(f"{plain_name(recording_name(path))}_{plain_name(topic)}", keys),
                counts[topic],
                known,
                [*notes, *_about(bag, topic, name)],
                name,
            )
            for topic in chosen
        ]


def _truth(
    bag: BagReader,
    truth: TruthTopics | TruthFile | None,
    cameras: Sequence[str],
    asked: Sequence[str],
) -> BagTruth:
    if truth is None:
        return NoTruth()
    if isinstance(truth, TruthFile):
        return FileTruth(truth, {bag.path.name, recording_name(bag.path)}, cameras)
    frames = {topic: frame for topic in cameras if (frame := _frame(bag, topic)) is not None}
    return TopicTruth(bag, truth, frames, paired=len(asked) == len(truth.topics) == 1)


def _frame(bag: BagReader, topic: str) -> str | None:
    """Returns the frame of a topic's first image; None if it has none."""
    first = bag.first(topic)
    frame = getattr(getattr(first and first.value, "header", None), "frame_id", None)
    return None if frame is None else plain_frame(str(frame))


def _about(bag: BagReader, topic: str, name: str) -> Iterator[str]:
    depth = bag.depth(topic)
    if depth:
        yield (
            f"{name}: {shown_path(topic)} holds {depth}, as depth and thermal "
            "cameras send it; its values are looked at as shades of grey"
        )
