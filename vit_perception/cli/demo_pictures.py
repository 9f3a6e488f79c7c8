# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Annotated pictures and a video of what the demonstration saw."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from vit_perception.bags.reader import BagReader
from vit_perception.bundle.bundle import Bundle
from vit_perception.images.media import read_picture, write_picture
from vit_perception.images.video_writer import VideoWriter
from vit_perception.masks import Masks
from vit_perception.perceiver.overlay import draw

if TYPE_CHECKING:
    from vit_perception.detections import Detections
    from vit_perception.frame import Frame
    from vit_perception.perceiver.perceiver import Perceiver
    from vit_perception.ros.demo.run import DemoRun, Seen

_PICTURES_PER_PASS = 3
_VIDEO_RATE = 10.0
# Boxes of one frame from the topic and from a second run differ by less; px.
_SAME_BOX = 0.5
_CAPTION_HEIGHT = 26
_CAPTION_FONT = (cv2.FONT_HERSHEY_SIMPLEX, 0.45)


@dataclass(slots=True)
class Drawn:
    """Counts of drawn boxes and of those with a non-empty mask."""

    boxes: int = 0
    masks: int = 0

    def add(self, found: Detections) -> None:
        """Counts detections that were drawn."""
        self.boxes += len(found)
        self.masks += 0 if found.masks is None else int(np.count_nonzero(found.masks.areas()))


@dataclass(slots=True)
class Pictures:
    """The files, in the order in which to look at them, and what they show.

    `photographs`: file name to the names asked for and what was found.
    """

    paths: list[Path] = field(default_factory=list)
    recording: Drawn = field(default_factory=Drawn)
    photographs: dict[str, tuple[tuple[str, ...], Detections]] = field(default_factory=dict)


def write_pictures(run: DemoRun, bag: Path, bundle: Path, out: Path) -> Pictures:
    """Writes pictures of both passes, a video of all frames, and the photographs.

    Topics carry boxes only. If the bundle has masks, they are computed here from the same frame
    and names, and drawn for the boxes that the node found.
    """
    by_pass = {
        number: {seen.stamp: seen for seen in run.seen if seen.bag_pass == number}
        for number in (0, 1)
    }
    written = Pictures()
    model = Bundle.load(bundle)
    masks = _masks_by_names(model, run) if model.task == "instance_segmentation" else {}
    video = out / "detections.mp4"
    with VideoWriter(video, _VIDEO_RATE) as movie:
        for number, name in ((0, "before"), (1, "after")):
            chosen = _spread(
                [s for s in by_pass[number].values() if number == 0 or run.is_after(s)]
            )
            for frame, seen in _frames_with(bag, by_pass[number]):
                names = _names(run, seen)
                found = seen.detections
                if names in masks:
                    found = with_masks(found, masks[names](frame))
                written.recording.add(found)
                image = _captioned(draw(frame.image, found), names)
                movie.write(image)
                if seen.stamp in chosen:
                    path = out / f"{name}_{len(written.paths)}.jpg"
                    write_picture(path, image)
                    written.paths.append(path)
    if video.exists():
        written.paths.append(video)
    _write_photographs(model, out, written)
    return written


def with_masks(seen: Detections, again: Detections) -> Detections:
    """Returns `seen` with the masks of the same detections in `again`, which has masks.

    A detection that is not in `again` gets an empty mask.
    """
    assert again.masks is not None
    origins = np.zeros((len(seen), 2), np.int64)
    crops = [np.zeros((0, 0), np.bool_)] * len(seen)
    for index, box in enumerate(seen.boxes):
        same = [again.class_name(i) == seen.class_name(index) for i in range(len(again))]
        near = np.abs(again.boxes - box).max(axis=1, initial=0) < _SAME_BOX
        for row in np.flatnonzero(near & np.array(same, np.bool_))[:1]:
            origins[index], crops[index] = again.masks.origins[row], again.masks.crops[row]
    masks = Masks(origins, tuple(crops), again.masks.height, again.masks.width)
    return replace(seen, masks=masks)


def _masks_by_names(model: Bundle, run: DemoRun) -> dict[tuple[str, ...], Perceiver]:
    """Returns a perceiver for each list of names."""
    return {names: perceiver_for(model, names) for names in {run.names_before, run.names_after}}


def perceiver_for(model: Bundle, names: tuple[str, ...]) -> Perceiver:
    """Returns a perceiver with the settings of the demonstration's node: one name per object."""
    from vit_perception.perceiver.perceiver import Perceiver
    from vit_perception.perceiver.settings import Settings
    from vit_perception.text.builder import VocabularyBuilder

    settings = Settings(class_agnostic_nms=True)
    vocabulary = VocabularyBuilder(model).build(names, version=1)
    return Perceiver(model, vocabulary=vocabulary, settings=settings)


def _write_photographs(model: Bundle, out: Path, written: Pictures) -> None:
    """Detects on the real photographs in this process, without ROS."""
    from vit_perception.bundle.samples import PHOTOGRAPH_NAMES, sample_photographs

    for name, asked in PHOTOGRAPH_NAMES.items():
        frame = read_picture(sample_photographs() / "images" / name)
        found = perceiver_for(model, asked)(frame)
        path = out / f"photograph_{name}"
        write_picture(path, _captioned(draw(frame.image, found), asked))
        written.paths.append(path)
        written.photographs[name] = asked, found


def _names(run: DemoRun, seen: Seen) -> tuple[str, ...]:
    """Returns the names that the frame was asked for."""
    return run.names_after if run.is_after(seen) else run.names_before


def _spread(seen: list[Seen]) -> set[int]:
    """Returns the stamps of a few frames, evenly spread."""
    stamps = sorted(entry.stamp for entry in seen)
    if not stamps:
        return set()
    places = np.linspace(0, len(stamps) - 1, _PICTURES_PER_PASS + 2)[1:-1]
    return {stamps[round(place)] for place in places}


def _frames_with(bag: Path, seen: dict[int, Seen]) -> Iterator[tuple[Frame, Seen]]:
    with BagReader(bag) as reader:
        for _, frame in reader.frames():
            if frame.stamp in seen:
                yield frame, seen[frame.stamp]


def _captioned(image: npt.NDArray[np.uint8], names: tuple[str, ...]) -> npt.NDArray[np.uint8]:
    """Returns the picture with the names asked for in a line below."""
    strip = np.full((_CAPTION_HEIGHT, image.shape[1], 3), 30, np.uint8)
    text = caption(names, image.shape[1] - 12)
    cv2.putText(strip, text, (6, 18), *_CAPTION_FONT, (230, 230, 230), 1, cv2.LINE_AA)
    return np.concatenate([image, strip])


def caption(names: tuple[str, ...], width: int) -> str:
    """Returns as many names as fit into a width in px, and how many more there are."""
    for shown in range(len(names), -1, -1):
        rest = f" and {len(names) - shown} more" if shown < len(names) else ""
        text = f"asked: {', '.join(names[:shown])}{rest}".encode("ascii", "replace").decode()
        if cv2.getTextSize(text, *_CAPTION_FONT, 1)[0][0] <= width:
            break
    return text
