# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Turns a bag of images into a bag of what was found in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from vit_perception.bags.detections_3d import objects_to_message
from vit_perception.bags.messages import (
    DETECTIONS,
    DETECTIONS_3D,
    IMAGE,
    LABEL_INFO,
    VISION_INFO,
    Message,
    detections_to_message,
    instances_to_message,
    label_info,
    make_header,
    vision_info,
)
from vit_perception.bags.placing import Placer, Unplaced
from vit_perception.bags.placing_topics import Placing
from vit_perception.bags.reader import BagDamageError, BagError, BagMessage, BagReader
from vit_perception.bags.writer import BagWriter
from vit_perception.detections import Detections
from vit_perception.frame import Frame
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.stages import StageTimes
from vit_perception.space.objects import Objects
from vit_perception.tracking.evidence import LabelEvidence
from vit_perception.tracking.tracker import Tracker
from vit_perception.wording import shown_path


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What a replay found.

    Attributes:
        topic: of the images.
        frames: that were looked at.
        detections: in all frames.
        broken: images left out, by cause.
        broken_lines: the first of them, one line each.
        objects: detections that got a place in space, in all frames.
        unplaced: images whose detections got none, by cause, with the reason of the first.
        damage: one line if messages of the source are missing, else "".
    """

    topic: str
    frames: int
    detections: int
    broken: dict[str, int]
    broken_lines: tuple[str, ...]
    damage: str
    objects: int = 0
    unplaced: Mapping[str, tuple[int, str]] = field(default_factory=dict)


def replay(
    source: Path,
    target: Path,
    perceiver: Perceiver,
    *,
    topic: str | None = None,
    output_topic: str = "/detector/detections",
    with_images: bool = False,
    tracker: Tracker | None = None,
    placing: Placing | None = None,
    progress: Callable[[int], None] | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> ReplayResult:
    """Detects on every image of a topic.

    Recording times, stamps and frame ids are those of the images. The topics beside the output
    topic are named as the node's: `label_info` and `vision_info` get a message before the first
    result, and `instances` one for each image whose masks are decoded.

    Args:
        source: the bag to read.
        target: the folder to make.
        perceiver: what detects.
        topic: of the images; None: the only one with colour images.
        output_topic: of the detections.
        with_images: whether to copy the images.
        tracker: gives the detections their ids; None: they have none.
        placing: how the detections are placed in space, on `detections_3d` beside the output
            topic; None: they are not.
        progress: gets the number of images so far.
        say: gets a line about each thing that is left out.

    Raises:
        BagError: the source cannot be read, the target exists, or two topics have one name.
    """
    query = perceiver.query
    if tracker is not None:
        query = perceiver.prepare(settings=replace(query.settings, **tracker.settings.asked))
    evidence = LabelEvidence()
    frames = found = objects = 0
    damage = ""
    with BagReader(source) as bag, BagWriter(target) as out, ExitStack() as along:
        for note in bag.notes:
            say(note)
        chosen = bag.image_topic(topic)
        if depth := bag.depth(chosen):
            say(
                f"{shown_path(source)}: {chosen} holds {depth}, as depth and thermal cameras "
                "send it; its values are looked at as shades of grey"
            )
        results = _Results(out, output_topic, perceiver)
        if with_images and chosen in results.topics:
            raise BagError(f"{shown_path(target)}: expected other topics than {chosen}")
        placer = None
        if placing is not None:
            placer = along.enter_context(Placer(source, chosen, placing))
        try:
            for message, frame in bag.frames(chosen):
                detections = perceiver.look(frame, query, StageTimes())
                if tracker is not None:
                    stamp = frame.stamp or message.time
                    detections = tracker.update(detections, stamp, query.thresholds)
                    size = frame.width, frame.height
                    detections = evidence.update(detections, tracker, size)
                if with_images:
                    out.add_topic(chosen, message.msgtype)
                    out.write_cdr(chosen, message.time, bag.cdr(message))
                results.write(message.time, frame, detections)
                if placer is not None:
                    objects += _place(placer, message, frame, detections, results)
                frames += 1
                found += len(detections)
                if progress is not None:
                    progress(frames)
        except BagDamageError as error:  # what is there is written all the same
            damage = str(error)
        if placer is not None:
            damage = damage or placer.damage
        return ReplayResult(
            topic=chosen,
            frames=frames,
            detections=found,
            broken=dict(sorted(bag.broken.items())),
            broken_lines=tuple(bag.broken_lines),
            damage=damage,
            objects=objects,
            unplaced={}
            if placer is None
            else {
                cause: (count, placer.reasons[cause])
                for cause, count in sorted(placer.unplaced.items())
            },
        )


def _place(
    placer: Placer,
    message: BagMessage,
    frame: Frame,
    detections: Detections,
    results: _Results,
) -> int:
    """Writes where the detections of a frame are; returns how many have a place."""
    try:
        objects = placer.place(message.time, frame, detections)
    except Unplaced:
        return 0  # counted by the placer
    results.write_places(message.time, frame, detections, objects, placer.placing.target_frame)
    return len(objects)


class _Results:
    """Writes results and, before the first of them, what their names and numbers mean.

    As the node does, it says that again when stamps go back.

    Raises:
        BagError: the topics would have one name.
    """

    def __init__(self, out: BagWriter, detections: str, perceiver: Perceiver) -> None:
        place = detections.rpartition("/")[0]
        self._detections = detections
        self._instances = f"{place}/instances"
        self._label_info = f"{place}/label_info"
        self._vision_info = f"{place}/vision_info"
        self._places = f"{place}/detections_3d"
        self.topics = (
            detections,
            self._instances,
            self._label_info,
            self._vision_info,
            self._places,
        )
        if detections in self.topics[1:]:
            raise BagError(
                f"{shown_path(out.path)}: expected a topic for detections, found {detections}, "
                "which is written beside them"
            )
        self._out = out
        self._perceiver = perceiver
        self._announced_at: int | None = None
        out.add_topic(detections, DETECTIONS)
        out.add_topic(self._label_info, LABEL_INFO, latched=True)
        out.add_topic(self._vision_info, VISION_INFO, latched=True)

    def write(self, time: int, frame: Frame, detections: Detections) -> None:
        """Writes the results of a frame at the time of its recording."""
        header = make_header(frame.stamp, frame.frame_id)
        if self._announced_at is None or frame.stamp < self._announced_at:
            self._announce(time, header)
            self._announced_at = frame.stamp
        message = detections_to_message(detections, frame.stamp, frame.frame_id)
        self._out.write(self._detections, time, message)
        if detections.masks is not None:
            self._out.add_topic(self._instances, IMAGE)
            self._out.write(self._instances, time, instances_to_message(detections.masks, header))

    def write_places(
        self, time: int, frame: Frame, detections: Detections, objects: Objects, target: str
    ) -> None:
        """Writes the places of a frame's detections, in the target frame or the frame's own."""
        self._out.add_topic(self._places, DETECTIONS_3D)
        # tf2 takes no frame with a slash before it.
        frame_id = target.lstrip("/") or frame.frame_id
        message = objects_to_message(objects, detections, frame.stamp, frame_id)
        self._out.write(self._places, time, message)

    def _announce(self, time: int, header: Message) -> None:
        query, bundle = self._perceiver.query, self._perceiver.bundle
        threshold = query.settings.score_threshold
        names = label_info(header, query.vocabulary.names, threshold)
        model = vision_info(
            header,
            method=bundle.architecture,
            location=bundle.name,
            version=query.vocabulary.version,
        )
        self._out.write(self._label_info, time, names)
        self._out.write(self._vision_info, time, model)
