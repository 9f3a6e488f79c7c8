# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Every file of a folder is found, or left out with a reason, or counted."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from vit_perception.images.media import MediaError
from vit_perception.images.search import Found, find_media

from .oriented import plain

GREY = np.full((8, 8, 3), 99, np.uint8)


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def names_of(found: Found) -> list[str]:
    return [file.name for file in found.files]


def reasons_of(found: Found) -> dict[str, str]:
    return {each.name: each.reason.partition(": ")[2] for each in found.left_out}


def test_folders_are_searched_and_names_stay_apart(tmp_path: Path) -> None:
    touch(tmp_path, "a/x.jpg", "a/deep/x.png", "a/notes.txt", "b/x.jpg")
    found = find_media([tmp_path / "a", tmp_path / "b", tmp_path / "a" / "x.jpg"])
    assert [(f.path.relative_to(tmp_path).as_posix(), f.name) for f in found.files] == [
        ("a/deep/x.png", "deep/x.png"),
        ("a/x.jpg", "x.jpg"),
        ("b/x.jpg", "x_2.jpg"),
    ]
    assert (found.left_out, found.others) == ((), {".txt": 1})


def test_absent_paths_and_empty_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"absent\.jpg: expected a picture, video or folder"):
        find_media([tmp_path / "absent.jpg"])
    with pytest.raises(MediaError, match=r"expected pictures or videos \(.*\), found none$"):
        find_media([tmp_path])
    touch(tmp_path, "a.heic", "b.txt", "README")
    with pytest.raises(MediaError) as caught:
        find_media([tmp_path])
    assert str(caught.value).endswith(
        "a.heic: expected JPEG, PNG, WebP, BMP, TIFF, GIF or a video, found .heic; files of other "
        "kinds (1 without a suffix, 1 .txt)"
    )


def test_suffixes_in_use_and_pictures_without_one(tmp_path: Path) -> None:
    read = [
        "a.WEBP",
        "b.jfif",
        "c.bmp",
        "d.tiff",
        "e.tif",
        "f.gif",
        "g.jpe",
        "h.JPG",
        "i.mov",
        "j.wmv",
    ]
    touch(tmp_path, *read, "x.avif", "y.dng", "z.csv")
    (tmp_path / "k").write_bytes(plain("jpeg", GREY))
    (tmp_path / "l.png~").write_bytes(plain("png", GREY))
    (tmp_path / "m.wav").write_bytes(b"RIFF\0\0\0\0WAVE")
    (tmp_path / "n.txt").write_bytes(b"BM: a text")
    found = find_media([tmp_path])
    assert names_of(found) == [*read, "k", "l.png~"]
    assert reasons_of(found) == {
        name: f"expected JPEG, PNG, WebP, BMP, TIFF, GIF or a video, found {name[1:]}"
        for name in ("x.avif", "y.dng")
    }
    assert found.others == {".csv": 1, ".wav": 1, ".txt": 1}


def test_links_to_folders_are_followed_once(tmp_path: Path) -> None:
    touch(tmp_path, "in/a.jpg", "in/sub/b.jpg", "elsewhere/z.jpg", "elsewhere/deep/y.jpg")
    links = {
        "linked": "../elsewhere",
        "linked_again": "../elsewhere/",
        "same": "sub",
        "loop": "..",
        "itself": ".",
        "nothing": "absent",
        "ring": "ring",
        "c.jpg": "a.jpg",
    }
    for name, target in links.items():
        (tmp_path / "in" / name).symlink_to(target)
    (tmp_path / "elsewhere" / "back").symlink_to("../in")
    (tmp_path / "elsewhere" / "up").symlink_to("../elsewhere")
    found = find_media([tmp_path / "in"])
    assert names_of(found) == ["a.jpg", "linked/deep/y.jpg", "linked/z.jpg", "sub/b.jpg"]
    searched = "expected a folder to search, found a link to one searched already"
    above = "expected a folder to search, found a link to a folder above it"
    assert reasons_of(found) == {
        "linked_again/": searched,
        "same/": searched,
        "linked/back/": searched,
        "loop/": above,
        "itself/": above,
        "linked/up/": above,
        "nothing": "expected a file, found a link to nothing",
        "ring": "expected a file, found a link to nothing",
        "c.jpg": f"expected a file not read yet, found the same as {tmp_path}/in/a.jpg",
    }


def test_what_is_no_regular_file_is_named(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    os.mkfifo(tmp_path / "b.jpg")
    for given in ([tmp_path], [tmp_path / "a.jpg", tmp_path / "b.jpg"]):
        found = find_media(given)
        assert names_of(found) == ["a.jpg"]
        assert reasons_of(found) == {"b.jpg": "expected a file, found no regular file"}


def test_copies_of_runs_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "out/annotated/a.jpg", "out/kept.jpg", "annotated/b.jpg")
    touch(tmp_path, "old/annotated/a.jpg", "old/detections.json", "old/run.json")
    (tmp_path / "latest").symlink_to("out/annotated")
    found = find_media([tmp_path], tmp_path / "out")
    assert names_of(found) == ["a.jpg", "annotated/b.jpg", "out/kept.jpg"]
    reason = "expected a folder to search, found the annotated copies of a run"
    assert reasons_of(found) == dict.fromkeys(
        ("out/annotated/", "old/annotated/", "latest/"), reason
    )
    # Copies of another run may be asked for by name, those of this run not.
    given = [tmp_path / "old" / "annotated", tmp_path / "out" / "annotated" / "a.jpg"]
    found = find_media(given, tmp_path / "out")
    assert names_of(found) == ["a.jpg"]
    assert reasons_of(found) == {
        "a.jpg": "expected a place outside the annotated copies of this run, found one inside"
    }
