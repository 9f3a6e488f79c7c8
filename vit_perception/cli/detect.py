# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Subcommand `detect`: pictures and videos in, annotated copies and JSON out."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from vit_perception.cli.arguments import output_path
from vit_perception.cli.model import (
    add_bundle_arguments,
    add_detection_arguments,
    add_mask_argument,
    add_tracking_arguments,
    load_perceiver,
    tracking_settings,
)
from vit_perception.wording import shown_path

if TYPE_CHECKING:
    from vit_perception.cli.detect_plan import Job
    from vit_perception.cli.detect_report import Report
    from vit_perception.images.media import VideoReader
    from vit_perception.images.video_writer import VideoWriter
    from vit_perception.perceiver.perceiver import Perceiver
    from vit_perception.tracking.tracker import Tracker

NAME = "detect"
HELP = "find named objects in pictures, folders of pictures and videos"
EPILOG = """example:
  vit-perception detect photo.jpg clips/ --vocabulary 'red mug, spoon' --out found
  vit-perception detect photo.jpg --taught mine --taught-only

writes to the folder --out:
  annotated/       every picture and video with boxes and, from a bundle with masks, masks:
                   PNG, JPEG or MP4, with that suffix added where the name has another
  detections.json  a list of {file_name, category, bbox [x, y, w, h] px, score} and, with
                   masks, segmentation {size [h, w], counts}: COCO's compressed run lengths;
                   frames of a video are called clip.mp4#000012; with --track a thing that
                   was seen before has its track_id, which no other video has
  run.json         bundle, vocabulary, settings, timings, versions, the annotated copy of each
                   file, and the files that were skipped, read in part (of an animation the first
                   picture) or of other kinds

run.json says 'finished: false' until the run ends. Copies of earlier runs are replaced or stay;
a file that no run has written is never replaced. One run at a time writes to a folder.

--taught FILE looks for names that were shown with 'vit-perception teach', beside the names of
--vocabulary or the bundle's default names. A name that is in both is found by what was said and
by what was shown.

reads JPEG, PNG, WebP, BMP, TIFF, GIF and videos. Pictures are turned as their EXIF orientation
says, videos as their metadata say. Links to folders are followed, each folder once; annotated
copies of this run and of others are left out."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="picture, video or folder")
    parser.add_argument(
        "--out",
        type=output_path,
        default="detected",
        metavar="DIR",
        help="where to write (detected)",
    )
    add_tracking_arguments(parser, "a video")
    add_detection_arguments(parser)
    add_mask_argument(parser)
    add_bundle_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Detects on every file; returns 0, or 1 if no file could be used.

    A file that cannot be read is skipped, named and counted. If the run is interrupted, the
    results so far are written.
    """
    from vit_perception.cli.detect_plan import check, plan
    from vit_perception.cli.detect_report import Report
    from vit_perception.cli.progress import progress_bar
    from vit_perception.images.media import MediaError
    from vit_perception.images.search import find_media
    from vit_perception.output.lock import sole_writer_in
    from vit_perception.tracking.tracker import Tracker

    found = find_media(args.paths, args.out)
    jobs = plan(found.files)
    check(jobs, args.out)  # before the model is loaded
    tracking = tracking_settings(args)
    tracker = Tracker(tracking) if tracking.tracking else None
    perceiver = load_perceiver(args, masks=not args.no_masks)
    perceiver.warm_up()
    with sole_writer_in(args.out):
        # Again: others may have written there before this was the only writer.
        report = Report(args.out, perceiver, jobs, check(jobs, args.out), tracking)
        report.account(found)
        report.begin()
        try:
            with progress_bar("detecting", len(jobs)) as show:
                for done, job in enumerate(jobs, start=1):
                    try:
                        _detect_file(job, perceiver, tracker, report)
                    except MediaError as error:
                        report.skip(job.file.name, str(error))
                    show(done)
            report.finished = True
        finally:
            report.write()
            print(report.summary())
    return 0 if report.frames else 1


def _detect_file(job: Job, perceiver: Perceiver, tracker: Tracker | None, report: Report) -> None:
    if job.file.is_video:
        _detect_video(job, perceiver, tracker, report)
    else:
        _detect_picture(job, perceiver, report)


def _detect_picture(job: Job, perceiver: Perceiver, report: Report) -> None:
    from vit_perception.images.media import pictures_in, read_picture, write_picture
    from vit_perception.perceiver.overlay import draw
    from vit_perception.perceiver.stages import StageTimes

    file, stages = job.file, StageTimes()
    frame = read_picture(file.path)
    stages.lap("read")
    detections = perceiver(frame, stages=stages)
    write_picture(report.annotated / job.copy, draw(frame.image, detections))
    stages.lap("annotate")
    report.add(file.name, detections, stages)
    report.add_copy(job)
    count = pictures_in(file.path)
    if count > 1:
        name = shown_path(file.path)
        report.in_part(file.name, f"{name}: expected one picture, found {count}; read the first")


def _detect_video(job: Job, perceiver: Perceiver, tracker: Tracker | None, report: Report) -> None:
    from vit_perception.cli.progress import progress_bar
    from vit_perception.images.media import MediaError, VideoReader
    from vit_perception.images.video_writer import VideoWriter

    file = job.file
    path = shown_path(file.path)
    end: BaseException | None = None
    try:
        with (
            VideoReader(file.path) as video,
            VideoWriter(report.annotated / job.copy, video.rate) as annotated,
            progress_bar(shown_path(file.name), video.count) as show,
        ):
            end = _annotate(file.name, video, annotated, perceiver, tracker, report, show)
    except MediaError as error:
        if end is None or isinstance(end, MediaError):
            raise
        raise end from error  # else the run would go on with the next file
    done, expected = annotated.count, video.count
    if done:
        report.add_copy(job)
        if isinstance(end, MediaError):
            report.in_part(file.name, f"{end}, after {done} frames")
        elif end is not None:
            report.in_part(file.name, f"{path}: interrupted after {done} frames")
        elif done < expected:
            report.in_part(file.name, f"{path}: expected {expected} frames, found {done}")
    elif end is None:
        raise MediaError(f"{path}: expected a video, found one without frames")
    if end is not None and not (done and isinstance(end, MediaError)):
        raise end


def _annotate(
    name: str,
    video: VideoReader,
    annotated: VideoWriter,
    perceiver: Perceiver,
    tracker: Tracker | None,
    report: Report,
    show: Callable[[int], None],
) -> BaseException | None:
    """Detects on every frame; returns what ended it early, so that the copy so far is kept."""
    from vit_perception.images.media import MediaError
    from vit_perception.perceiver.overlay import draw
    from vit_perception.perceiver.stages import StageTimes
    from vit_perception.tracking.evidence import LabelEvidence

    query, evidence = perceiver.query, LabelEvidence()
    if tracker is not None:
        tracker.reset()
        query = perceiver.prepare(settings=replace(query.settings, **tracker.settings.asked))
    try:
        for index, frame in enumerate(video):
            stages = StageTimes()
            detections = perceiver.look(frame, query, stages)
            if tracker is not None:
                detections = tracker.update(detections, frame.stamp, query.thresholds)
                detections = evidence.update(detections, tracker, (frame.width, frame.height))
                stages.lap("track")
            annotated.write(draw(frame.image, detections))
            stages.lap("annotate")
            report.add(f"{name}#{index:06d}", detections, stages)
            show(index + 1)
    except (KeyboardInterrupt, SystemExit, MediaError) as error:
        return error
    return None
