# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Subcommand `detect`: pictures and videos in, annotated copies and JSON out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from vit_perception.cli.model import (
    add_bundle_arguments,
    add_detection_arguments,
    add_mask_argument,
    load_perceiver,
)
from vit_perception.wording import shown_path

if TYPE_CHECKING:
    from vit_perception.cli.detect_report import Report
    from vit_perception.images.search import MediaFile
    from vit_perception.perceiver.perceiver import Perceiver

NAME = "detect"
HELP = "find named objects in pictures, folders of pictures and videos"
EPILOG = """example:
  vit-perception detect photo.jpg clips/ --vocabulary 'red mug, spoon' --out found

writes to the folder --out:
  annotated/       every picture and video with boxes and, from a bundle with masks, masks:
                   PNG, JPEG or MP4, with that suffix added where the name has another
  detections.json  a list of {file_name, category, bbox [x, y, w, h] px, score} and, with
                   masks, segmentation {size [h, w], counts}: COCO's compressed run lengths;
                   frames of a video are called clip.mp4#000012
  run.json         bundle, vocabulary, settings, timings, versions, and the files that were
                   skipped, read in part (of an animation the first picture) or of other kinds

reads JPEG, PNG, WebP, BMP, TIFF, GIF and videos. Pictures are turned as their EXIF orientation
says, videos as their metadata say. Links to folders are followed, each folder once; annotated
copies of this run and of others are left out."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="picture, video or folder")
    parser.add_argument(
        "--out", default="detected", metavar="DIR", help="where to write (detected)"
    )
    add_detection_arguments(parser)
    add_mask_argument(parser)
    add_bundle_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Detects on every file; returns 0, or 1 if no file could be used.

    A file that cannot be read is skipped, named and counted. If the run is interrupted, the
    results so far are written.
    """
    from vit_perception.cli.detect_report import Report
    from vit_perception.cli.progress import progress_bar
    from vit_perception.images.media import MediaError
    from vit_perception.images.search import find_media

    out = Path(args.out)
    found = find_media(args.paths, out)
    perceiver = load_perceiver(args, masks=not args.no_masks)
    perceiver.warm_up()
    out.mkdir(parents=True, exist_ok=True)
    report = Report(out, perceiver)
    report.account(found)
    try:
        with progress_bar("detecting", len(found.files)) as show:
            for done, file in enumerate(found.files, start=1):
                try:
                    _detect_file(file, perceiver, report)
                except MediaError as error:
                    report.skip(file.name, str(error))
                show(done)
        report.finished = True
    finally:
        report.write()
        print(report.summary())
    return 0 if report.frames else 1


def _detect_file(file: MediaFile, perceiver: Perceiver, report: Report) -> None:
    if file.is_video:
        _detect_video(file, perceiver, report)
    else:
        _detect_picture(file, perceiver, report)


def _detect_picture(file: MediaFile, perceiver: Perceiver, report: Report) -> None:
    from vit_perception.images.media import copy_suffix, pictures_in, read_picture, write_picture
    from vit_perception.perceiver.overlay import draw
    from vit_perception.perceiver.stages import StageTimes

    stages = StageTimes()
    frame = read_picture(file.path)
    stages.lap("read")
    detections = perceiver(frame, stages=stages)
    copy = report.place(file.name, copy_suffix(file.path))
    write_picture(copy, draw(frame.image, detections))
    stages.lap("annotate")
    report.add(file.name, detections, stages)
    count = pictures_in(file.path)
    if count > 1:
        name = shown_path(file.path)
        report.in_part(file.name, f"{name}: expected one picture, found {count}; read the first")


def _detect_video(file: MediaFile, perceiver: Perceiver, report: Report) -> None:
    from vit_perception.cli.progress import progress_bar
    from vit_perception.images.media import MediaError, VideoReader
    from vit_perception.images.video_writer import VideoWriter
    from vit_perception.perceiver.overlay import draw
    from vit_perception.perceiver.stages import StageTimes

    target = report.place(file.name, "" if file.path.suffix == ".mp4" else ".mp4")
    index = -1
    with (
        VideoReader(file.path) as video,
        VideoWriter(target, video.rate) as annotated,
        progress_bar(shown_path(file.name), video.count) as show,
    ):
        for index, frame in enumerate(video):
            stages = StageTimes()
            detections = perceiver(frame, stages=stages)
            annotated.write(draw(frame.image, detections))
            stages.lap("annotate")
            report.add(f"{file.name}#{index:06d}", detections, stages)
            show(index + 1)
        if index + 1 < video.count:
            report.in_part(
                file.name,
                f"{shown_path(file.path)}: expected {video.count} frames, found {index + 1}",
            )
    if index < 0:
        raise MediaError(f"{shown_path(file.path)}: expected a video, found one without frames")
