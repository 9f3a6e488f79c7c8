# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Things are shown on the command line, and found by other commands."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vit_perception.bags.messages import detections_from_message
from vit_perception.bags.reader import BagReader
from vit_perception.cli.__main__ import main
from vit_perception.examples import Crop, Examples
from vit_perception.images.media import write_picture
from vit_perception.perceiver.examples_file import read_examples, write_examples

from ..bags.squares import record_squares
from ..toy_bundle import toy_picture, write_toy_region_bundle

PIXELS, BOXES = toy_picture(64, 96, {"magenta": (0, 1), "red": (3, 4), "cyan": (5, 8)})


def words(name: str) -> str:
    """The box of a colour as an option."""
    x1, y1, x2, y2 = (float(side) for side in BOXES[name])
    return f"{x1:g},{y1:g},{x2 - x1:g},{y2 - y1:g}"


@pytest.fixture(name="bundle", scope="module")
def _bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy_region_bundle(tmp_path_factory.mktemp("bundles") / "toy").directory


@pytest.fixture(name="other", scope="module")
def _other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of another training."""
    place = tmp_path_factory.mktemp("bundles") / "other"
    return write_toy_region_bundle(place, name="other", embedding_id="another").directory


@pytest.fixture(name="picture")
def _picture(tmp_path: Path) -> Path:
    write_picture(tmp_path / "photo.png", PIXELS)
    return tmp_path / "photo.png"


def teach(bundle: Path, out: Path, *options: object) -> int:
    place = ["--bundle", str(bundle), "--out", str(out)]
    return main(["teach", *map(str, options), *place])


def found(out: Path) -> list[str]:
    """The names in what `detect` wrote."""
    entries = json.loads((out / "detections.json").read_text())
    return sorted(entry["category"] for entry in entries)


def test_what_was_shown_in_a_picture_is_found_in_it(
    bundle: Path, picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "new" / "mine"
    box = ("--box", words("magenta"), "--name", "my mug")
    assert teach(bundle, mine, picture, *box) == 0
    learned, summary = capsys.readouterr().out.splitlines()
    assert learned.startswith("learned my mug at 8,0,16,16: found there again with 0.")
    assert summary == f"{mine}: 1 examples of 1 names: my mug (1)"
    box = ("--box", words("cyan"), "--name", "my mug", "--not")
    assert teach(bundle, mine, picture, *box) == 0
    assert capsys.readouterr().out.splitlines() == [
        "learned what is not my mug at 64,40,16,16: not called so there",
        f"{mine}: 2 examples of 1 names: my mug (1, 1 not)",
    ]
    options = ["--bundle", str(bundle), "--taught", str(mine)]
    for more, names in (
        ([], ["my mug", "red"]),
        (["--vocabulary", "green, cyan"], ["cyan", "my mug"]),
        (["--taught-only"], ["my mug"]),
    ):
        out = tmp_path / "_".join(["out", *more])
        assert main(["detect", str(picture), "--out", str(out), *options, *more]) == 0
        assert found(out) == names
    assert main(["info", str(mine)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "      1     1     2  my mug"


def test_several_boxes_and_names_at_once_and_one_forgotten(
    bundle: Path, picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine"
    pairs = ("--box", words("magenta"), "--box", words("cyan"), "--name", "a", "--name", "b, c")
    assert teach(bundle, mine, picture, *pairs) == 0
    assert read_examples(mine).names == ("a", "b, c")
    assert main(["teach", "--forget", "a", "--out", str(mine)]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        f"{mine}: forgot 1 examples",
        f"{mine}: 1 examples of 1 names: b, c (1)",
    ]
    assert read_examples(mine).names == ("b, c",)
    assert main(["teach", "--forget", "a", "--out", str(mine)]) == 2
    line = f"{mine}: expected a name that was shown (b, c), found 'a'"
    assert capsys.readouterr().err == f"vit-perception teach: {line}\n"


def test_a_moment_of_a_recording_is_shown_and_the_thing_found_in_all_of_it(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bag = record_squares(tmp_path / "bag", count=4)
    mine = tmp_path / "mine"
    _, boxes = toy_picture(480, 640, {"red": (0, 4)})
    x1, y1, x2, y2 = boxes["red"].tolist()
    box = ("--box", f"{x1},{y1},{x2 - x1},{y2 - y1}", "--name", "my mug")
    # Red moves: at another time it is not there.
    assert teach(bundle, mine, bag, "--at", "0.21", *box) == 0
    assert ": found there again" in capsys.readouterr().out
    assert teach(bundle, tmp_path / "grey", bag, *box) == 0
    assert ": not found there again" in capsys.readouterr().out
    options = ["--bundle", str(bundle), "--taught", str(mine), "--taught-only"]
    assert main(["replay", str(bag), "--out", str(tmp_path / "out"), *options]) == 0
    with BagReader(tmp_path / "out") as result:
        messages = [
            detections_from_message(each.value)
            for each in result.messages(["/detector/detections"])
        ]
    assert [[one.name for one in each] for each in messages] == [["my mug"]] * 4


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--at", "9"), "expected a time of 0..0.30 s, found 9"),
        (("--topic", "/none"), "expected image topic /none, found /camera"),
    ],
)
def test_moments_that_are_not_there_are_refused(
    bundle: Path,
    tmp_path: Path,
    options: tuple[str, ...],
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bag = record_squares(tmp_path / "bag", count=4, height=64, width=96)
    box = ("--box", "1,1,9,9", "--name", "a")
    assert teach(bundle, tmp_path / "mine", bag, *box, *options) == 2
    assert told in capsys.readouterr().err


def write_dataset(folder: Path, pictures: int) -> Path:
    """Pictures of a magenta, a green and a cyan square; a box of the last lies on nothing."""
    names = ("magenta thing", "green", "other")
    images, annotations = [], []
    for number in range(1, pictures + 1):
        squares = {"magenta": (0, number), "green": (3, 2 * number), "cyan": (5, 0)}
        image, boxes = toy_picture(64, 96, squares)
        write_picture(folder / "images" / f"{number}.png", image)
        images.append({"id": number, "file_name": f"{number}.png", "width": 96, "height": 64})
        for category, (x1, y1, x2, y2) in enumerate(np.stack([*boxes.values()]).tolist()):
            box = [x1, y1, x2 - x1, y2 - y1] if category < 2 else [70, 2, 4, 4]
            entry = {"id": len(annotations) + 1, "image_id": number, "category_id": category}
            annotations.append({**entry, "bbox": box, "iscrowd": 0})
    categories = [{"id": index, "name": name} for index, name in enumerate(names)]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "examples.json").write_text(json.dumps(document))
    document["annotations"] = [each for each in annotations if each["category_id"] < 2]
    (folder / "annotations.json").write_text(json.dumps(document))
    return folder


def test_a_dataset_is_shown_and_another_one_measured(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("hotcoco")
    mine, report = tmp_path / "mine", tmp_path / "metrics.json"
    shown = write_dataset(tmp_path / "shown", 2)
    assert teach(bundle, mine, "--from", shown / "examples.json") == 0
    output = capsys.readouterr()
    assert f"{shown}/examples.json: learned 4 of 6 boxes\n" in output.out
    assert "magenta thing (2), green (2)" in output.out
    assert "2.png: annotation 6: 'other': expected a box around a thing" in output.err
    assert output.err.count("\n") == 2
    data = write_dataset(tmp_path / "data", 3)
    arguments = ["evaluate", str(data), "--bundle", str(bundle), "--json", str(report)]
    names = ["--names", "magenta thing, green"]
    assert main([*arguments, *names]) == 0
    said = json.loads(report.read_text())
    assert said["overall"]["AP50"] < 0.6  # magenta things are unknown words
    for more in ([], ["--said-too"]):
        assert main([*arguments, *names, "--taught", str(mine), *more]) == 0
        metrics = json.loads(report.read_text())
        assert metrics["overall"]["AP50"] == pytest.approx(1)
        assert metrics["taught"] == {"names": 2, "said_too": bool(more)}
        assert metrics["command"].endswith(" ".join(["--taught", str(mine), *more]))
    capsys.readouterr()
    assert main([*arguments, "--names", "other", "--taught", str(mine)]) == 2
    assert "expected examples of names of the dataset ('other')" in capsys.readouterr().err


def test_names_of_a_dataset_are_chosen(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_dataset(tmp_path / "shown", 2)
    assert teach(bundle, tmp_path / "mine", "--from", folder, "--names", "green") == 0
    assert read_examples(tmp_path / "mine").names == ("green",)
    assert teach(bundle, tmp_path / "mine", "--from", folder, "--names", "green, blue") == 2
    line = "expected names of categories ('magenta thing, green, other'), found 'blue'"
    assert line in capsys.readouterr().err
    source = folder / "examples.json"
    assert teach(bundle, tmp_path / "no", "--from", source, "--names", "other") == 2
    assert "'other': expected a box around a thing" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


def test_what_was_shown_to_another_bundle_is_renewed(
    bundle: Path, other: Path, picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, renewed = tmp_path / "mine", tmp_path / "renewed"
    box = ("--box", words("magenta"), "--name", "my mug")
    assert teach(bundle, mine, picture, *box) == 0
    examples = read_examples(mine)
    without = replace(examples.shown[0], crop=None, name="its crop is lost")
    write_examples(mine, examples.adding([without]))
    before = mine.read_bytes()
    capsys.readouterr()
    for arguments in (
        ["teach", str(picture), *box, "--out", str(mine)],
        ["detect", str(picture), "--out", str(tmp_path / "out"), "--taught", str(mine)],
        ["evaluate", str(write_dataset(tmp_path / "data", 1)), "--taught", str(mine)],
    ):
        assert main([*arguments, "--bundle", str(other)]) == 2
        line = capsys.readouterr().err
        assert f"{mine}: expected examples shown to other (another), found some shown" in line
        assert f"vit-perception teach --renew {mine} --bundle {other} --out NEW\n" in line
        assert line.count("\n") == 1
    assert teach(other, renewed, "--renew", mine) == 0
    output = capsys.readouterr()
    assert f"{mine}: renewed 1 of 2 examples\n" in output.out
    assert output.err == (
        "vit-perception teach: left out example 2 ('its crop is lost'): expected the picture it "
        "came from, found none kept\n"
    )
    assert mine.read_bytes() == before
    assert read_examples(renewed).space == "another"
    assert teach(other, tmp_path / "copy", "--renew", renewed) == 0
    assert "renewed: shown to other already, copied\n" in capsys.readouterr().out
    assert (tmp_path / "copy").read_bytes() == renewed.read_bytes()
    out = ["--out", str(tmp_path / "out"), "--bundle", str(other), "--taught", str(renewed)]
    assert main(["detect", str(picture), *out]) == 0
    assert set(found(tmp_path / "out")) == {"my mug", "red"}


def test_a_kept_crop_that_is_no_picture_is_refused(
    bundle: Path, other: Path, picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine"
    assert teach(bundle, mine, picture, "--box", words("magenta"), "--name", "a") == 0
    example = read_examples(mine).shown[0]
    assert isinstance(example.crop, Crop)
    spoilt = replace(example, crop=replace(example.crop, jpeg=b"no JPEG"))
    write_examples(mine, Examples(read_examples(mine).space, (spoilt,)))
    capsys.readouterr()
    assert teach(other, tmp_path / "new", "--renew", mine) == 2
    line = capsys.readouterr().err
    assert line.startswith(f"vit-perception teach: {mine}: example 1 ('a'): crop: ")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "expected one of PICTURE|BAG, --from, --renew, --forget, found none"),
        (["{picture}", "--forget", "a"], "found PICTURE|BAG and --forget"),
        (["{picture}"], "expected a --name for each --box, found 0 boxes and 0 names"),
        (["{picture}", "--box", "1,2,3,4"], "found 1 boxes and 0 names"),
        (["--forget", "a", "--box", "1,2,3,4"], "--box: expected a PICTURE|BAG, found --forget"),
        (["--from", "{picture}", "--not"], "--not: expected a PICTURE|BAG, found --from"),
        (["--renew", "{picture}", "--names", "a"], "--names: expected --from, found --renew"),
        (["--renew", "{picture}"], "photo.png: expected an .npz file of examples"),
        (["--forget", "a"], "mine: expected a readable file, found No such file"),
        (["{picture}", "--box", "1,2,3,4", "--name", " "], "name ' ' refused: it is empty"),
        (
            ["{picture}", "--box", "90,2,9,4", "--name", "a"],
            "'a': expected a box around a thing",
        ),
        (["{picture}", "--box", "96,2,9,4", "--name", "a"], "in a picture of 96x64 px, found ("),
        (["{picture}", "--box", "1,2,3,4", "--name", "a", "--at", "1"], "expected a bag for --at"),
        (
            ["absent.png", "--box", "1,2,3,4", "--name", "a"],
            "absent.png: expected a readable file",
        ),
        (["--from", "{tmp}"], "annotations.json: expected a readable file"),
    ],
)
def test_user_errors_are_one_line_and_nothing_is_written(
    options: list[str],
    told: str,
    bundle: Path,
    picture: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    filled = [each.format(picture=picture, tmp=tmp_path) for each in options]
    assert teach(bundle, tmp_path / "mine", *filled) == 2
    line = capsys.readouterr().err
    assert told in line
    assert line.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} == {"photo.png"}


@pytest.mark.parametrize(
    "text", ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "1,2,0,4", "1,2,3,-4", "nan,1,2,3", "1,2,inf,4"]
)
def test_boxes_are_four_numbers(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["teach", "photo.png", f"--box={text}", "--name", "a", "--out", "mine"])
    assert caught.value.code == 2
    assert "expected x,y,width,height in px" in capsys.readouterr().err


def test_no_other_file_is_written_over(
    bundle: Path, picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = picture.read_bytes()
    box = ("--box", words("magenta"), "--name", "a")
    assert teach(bundle, picture, picture, *box) == 2
    assert "photo.png: expected an .npz file of examples" in capsys.readouterr().err
    assert teach(bundle, tmp_path, picture, *box) == 2
    assert f"{tmp_path}: expected a file, found a folder" in capsys.readouterr().err
    assert teach(bundle, tmp_path / "mine", picture, *box) == 0
    assert teach(bundle, picture, "--renew", tmp_path / "mine") == 2
    assert picture.read_bytes() == before


def test_a_bundle_that_cannot_be_taught_is_refused(
    toy_bundle_dir: Path, picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = ("--box", words("magenta"), "--name", "a")
    assert teach(toy_bundle_dir, tmp_path / "mine", picture, *box) == 2
    line = capsys.readouterr().err
    assert "expected a bundle of format 2, which can be taught, found one of format 1" in line


def test_taught_only_needs_taught(
    bundle: Path, picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["detect", str(picture), "--bundle", str(bundle), "--taught-only"]) == 2
    assert "--taught-only: expected --taught too, found none" in capsys.readouterr().err
