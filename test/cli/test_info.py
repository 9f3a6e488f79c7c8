# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
from backports import zstd

from vit_perception.cli.__main__ import main

from ..bags.foreign import (
    Topic,
    change_metadata,
    declaration,
    images,
    mcap,
    record_plain,
    recorded,
)
from ..bags.recordings import TOPIC
from ..bags.squares import record_squares
from ..toy_bundle import FAILED, write_toy_int8_bundle


def test_a_bundle(toy_bundle_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(toy_bundle_dir), "--names"]) == 0
    text = capsys.readouterr().out
    for part in ("toy", "96x64 px", "red, green, blue", "score 0.6", "AP50", "model.onnx"):
        assert part in text
    assert text.splitlines()[-1] == "cyan"


def test_a_bag(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bag = record_squares(tmp_path / "bag", count=2, height=64, width=96)
    assert main(["info", str(bag)]) == 0
    assert "2  /ground_truth  [vision_msgs/msg/Detection2DArray]" in capsys.readouterr().out


def test_a_folder_of_recordings_without_metadata(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bag = record_squares(tmp_path / "bag", count=2, height=64, width=96)
    (bag / "metadata.yaml").unlink()
    assert main(["info", str(bag)]) == 0
    assert "2  /ground_truth  [vision_msgs/msg/Detection2DArray]" in capsys.readouterr().out
    for path in bag.iterdir():
        (bag / f"{path.name}.zstd").write_bytes(zstd.compress(path.read_bytes()))
        path.unlink()
    assert main(["info", str(bag)]) == 0
    assert "2  /ground_truth" in capsys.readouterr().out
    for path in bag.iterdir():
        path.unlink()
    assert main(["info", str(bag)]) == 2
    assert "bundle.yaml" in capsys.readouterr().err


def test_missing_messages_are_an_error_after_the_topics(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bag = record_plain(tmp_path / "bag", 4)
    topics = [{"message_count": 7, "topic_metadata": {"name": TOPIC}}]
    change_metadata(bag, topics_with_message_count=topics)
    assert main(["info", str(bag)]) == 2
    out, err = capsys.readouterr()
    assert f"4  {TOPIC}" in out
    path = bag / "bag.mcap"
    assert err == f"vit-perception info: {path}: expected 7 messages on {TOPIC}, found 4\n"


def test_what_is_left_out_of_a_bag(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    camera = Topic()
    log = Topic("/log", "json", "foxglove.Log", "jsonschema", "{}", id=9)
    path = tmp_path / "bag.mcap"
    parts = (declaration(camera), declaration(log), recorded(log, 5, b"{}"))
    path.write_bytes(mcap(*parts, images(camera, (0, 1)), closed=False))
    assert main(["info", str(path)]) == 0
    out, err = capsys.readouterr()
    assert f"2  {TOPIC}" in out
    assert "3 messages; 'mcap recover' makes a whole file of it" in err
    assert "left out /log: 1 message, json (foxglove.Log)" in err


def test_the_installation(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info"]) == 0
    assert "CPUExecutionProvider" in capsys.readouterr().out


def test_info_shows_quality(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for quality, line in (
        (None, "int8 was not measured"),
        (
            FAILED,
            "int8 not passed: AP 0.4 of 0.5, a drop of 0.02 is allowed; 20 pictures, squares",
        ),
    ):
        bundle = write_toy_int8_bundle(tmp_path / "toy", quality)
        assert main(["info", str(bundle.directory)]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [each.split(maxsplit=1)[1] for each in lines if each.startswith("quality:")] == [
            "fp32 is the reference",
            line,
        ]
