# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The report as a file."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.report.report import (
    MOST_BYTES,
    picture_path,
    report_page,
    write_report,
)
from vit_perception.images.compressed import encode_jpeg

from .measured import metrics, timing

HOSTILE = "<img src=x onerror=alert(1)></script>\"'\u202egpj"


def _headings(html: str) -> list[str]:
    return re.findall(r"<h2[^>]*>([^<]+)</h2>", html)


def _noise(size: tuple[int, int] = (8, 16)) -> bytes:
    values = np.random.default_rng(0).integers(0, 256, (*size, 3))
    return encode_jpeg(values.astype(np.uint8))


def test_the_sections_stand_in_their_order() -> None:
    assert _headings(report_page(metrics(), timing(), {})) == [
        "Summary",
        "Precision and recall",
        "Thresholds on scores",
        "Reliability of scores",
        "Confusion between names",
        "Kinds of errors",
        "Names",
        "Recordings and parts",
        "Places in space",
        "Latency",
        "Real time",
        "Worst pictures",
        "Differences between runs",
    ]


def test_the_same_figures_give_the_same_page() -> None:
    pictures = {("tabletop_nano-fp32", 1): _noise()}
    assert report_page(metrics(), timing(), pictures) == report_page(
        copy.deepcopy(metrics()), copy.deepcopy(timing()), dict(pictures)
    )


def _nothing_measured() -> dict[str, Any]:
    found = metrics(runs=("tabletop_nano-fp32",), masks=False)
    found |= {"objects": 0, "pictures": 0, "differences": []}
    run = found["runs"][0]
    nothing: dict[str, Any] = dict.fromkeys(("precision", "recall", "f1", "false_per_picture"))
    run["boxes"] = dict.fromkeys(run["boxes"])
    run["published"] = nothing | {"true": 0, "false": 0, "missed": 0}
    run["best"] = dict.fromkeys(run["best"])
    run["intervals"] = {"AP50": [None, None], "f1": None}
    run["sweep"], run["per_name"], run["worst"] = [], [], []
    run["curve"] = {"recall": [], "precision": [], "precision75": []}
    run["parts"] = run["sequences"] = {}
    run["confusion"]["counts"] = [[0] * 9 for _ in range(9)]
    run["calibration"] = {"ece": None, "mce": None, "bins": []}
    run["errors"]["ap50_lost"] = dict.fromkeys(run["errors"]["ap50_lost"])
    run["space"] = None
    return found


def test_sections_without_data_are_left_out() -> None:
    html = report_page(_nothing_measured(), {}, {})
    assert _headings(html) == ["Summary", "Recordings and parts"]
    assert "Nothing can be said: no picture has an object that is known." in html


def _spoiled(value: Any) -> Any:
    """The same figures with every word replaced by a hostile one."""
    if isinstance(value, dict):
        return {key: _spoiled(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_spoiled(each) for each in value]
    return HOSTILE if isinstance(value, str) else value


def test_whatever_words_the_files_hold_stay_text() -> None:
    found, times = metrics(), timing()
    key = found["runs"][0]["key"]
    bad = _spoiled(found)
    for run, true in zip(bad["runs"], found["runs"], strict=True):
        run["key"] = true["key"]
        run["parts"] = {HOSTILE: true["parts"]["held"]}
        run["score_threshold"] = {HOSTILE: 0.2, "other": 0.4}
        run["sequences"] = {HOSTILE: true["sequences"]["morning"]}
    bad["runs"][0]["space"]["per_name"] = {HOSTILE: {"things": 1}}
    bad["sources"][0] |= {"left_out": {HOSTILE: 1}, "unused_truth": {HOSTILE: 2}}
    for difference, true in zip(bad["differences"], found["differences"], strict=True):
        difference |= {"a": true["a"], "b": true["b"]}
    spoiled = _spoiled(times)
    spoiled["runs"][key]["stages_ms"] = {HOSTILE: times["runs"][key]["stages_ms"]["masks"]}
    spoiled["realtime"][key]["dropped"] = {HOSTILE: 49}
    html = report_page(bad, spoiled, {(key, 1): _noise()})
    assert _headings(html)[-1] == "Differences between runs"
    assert html.count("&lt;img src=x onerror=alert(1)&gt;") > 100
    assert "<img src=x" not in html
    assert html.count("</script>") == 1
    assert "\u202e" not in html
    # An attribute would end at a quote that is not escaped.
    assert not re.search(r"=\"[^\"<>]*<", html)


def test_a_page_of_many_names_runs_and_large_pictures_is_small_enough() -> None:
    runs = [f"bundle_{number}-fp32" for number in range(4)]
    found = metrics(names=[f"thing number {number}" for number in range(1203)], runs=runs)
    picture = _noise((360, 640))
    pictures = {(run, place): picture for run in runs for place in range(1, 11)}
    assert sum(map(len, pictures.values())) > MOST_BYTES
    html = report_page(found, timing(runs), pictures)
    assert len(html.encode()) <= MOST_BYTES
    there = html.count("data:image/jpeg")
    assert 0 < there < len(pictures)
    assert html.count("No picture here; see worst/") == len(pictures) - there
    # The worst of every run come before the less bad of any.
    assert html.count('alt="picture 4 (morning, ') == 4
    assert html.count('<th scope="row">thing number 1202') == 5


def test_names_beyond_the_longest_table_are_counted() -> None:
    found = metrics(names=[f"thing {number:05d}" for number in range(4000)], runs=("a-fp32",))
    html = report_page(found, {}, {})
    assert "2,500 names more in names.csv" in html
    assert "thing 01499" in html and "thing 03999" not in html
    assert "Names</dt><dd>4000: " in html


def test_the_report_holds_the_pictures_of_its_folder(tmp_path: Path) -> None:
    found = metrics()
    path = picture_path(tmp_path, "tabletop_nano-int8", 10)
    path.parent.mkdir(parents=True)
    path.write_bytes(_noise())
    report = write_report(tmp_path, found, timing())
    assert report == tmp_path / "report.html"
    html = report.read_text()
    assert html.count("data:image/jpeg") == 1
    assert 'width="16" height="8"' in html
    assert "No picture here; see worst/tabletop_nano-fp32/01.jpg" in html


def test_a_file_that_is_no_picture_is_refused(tmp_path: Path) -> None:
    path = picture_path(tmp_path, "tabletop_nano-fp32", 1)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"<script>")
    with pytest.raises(EvaluationError, match="01.jpg: expected a JPEG file, found another one"):
        write_report(tmp_path, metrics(), {})


@pytest.mark.parametrize("key", ["../outside", "", "..", "a/b", "/etc", "a\0"])
def test_a_key_that_leads_elsewhere_is_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(EvaluationError, match="expected the key of a run as the name of a folder"):
        picture_path(tmp_path, key, 1)
