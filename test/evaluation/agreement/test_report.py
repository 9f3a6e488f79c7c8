# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The report on agreement, and its pictures."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vit_perception.evaluation.agreement.comparison import Comparison
from vit_perception.evaluation.agreement.drawing import both, draw_differing
from vit_perception.evaluation.agreement.report import report_page, report_text
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.report.drawing import RIGHT, WIDTH, WRONG
from vit_perception.evaluation.rows.looked_at import LookedAt
from vit_perception.evaluation.rows.reading import shard_path
from vit_perception.evaluation.rows.shards import write_shard
from vit_perception.frame import Frame
from vit_perception.images.compressed import encode_jpeg
from vit_perception.images.picture_file import decode_picture

from ...refusals import refusal_of
from .looked import NAMES, PERIOD, SIZE, START, Found, looked, rows, run

HOSTILE = "<img src=x onerror=alert(1)></script>\u202e"
SCENE: Found = [("mug", 0.9, (10, 10, 30, 30)), ("bowl", 0.8, (40, 10, 60, 30))]
RUNS = (run("a"), run("b"))


def frames(count: int = 200) -> list[LookedAt]:
    return [looked(number, SCENE, SCENE[number % 20 == 7 :]) for number in range(count)]


def found(listed: list[LookedAt], **changes: Any) -> dict[str, Any]:
    comparison = Comparison(NAMES, RUNS)
    for each in listed:
        comparison.add(each)
    source = {"key": "bag", "title": "bag /camera", "pictures": len(listed) + 1}
    source |= {"looked_at": len(listed), "with_truth": 0, "left_out": {"jpeg": 1}}
    source |= {"left_out_lines": ["/camera: frame 3: broken"], "unused_truth": {}}
    source |= {"notes": [], "damage": ""}
    entry = {"sha256": "0", "score_threshold": 0.5, "iou_threshold": 0.5, "max_detections": 100}
    runs = [{"key": key, "bundle": "toy", "precision": key} | entry for key in "ab"]
    head = {"format": 1, "command": "vit-perception compare bag", "sources": [source]}
    return {**head, "names": list(NAMES), "runs": runs, **comparison.result()} | changes


def grey() -> bytes:
    return encode_jpeg(np.full((20, 40, 3), 90, np.uint8))


def test_the_page_says_how_far_they_agree_and_how_sure_that_is() -> None:
    figures = found(frames())
    html = report_page(figures, [grey()] * len(figures["differ_most"]))
    headings = re.findall(r"<h2[^>]*>([^<]+)</h2>", html)
    assert headings == [
        "Summary",
        "Agreement",
        "Flicker",
        "Where they differ most",
        "Names",
        "Recordings",
    ]
    assert "toy b and toy a agree in 0.987 of what they publish" in html
    assert "(95 % interval 0.987 to 0.987)" in html
    assert html.count("data:image/jpeg;base64,") == 10
    assert 'width="40" height="20"' in html
    assert "1 of 201 pictures left out (1 jpeg)" in html
    assert report_page(figures, [grey()] * 10) == html


def test_runs_that_agree_have_no_frames_to_show() -> None:
    figures = found([looked(number, SCENE, SCENE) for number in range(9)])
    html = report_page(figures, [])
    assert "Where they differ most" not in html
    assert "agree in 1.000 of what they publish" in html
    assert "too few stretches" in html


def test_nothing_published_is_said() -> None:
    figures = found([looked(0, [], [])], sources=[])
    line = "Neither toy a nor toy b publishes anything of these pictures."
    assert line in report_page(figures, [])
    assert line in report_text(figures)


def test_what_comes_from_outside_is_escaped() -> None:
    figures = found(frames(20), command=HOSTILE, names=[HOSTILE])
    figures["sources"][0]["title"] = HOSTILE
    figures["runs"][0]["bundle"] = HOSTILE
    figures["per_name"][0]["name"] = HOSTILE
    figures["naming"]["renamed"] = [{"a": HOSTILE, "b": HOSTILE, "count": 1}]
    figures["flicker"][1]["worst"][0]["names"] = {HOSTILE: 3}
    figures["differ_most"][0]["changed"] = [HOSTILE]
    html = report_page(figures, [grey()])
    assert "<img src=x" not in html
    assert "\u202e" not in html
    assert html.count("</script>") == 1


def test_long_lists_are_cut_and_the_rest_is_in_the_figures() -> None:
    figures = found(frames(20))
    figures["sources"][0]["notes"] = [f"note {number}" for number in range(60)]
    html = report_page(figures, [grey()] * len(figures["differ_most"]))
    assert "note 49<" in html
    assert "note 50<" not in html
    assert "10 more in agreement.json" in html


def test_the_table_is_short() -> None:
    text = report_text(found(frames()))
    head = " ".join(text.splitlines()[0].split())
    assert head == "200 pictures detections seen by both things name changes % missed frames %"
    assert len(text.splitlines()) == 5


def picture(sequence: str, number: int) -> Frame:
    return Frame(np.full((*SIZE, 3), 90, np.uint8), stamp=START + number * PERIOD)


def test_frames_are_drawn_as_both_runs_see_them() -> None:
    image = both(picture("", 0), looked(0, SCENE, SCENE[1:]), RUNS, NAMES, ("toy a", "toy b"))
    assert image.shape[1] == WIDTH
    left, right = image[:, : WIDTH // 2], image[:, WIDTH // 2 :]

    def has(part: np.ndarray, colour: tuple[int, int, int]) -> bool:
        return bool((part == colour).all(axis=2).sum() > 50)

    assert has(left, RIGHT.colour) and has(left, WRONG.colour)
    assert has(right, RIGHT.colour) and not has(right, WRONG.colour)
    renamed = rows([("spoon", 0.9, SCENE[0][2]), SCENE[1]])
    image = both(picture("", 0), looked(0, SCENE, renamed), RUNS, NAMES, ("toy a", "toy b"))
    assert has(image[:, WIDTH // 2 :], WRONG.colour)


def store(folder: Path, listed: list[LookedAt]) -> None:
    for block in range(0, len(listed), 64):
        write_shard(shard_path(folder, "bag", block // 64), listed[block : block + 64])


def test_those_that_differ_most_are_drawn_in_their_order(tmp_path: Path) -> None:
    listed = frames()
    store(tmp_path, listed)
    figures = found(listed)
    asked: list[int] = []

    def frame_of(sequence: str, number: int) -> Frame:
        asked.append(number)
        return Frame(np.full((*SIZE, 3), number, np.uint8), stamp=START + number * PERIOD)

    drawn = draw_differing(tmp_path, figures, RUNS, frame_of)
    assert asked == sorted(each["number"] for each in figures["differ_most"])
    for content, each in zip(drawn, figures["differ_most"], strict=True):
        assert abs(int(decode_picture(content)[-3, 5, 0]) - each["number"]) < 12


def test_pictures_that_changed_are_refused(tmp_path: Path) -> None:
    listed = frames(20)
    store(tmp_path, listed)
    figures = found(listed)
    other = Frame(np.zeros((10, 10, 3), np.uint8))
    line = refusal_of(
        EvaluationError, lambda: draw_differing(tmp_path, figures, RUNS, lambda *_: other)
    )
    assert "as it was looked at, found another" in line
    figures["differ_most"][0]["number"] = 63
    with pytest.raises(EvaluationError, match="expected picture 63, found none"):
        draw_differing(tmp_path, figures, RUNS, picture)
