# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What single sections of the report say."""

from __future__ import annotations

import re

from vit_perception.evaluation.report.sections.confusion import confusion
from vit_perception.evaluation.report.sections.curves import scores
from vit_perception.evaluation.report.sections.errors import errors
from vit_perception.evaluation.report.sections.latency import latency
from vit_perception.evaluation.report.sections.left_out import left_out_lines
from vit_perception.evaluation.report.sections.names import names
from vit_perception.evaluation.report.sections.realtime import realtime

from ..measured import metrics, timing


def test_the_sweep_marks_the_best_threshold_and_the_published_one() -> None:
    found = metrics(runs=("a-fp32",))
    section = scores(found)
    assert section is not None
    assert len(re.findall('class="mark s1"', section.html)) == 1
    assert len(re.findall('class="mark full s1"', section.html)) == 1
    assert "best F1 0.810 at 0.22; published F1 0.795 at 0.30" in section.html


def test_thresholds_by_name_are_told_as_a_range_without_a_place() -> None:
    found = metrics(runs=("a-fp32",))
    found["runs"][0]["score_threshold"] = {"mug": 0.2, "bowl": 0.45}
    section = scores(found)
    assert section is not None
    assert "published F1 0.795 at 0.20 to 0.45, by name" in section.html
    assert "mark full" not in section.html


def test_the_shade_of_a_confusion_is_its_share_of_the_row() -> None:
    found = metrics(names=("bowl", "mug"), runs=("a-fp32",))
    found["runs"][0]["confusion"] = {
        "names": ["bowl", "mug", "background"],
        "counts": [[99, 1, 0], [50, 0, 50], [3, 0, 0]],
    }
    section = confusion(found)
    assert section is not None
    rows = re.findall(r'<tr><th scope="row">(\w+)(.*)', section.html)
    assert rows == [
        ("bowl", '<td class="own h5">99<td class="h1">1<td class="zero">·'),
        ("mug", '<td class="h3">50<td class="own">0<td class="h3">50'),
        ("nothing", '<td class="h5">3<td class="zero">·<td>'),
    ]


def test_the_longest_bar_is_the_kind_that_costs_most() -> None:
    found = metrics(runs=("a-fp32",))
    found["runs"][0]["errors"] = {
        "counts": {"classification": 1, "missed": 7},
        "ap50_lost": {"classification": 0.1, "missed": 0.4, "false": None},
    }
    section = errors(found)
    assert section is not None
    widths = re.findall(r'class="f1" width="([\d.]+)"', section.html)
    assert widths[0] == "25.0" and widths[5] == "100.0"
    assert "1 time<" in section.html and "7 times<" in section.html


def test_long_lists_of_names_begin_with_the_weakest() -> None:
    found = metrics(names=[f"n{number:03d}" for number in range(100)], runs=("a-fp32",))
    section = names(found)
    assert section is not None
    short, _, long = section.html.partition("<details>")
    weakest = sorted(
        (row for row in found["runs"][0]["per_name"] if row["AP50"] is not None),
        key=lambda row: (row["AP50"], row["name"]),
    )
    shown = re.findall(r'<th scope="row">(n\d+)', short)
    assert shown == [row["name"] for row in weakest[:15]]
    assert long.count('<th scope="row">') == 100


def test_masks_have_no_column_where_no_bundle_has_them() -> None:
    with_masks, without = (names(metrics(masks=masks)) for masks in (True, False))
    assert with_masks is not None and without is not None
    assert "Mask AP" in with_masks.html and "Mask AP" not in without.html


def test_images_that_are_not_accounted_for_are_told() -> None:
    times = timing()
    section = realtime(metrics(), times)
    assert section is not None
    assert "420 received = 371 published + 49 dropped (44 busy, 5 stale)" in section.html
    assert "do not add up" not in section.html
    times["realtime"]["tabletop_nano-fp32"]["published"] = 370
    section = realtime(metrics(), times)
    assert section is not None
    assert "do not add up" in section.html


def test_stages_are_compared_by_the_same_bar_in_all_tables() -> None:
    section = latency(metrics(), timing())
    assert section is not None
    widths = re.findall(r'class="f\d" width="([\d.]+)"', section.html)
    # decode 2.6 ms of inference 29.5 ms, and the other run's 20.5 ms.
    assert widths[1] == "8.8" and "69.5" in widths and "100.0" in widths
    assert latency(metrics(), {}) is None


def test_damage_is_told_before_anything_else_that_is_missing() -> None:
    found = metrics()
    found["sources"][1]["damage"] = "evening: expected 96 messages, found 90"
    assert left_out_lines(found) == [
        "evening: expected 96 messages, found 90",
        "kitchen/morning, /camera/color/image_raw: 2 of 420 pictures left out (1 message, 1 size)",
        "kitchen/evening: 2 of 96 pictures left out (1 message, 1 size)",
        "kitchen/morning, /camera/color/image_raw: 3 entries of the truth not used "
        "(3 no picture of that stamp)",
        "kitchen/evening: 3 entries of the truth not used (3 no picture of that stamp)",
    ]
