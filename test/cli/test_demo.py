# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from vit_perception.bags.messages import detections_from_message, header_stamp
from vit_perception.bags.reader import BagReader
from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.samples import GROUND_TRUTH_TOPIC, PHOTOGRAPH_NAMES, sample_photographs
from vit_perception.cli.demo import ask_names
from vit_perception.cli.demo_pictures import caption, with_masks, write_pictures
from vit_perception.cli.demo_report import ground_truth_rate, print_pictures, print_report
from vit_perception.detections import Detections
from vit_perception.images.media import read_picture
from vit_perception.masks import Masks
from vit_perception.ros.demo.run import Arrival, DemoRun, Seen, place

from ..bags.squares import START, record_squares

DEFAULT = ("tool", "fruit")


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("red mug, spoon\n", ("red mug", "spoon")),
        ("\n", DEFAULT),
        ("", DEFAULT),
        ("a, a\n", DEFAULT),
    ],
)
def test_names_are_asked_for(
    typed: str, names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = os.pipe()
    os.write(writer, typed.encode())
    os.close(writer)
    with os.fdopen(reader) as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        assert ask_names(DEFAULT, seconds=5) == names


def test_silence_takes_the_default_names(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader) as stdin, os.fdopen(writer, "w"):
        monkeypatch.setattr("sys.stdin", stdin)
        assert ask_names(DEFAULT, seconds=0.05) == DEFAULT


def found(*names: str) -> Detections:
    boxes = np.array([[10 + 60 * i, 20, 60 + 60 * i, 80] for i in range(len(names))], np.float32)
    return Detections(
        boxes=boxes.reshape(-1, 4),
        scores=np.full(len(names), 0.9, np.float32),
        labels=np.arange(len(names)),
        names=tuple(names),
        vocabulary_version=0,
    )


def test_the_report_counts_before_and_after_apart(tmp_path: Path) -> None:
    bag = record_squares(tmp_path / "bag", count=3)
    with BagReader(bag) as reader:
        truth = {
            header_stamp(message.value.header): detections_from_message(message.value)
            for message in reader.messages([GROUND_TRUTH_TOPIC])
        }
    run = DemoRun(("red", "green"), ("cyan",), camera_frames=6, truth=truth)
    period = 100_000_000
    run.seen = [
        Seen(0, START, 0.010, 0, truth[START]),
        Seen(0, START + period, 0.020, 0, found("red")),
        Seen(1, START, 0.030, 0, found("red")),
        Seen(1, START + period, 0.040, 1, found("cyan")),
    ]
    run.diagnostics = {
        "frames.received": "5",
        "frames.published": "4",
        "frames.dropped.replaced": "1",
        "frames.dropped.stale": "0",
        "frames.pending": "0",
        "latency.decode.p50_ms": "1.234",
        "latency.decode.p95_ms": "5.678",
    }
    rate = ground_truth_rate(run)
    assert rate.objects.total() == 6
    assert rate.named.total() == 3
    console = Console(file=io.StringIO(), width=120)
    print_report(run, console)
    text = console.file.getvalue()
    rows = [" ".join(line.replace("│", " ").split()) for line in text.splitlines()]
    for row in (
        "sent by the camera 6",
        "lost on the way (best effort) 1",
        "dropped: replaced 1",
        "decode 1.2 5.7",
        "image sent -> boxes here 25.0 38.5",
        "red 3 2, 1",
        "cyan 2, 1 1",
    ):
        assert row in rows
    assert "dropped: stale" not in text
    assert "3 of 6 objects found under their name (50 %)" in text


def test_the_caption_says_what_it_leaves_out() -> None:
    names = tuple(f"name {index}" for index in range(30))
    assert caption(names[:2], 640) == "asked: name 0, name 1"
    text = caption(names, 640)
    shown = text.count("name")
    assert 0 < shown < 30
    assert text.endswith(f" and {30 - shown} more")


PERIOD = 100
STAMPS = [1000 + PERIOD * i for i in range(4)]
SHIFTS = (50_000, 90_000)


def arrived(stamp: int) -> Arrival:
    return Arrival(stamp, 0.01, found("red"))


def test_names_announced_after_their_first_result_still_go_with_it() -> None:
    # DDS does not order topics: `versions` is complete only at the end, and only it counts.
    arrivals = [arrived(SHIFTS[1] + stamp) for stamp in STAMPS]
    versions = {SHIFTS[0] + STAMPS[0]: 0, SHIFTS[1] + STAMPS[2]: 1}
    seen = place(arrivals, versions, SHIFTS, STAMPS)
    assert [entry.version for entry in seen] == [0, 0, 1, 1]


def test_results_of_the_first_pass_that_come_during_the_second_stay_with_the_first() -> None:
    late, early = arrived(SHIFTS[0] + STAMPS[3]), arrived(SHIFTS[1] + STAMPS[0])
    seen = place([early, late], {}, SHIFTS, STAMPS)
    assert [(entry.bag_pass, entry.stamp) for entry in seen] == [(0, STAMPS[3]), (1, STAMPS[0])]


def test_what_fits_no_image_is_left_out() -> None:
    assert place([arrived(SHIFTS[0] + STAMPS[0] + 1)], {}, SHIFTS, STAMPS) == []


def test_a_first_version_that_is_not_zero_is_before() -> None:
    versions = {SHIFTS[0] + STAMPS[1]: 5, SHIFTS[1] + STAMPS[1]: 6}
    arrivals = [arrived(shift + stamp) for shift in SHIFTS for stamp in STAMPS]
    seen = place(arrivals, versions, SHIFTS, STAMPS)
    run = DemoRun(("red",), ("red",), first_version=5)
    assert [run.is_after(entry) for entry in seen] == [False] * 5 + [True] * 3


def test_masks_go_to_the_boxes_they_were_made_for() -> None:
    seen = found("red", "green", "blue")
    again = found("red", "green")
    crops = (np.ones((60, 50), np.bool_), np.eye(60, 50, dtype=np.bool_))
    again = replace(again, masks=Masks(np.array([[10, 20], [70, 20]]), crops, 120, 200))
    masks = with_masks(seen, again).masks
    assert masks is not None
    assert masks.areas().tolist() == [3000, 50, 0]
    assert masks.origins[:2].tolist() == [[10, 20], [70, 20]]
    moved = replace(seen, boxes=seen.boxes + 1)
    masks = with_masks(moved, again).masks
    assert masks is not None
    assert masks.areas().tolist() == [0, 0, 0]


def test_pictures_show_masks_of_a_bundle_that_has_them(
    tmp_path: Path, toy_bundle: Bundle, toy_segmentation_bundle: Bundle
) -> None:
    bag = record_squares(tmp_path / "bag", count=1)
    with BagReader(bag) as reader:
        truth = [detections_from_message(m.value) for m in reader.messages([GROUND_TRUTH_TOPIC])]
    run = DemoRun(("red", "green"), ("cyan",))
    run.seen = [Seen(0, START, 0.01, 0, truth[0])]
    changed, masked = [], []
    for bundle in (toy_bundle, toy_segmentation_bundle):
        out = tmp_path / bundle.directory.name
        out.mkdir()
        written = write_pictures(run, bag, bundle.directory, out)
        names = ["before_0.jpg", "detections.mp4", *(f"photograph_{p}" for p in PHOTOGRAPH_NAMES)]
        assert [path.name for path in written.paths] == names
        changed.append(read_picture(written.paths[0]).image.astype(int))
        console = Console(file=io.StringIO(), width=200)
        print_pictures(written, console)
        text = console.file.getvalue()
        masked += [line for line in text.splitlines() if line.startswith("masks:")]
        assert f"wrote {written.paths[-1]}" in text
        # The toy knows colours only: it is asked for bottles and finds none.
        assert "bottle: 0, can: 0, carton: 0" in text
    assert (np.abs(changed[0] - changed[1]).max(axis=2) > 20).sum() > 200
    # Of the three squares, cyan is asked for in the other pass and has no mask in this one.
    assert masked == [
        "masks: on 0 of 3 boxes in the recording, on 0 of 0 in the photographs",
        "masks: on 2 of 3 boxes in the recording, on 0 of 0 in the photographs",
    ]


def test_photographs_are_asked_for_what_they_show() -> None:
    document = json.loads((sample_photographs() / "annotations.json").read_text())
    images = {image["file_name"]: image["id"] for image in document["images"]}
    categories = {entry["id"]: entry["name"] for entry in document["categories"]}
    for name, asked in PHOTOGRAPH_NAMES.items():
        there = {
            categories[a["category_id"]]
            for a in document["annotations"]
            if a["image_id"] == images[name]
        }
        assert set(asked) <= there
