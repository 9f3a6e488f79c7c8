# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What the demonstration shows: tables, annotated pictures and a video."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from vit_perception.bags.reader import BagReader
from vit_perception.bundle import Bundle
from vit_perception.evaluation.hit_rate import HitRate
from vit_perception.masks import Masks
from vit_perception.media import VideoWriter, write_picture
from vit_perception.overlay import draw

if TYPE_CHECKING:
    from vit_perception.detections import Detections
    from vit_perception.frame import Frame
    from vit_perception.perceiver import Perceiver
    from vit_perception.ros.demo_run import DemoRun, Seen

_PICTURES_PER_PASS = 3
_VIDEO_RATE = 10.0
# Boxes of one frame, from a topic and computed again, differ less; px.
_SAME_BOX = 0.5
_CAPTION_HEIGHT = 26
_CAPTION_FONT = (cv2.FONT_HERSHEY_SIMPLEX, 0.45)


def print_report(run: DemoRun, console: Console | None = None) -> None:
    """Print the tables: frames, latency, objects, ground truth."""
    console = console or Console()
    console.print(_frames_table(run))
    console.print(_latency_table(run))
    console.print(_objects_table(run))
    rate = ground_truth_rate(run)
    console.print(
        f"ground truth, first pass: {rate.named.total()} of {rate.objects.total()} objects found "
        f"under their name ({100 * rate.named_rate:.0f} %), {100 * rate.boxed_rate:.0f} % found "
        f"under any (IoU 0.5, {len(run.names_before)} names asked)"
    )


def ground_truth_rate(run: DemoRun) -> HitRate:
    """Hit rate of the first pass, before the names changed."""
    rate = HitRate()
    for seen in run.seen:
        if seen.bag_pass == 0 and seen.stamp in run.truth:
            rate.add(run.truth[seen.stamp], seen.detections)
    return rate


def write_pictures(run: DemoRun, bag: Path, bundle: Path, out: Path) -> list[Path]:
    """Write pictures of both passes, a video of all frames, and the photographs.

    Topics carry boxes. The masks of a bundle that has them are made here, from the same frame
    and names, and drawn for the boxes that the node found.

    Returns:
        The files, in the order in which to look at them.

    """
    by_pass = {
        number: {seen.stamp: seen for seen in run.seen if seen.bag_pass == number}
        for number in (0, 1)
    }
    written: list[Path] = []
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
                image = _captioned(draw(frame.image, found), names)
                movie.write(image)
                if seen.stamp in chosen:
                    path = out / f"{name}_{len(written)}.jpg"
                    write_picture(path, image)
                    written.append(path)
    if video.exists():
        written.append(video)
    return written + _photographs(model, out)


def with_masks(seen: Detections, again: Detections) -> Detections:
    """Detections as seen, with the masks of the same ones in `again`, which has masks.

    One that is not there again has an empty mask.
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
    """A perceiver with the settings of the demonstration's node, for each list of names."""
    from vit_perception.perceiver import Perceiver, Settings
    from vit_perception.text.builder import VocabularyBuilder

    settings = Settings(model.score_threshold, model.iou_threshold, class_agnostic_nms=True)
    builder = VocabularyBuilder(model)
    return {
        names: Perceiver(model, vocabulary=builder.build(names, version=1), settings=settings)
        for names in {run.names_before, run.names_after}
    }


def _names(run: DemoRun, seen: Seen) -> tuple[str, ...]:
    """What the frame was asked for."""
    return run.names_after if run.is_after(seen) else run.names_before


def _spread(seen: list[Seen]) -> set[int]:
    """Stamps of a few frames, evenly spread."""
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
    """The picture with the names asked for in a line below."""
    strip = np.full((_CAPTION_HEIGHT, image.shape[1], 3), 30, np.uint8)
    text = caption(names, image.shape[1] - 12)
    cv2.putText(strip, text, (6, 18), *_CAPTION_FONT, (230, 230, 230), 1, cv2.LINE_AA)
    return np.concatenate([image, strip])


