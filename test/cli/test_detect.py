# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from vit_perception.bundle.bundle import Bundle
from vit_perception.cli.__main__ import main
from vit_perception.images.compressed import encode_jpeg
from vit_perception.images.media import VideoReader, read_picture, write_picture
from vit_perception.images.video_writer import VideoWriter
from vit_perception.rle import decode_mask

from ..images.oriented import encoded, turned
from ..toy_bundle import COLOURS, toy_picture

SQUARES = {"red": (1, 1), "cyan": (4, 8)}


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with two good pictures, a broken one and one that is cut short."""
    folder = tmp_path / "pictures"
    image, _ = toy_picture(128, 192, SQUARES)
    write_picture(folder / "a.png", image)
    write_picture(folder / "deep" / "b.png", toy_picture(64, 96, {"green": (0, 0)})[0])
    (folder / "broken.jpg").write_bytes(b"no picture")
    (folder / "cut.jpg").write_bytes(encode_jpeg(image)[:300])
    return folder


def run(out: Path, bundle: Path, *arguments: str) -> tuple[int, Any, Any]:
    status = main(["detect", *arguments, "--bundle", str(bundle), "--out", str(out)])
    found = json.loads((out / "detections.json").read_text())
    return status, found, json.loads((out / "run.json").read_text())


def test_pictures_of_a_folder(
    pictures: Path, tmp_path: Path, toy_bundle_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    status, found, about = run(
        out, toy_bundle_dir, str(pictures), "--vocabulary", "cyan, red, green"
    )
    assert status == 0
    by_name = {(entry["file_name"], entry["category"]): entry for entry in found}
    assert set(by_name) == {("a.png", "red"), ("a.png", "cyan"), ("deep/b.png", "green")}
    box = by_name["a.png", "red"]["bbox"]
    assert box == pytest.approx([16, 16, 32, 32], abs=0.1)
    assert 0.9 < by_name["a.png", "red"]["score"] <= 1
    assert about["finished"]
    assert (about["frames"], about["detections"]) == (2, 3)
    assert [entry["file_name"] for entry in about["skipped"]] == ["broken.jpg", "cut.jpg"]
    assert about["bundle"]["name"] == "toy"
    assert len(about["bundle"]["sha256"]["model.onnx"]) == 64
    assert about["vocabulary"] == {"names": ["cyan", "red", "green"], "version": 1}
    assert about["timings_ms"]["inference"]["count"] == 2
    assert "numpy" in about["versions"]
    printed = capsys.readouterr().out
    assert "2 files skipped" in printed
    assert "broken.jpg" in printed
    drawn = read_picture(out / "annotated" / "a.png").image
    assert drawn.shape == (128, 192, 3)
    assert (drawn != read_picture(pictures / "a.png").image).any()
    assert (out / "annotated" / "deep" / "b.png").is_file()


def test_the_default_names_and_the_thresholds_of_the_options(
    pictures: Path, tmp_path: Path, toy_bundle_dir: Path
) -> None:
    picture = str(pictures / "a.png")
    _, found, about = run(tmp_path / "one", toy_bundle_dir, picture)
    assert [entry["category"] for entry in found] == ["red"]
    assert about["vocabulary"]["version"] == 0
    assert about["settings"]["score_threshold"] == 0.6
    options = ("--score-threshold", "0.999", "--max-detections", "7", "--iou-threshold", "0.5")
    _, found, about = run(tmp_path / "two", toy_bundle_dir, picture, *options)
    assert found == []
    assert about["settings"] == {
        "score_threshold": 0.999,
        "iou_threshold": 0.5,
        "max_detections": 7,
        "masks": True,
    }


def test_names_from_a_file(pictures: Path, tmp_path: Path, toy_bundle_dir: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("# colours\ncyan\n\n")
    arguments = (str(pictures / "a.png"), "--vocabulary", str(names))
    _, found, _ = run(tmp_path / "out", toy_bundle_dir, *arguments)
    assert [entry["category"] for entry in found] == ["cyan"]


def test_a_video(tmp_path: Path, toy_bundle_dir: Path) -> None:
    clip = tmp_path / "clip.avi.mp4"
    with VideoWriter(clip, rate=10) as writer:
        for column in (0, 3, 6):
            writer.write(toy_picture(128, 192, {"red": (2, column)})[0])
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    out = tmp_path / "out"
    status, found, about = run(out, toy_bundle_dir, str(clip), str(tmp_path / "broken.mp4"))
    assert status == 0
    assert [entry["file_name"] for entry in found] == [f"{clip.name}#{i:06d}" for i in range(3)]
    lefts = [entry["bbox"][0] for entry in found]
    assert lefts == pytest.approx([0, 48, 96], abs=1)
    assert [entry["file_name"] for entry in about["skipped"]] == ["broken.mp4"]
    with VideoReader(out / "annotated" / clip.name) as video:
        assert [frame.image.shape for frame in video] == [(128, 192, 3)] * 3
        assert video.rate == 10


def test_things_of_videos_are_followed_and_those_of_pictures_are_not(
    tmp_path: Path, toy_bundle_dir: Path
) -> None:
    strong, _ = toy_picture(128, 192, {"red": (2, 3)})
    weak = strong.copy()
    weak[(weak == (255, 0, 0)).all(axis=2)] = (127, 0, 0)  # score about 0.5, the threshold is 0.6
    write_picture(tmp_path / "weak.png", weak)
    for name in ("a.mp4", "b.mp4"):
        with VideoWriter(tmp_path / name, rate=10) as writer:
            for image in (strong, strong, weak):
                writer.write(image)
    options = ("--track", "--track-low-score", "0.3")
    _, found, about = run(tmp_path / "out", toy_bundle_dir, str(tmp_path), *options)
    ids = [(entry["file_name"], entry.get("track_id")) for entry in found]
    assert ids == [
        ("a.mp4#000000", None),
        ("a.mp4#000001", 1),
        ("a.mp4#000002", 1),
        ("b.mp4#000000", None),
        ("b.mp4#000001", 2),
        ("b.mp4#000002", 2),
    ]
    assert about["tracking"] == {
        "tracking": True,
        "track_memory": 2.0,
        "track_min_hits": 2,
        "track_low_score": 0.3,
        "label_evidence": "none",
        "label_certainty": 0.55,
    }
    assert about["timings_ms"]["track"]["count"] == 6


def written(path: Path, image: Any, *options: int) -> None:
    path.write_bytes(cv2.imencode(path.suffix, image[..., ::-1], list(options))[1].tobytes())


def test_every_file_of_a_folder_is_done_or_counted(
    tmp_path: Path, toy_bundle_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image, _ = toy_picture(128, 192, SQUARES)
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.bmp", "b.tiff", "c.png", "d.jpg"):
        written(folder / name, image)
    written(folder / "e.webp", image, cv2.IMWRITE_WEBP_QUALITY, 101)
    (folder / "e.webp.jpg").write_bytes((folder / "d.jpg").read_bytes())
    (folder / "f\nline.jfif").write_bytes((folder / "d.jpg").read_bytes())
    (folder / os.fsdecode(b"g\xff.jpeg")).write_bytes((folder / "d.jpg").read_bytes())
    (folder / "h.png").write_bytes(encoded("png", turned(image, 6), 6))
    pages = cv2.imencodemulti(".tiff", [image[..., ::-1]] * 2)[1]
    (folder / "i.tif").write_bytes(pages.tobytes())
    (folder / "j.heic").write_bytes(b"")
    (folder / "k.bmp").write_bytes((folder / "a.bmp").read_bytes()[:-1])
    (folder / "notes.txt").write_bytes(b"")
    (folder / "loop").symlink_to("..")
    out = folder / "found"
    options = (str(folder), "--vocabulary", "red")
    status, found, about = run(out, toy_bundle_dir, *options)
    assert status == 0
    names = ["a.bmp", "b.tiff", "c.png", "d.jpg", "e.webp", "e.webp.jpg", "f\nline.jfif"]
    names += [os.fsdecode(b"g\xff.jpeg"), "h.png", "i.tif"]
    assert [entry["file_name"] for entry in found] == names
    for entry in found:
        assert entry["bbox"] == pytest.approx([16, 16, 32, 32], abs=0.5)
    assert about["frames"] == 10
    assert {entry["file_name"] for entry in about["skipped"]} == {"j.heic", "k.bmp", "loop/"}
    assert [entry["file_name"] for entry in about["read_in_part"]] == ["i.tif"]
    assert about["other_files"] == {".txt": 1}
    printed = capsys.readouterr().out
    assert "3 files skipped, 1 read in part" in printed
    assert "i.tif: expected one picture, found 2; read the first" in printed
    assert "files of other kinds: 1 .txt" in printed
    copies = sorted(path.name for path in (out / "annotated").iterdir())
    assert copies == sorted(
        ["a.bmp.png", "b.tiff.png", "c.png", "d.jpg", "e.webp.jpg", "e.webp_2.jpg", *names[6:9]]
        + ["i.tif.png"]
    )
    for name in copies:
        magic = b"\x89PNG" if name.endswith(".png") else b"\xff\xd8\xff"
        data = (out / "annotated" / name).read_bytes()
        assert data.startswith(magic) and b"xif" not in data[:64]
        assert read_picture(out / "annotated" / name).image.shape == (128, 192, 3)

    # Again, and to another place inside the folder: the copies are not looked at.
    for place in (out, folder / "again"):
        _, again, about = run(place, toy_bundle_dir, *options)
        assert again == found
        skipped = [entry["file_name"] for entry in about["skipped"]]
        assert "found/annotated/" in skipped


def test_only_broken_files_is_a_failure(
    pictures: Path, tmp_path: Path, toy_bundle_dir: Path
) -> None:
    status, found, about = run(tmp_path / "out", toy_bundle_dir, str(pictures / "broken.jpg"))
    assert (status, found, about["frames"]) == (1, [], 0)


def test_an_interrupt_keeps_what_was_found(
    pictures: Path, tmp_path: Path, toy_bundle_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import vit_perception.images.media as media

    def read(path: Path) -> Any:
        if path.name == "b.png":
            raise KeyboardInterrupt
        return read_picture(path)

    monkeypatch.setattr(media, "read_picture", read)
    status, found, about = run(tmp_path / "out", toy_bundle_dir, str(pictures))
    assert status == 130
    assert [entry["file_name"] for entry in found] == ["a.png"]
    assert not about["finished"]
    assert not list((tmp_path / "out").glob(".*"))


def test_scores_are_ordered_and_boxes_lie_in_the_picture(
    tmp_path: Path, toy_bundle_dir: Path
) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (90, 300, 3)).astype(np.uint8)
    write_picture(tmp_path / "noise.png", noise)
    _, found, _ = run(
        tmp_path / "out", toy_bundle_dir, str(tmp_path / "noise.png"), "--score-threshold", "0"
    )
    scores = [entry["score"] for entry in found]
    assert scores == sorted(scores, reverse=True)
    for left, top, width, height in (entry["bbox"] for entry in found):
        assert 0 <= left <= left + width <= 300
        assert 0 <= top <= top + height <= 90


def test_masks_are_run_lengths_in_the_json_and_colour_in_the_picture(
    pictures: Path, tmp_path: Path, toy_segmentation_bundle: Bundle
) -> None:
    picture = pictures / "a.png"
    options = (str(picture), "--vocabulary", "cyan, red")
    out = tmp_path / "masked"
    _, found, about = run(out, toy_segmentation_bundle.directory, *options)
    assert about["settings"]["masks"]
    assert about["timings_ms"]["masks"]["count"] == 1
    image = read_picture(picture).image
    for entry in found:
        mask = decode_mask(entry["segmentation"])
        square = (image == COLOURS[entry["category"]]).all(axis=2)
        assert mask.shape == square.shape == (128, 192)
        # Edges of a mixed colour lie further in: see the toy.
        least = {"red": 0.95, "cyan": 0.75}[entry["category"]]
        assert (mask & square).sum() / (mask | square).sum() > least
    drawn = read_picture(out / "annotated" / "a.png").image
    assert (drawn != image).any(axis=2).sum() > 2 * 28 * 28

    plain = tmp_path / "plain"
    _, boxes, about = run(plain, toy_segmentation_bundle.directory, *options, "--no-masks")
    assert [entry.pop("segmentation")["size"] for entry in found] == [[128, 192]] * 2
    assert boxes == found
    assert not about["settings"]["masks"]
    assert "masks" not in about["timings_ms"]