def caption(names: tuple[str, ...], width: int) -> str:
    """As many of the names as fit into a width in px, and how many more there are."""
    for shown in range(len(names), -1, -1):
        rest = f" and {len(names) - shown} more" if shown < len(names) else ""
        text = f"asked: {', '.join(names[:shown])}{rest}".encode("ascii", "replace").decode()
        if cv2.getTextSize(text, *_CAPTION_FONT, 1)[0][0] <= width:
            break
    return text


def _photographs(model: Bundle, out: Path) -> list[Path]:
    """Detect on the real photographs in this process, without ROS."""
    from vit_perception.media import read_picture
    from vit_perception.perceiver import Perceiver
    from vit_perception.samples import PHOTOGRAPH_NAMES, sample_photographs
    from vit_perception.text.builder import VocabularyBuilder

    written = []
    for path in sample_photographs():
        names = PHOTOGRAPH_NAMES[path.name]
        perceiver = Perceiver(model, vocabulary=VocabularyBuilder(model).build(names, version=1))
        frame = read_picture(path)
        target = out / f"photograph_{path.name}"
        write_picture(target, draw(frame.image, perceiver(frame)))
        written.append(target)
    return written


def _frames_table(run: DemoRun) -> Table:
    values = run.diagnostics
    table = Table(title="frames", title_justify="left")
    table.add_column("")
    table.add_column("count", justify="right")
    table.add_row("sent by the camera", str(run.camera_frames))
    table.add_row("received by the node", values.get("frames.received", "?"))
    lost = run.camera_frames - int(values.get("frames.received", "0"))
    table.add_row("lost on the way (best effort)", str(lost))
    table.add_row("published", values.get("frames.published", "?"))
    for key, value in values.items():
        if key.startswith("frames.dropped.") and (value != "0" or key.endswith("replaced")):
            table.add_row(f"dropped: {key.removeprefix('frames.dropped.')}", value)
    table.add_row("waiting at the last report", values.get("frames.pending", "?"))
    table.add_row("detections arrived here", str(len(run.seen)))
    return table


def _latency_table(run: DemoRun) -> Table:
    table = Table(title="latency, ms", title_justify="left")
    table.add_column("stage of the node")
    table.add_column("p50", justify="right")
    table.add_column("p95", justify="right")
    for key, value in run.diagnostics.items():
        if key.endswith(".p50_ms"):
            stage = key.removesuffix(".p50_ms").removeprefix("latency.")
            high = run.diagnostics.get(key.replace("p50", "p95"), "?")
            table.add_row(stage, _short(value), _short(high))
    delays = [1e3 * seen.delay for seen in run.seen]
    if delays:
        median, high_delay = np.percentile(delays, [50, 95])
        table.add_section()
        table.add_row("image sent -> boxes here", f"{median:.1f}", f"{high_delay:.1f}")
    table.add_row("change of the names", f"{1e3 * run.change_seconds:.1f}", "")
    return table


def _objects_table(run: DemoRun) -> Table:
    frames: Counter[bool] = Counter()
    found: dict[bool, Counter[str]] = {False: Counter(), True: Counter()}
    for seen in run.seen:
        after = run.is_after(seen)
        frames[after] += 1
        found[after].update(seen.detections.class_name(i) for i in range(len(seen.detections)))
    rate = ground_truth_rate(run)
    table = Table(title="objects found", title_justify="left")
    table.add_column("name")
    table.add_column(f"before ({frames[False]} frames)", justify="right")
    table.add_column("there, found (1st pass)", justify="right")
    table.add_column(f"after ({frames[True]} frames)", justify="right")
    for name in dict.fromkeys((*run.names_before, *run.names_after)):
        there = rate.objects[name]
        table.add_row(
            name,
            str(found[False][name]) if name in run.names_before else "",
            f"{there}, {rate.named[name]}" if there else "",
            str(found[True][name]) if name in run.names_after else "",
        )
    return table


def _short(milliseconds: str) -> str:
    try:
        return f"{float(milliseconds):.1f}"
    except ValueError:
        return milliseconds
