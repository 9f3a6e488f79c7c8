# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""`vit-perception import`: both forms of a released checkpoint, and what cannot be imported."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
# Makes transformers importable beside any build of torch.
pytest.importorskip("vit_perception.models")
pytest.importorskip("transformers")

from vit_perception.bundle.bundle import Bundle  # noqa: E402
from vit_perception.cli.__main__ import main  # noqa: E402
from vit_perception.export.released_card import COCO_NAMES  # noqa: E402
from vit_perception.images.media import write_picture  # noqa: E402

from ..export.released_files import folded, lively, write_released  # noqa: E402
from ..models.hostile_pickles import Calls  # noqa: E402
from ..models.text.tiny_clip import write_clip  # noqa: E402
from ..small_disk import on_small_disk  # noqa: E402
from ..toy_bundle import toy_picture  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    model = lively(text_dimension=64)
    write_released(folder / "mlp3x_s.pth", model)
    write_released(folder / "s_rep.pth", folded(model, 3))
    write_clip(folder / "clip")
    (folder / "three.txt").write_text("mug\nspoon\nfork\n")
    torch.save({"state_dict": {"a": Calls(print, "never printed")}}, folder / "hostile.pth")
    return folder


def test_a_training_file(
    files: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    out = tmp_path / "dosod_s"
    arguments = ["import", str(files / "mlp3x_s.pth"), "--out", str(out), "--size", "64x96"]
    assert main([*arguments, "--clip", str(files / "clip")]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"dosod_s in {out}: dosod_s, 80 names ready-made, any others encoded"
    assert said[1].startswith("licence GPL-3.0: D-Robotics releases the weights of DOSOD under GP")
    assert len(said) == 2
    bundle = Bundle.load(out)
    assert bundle.default_names == COCO_NAMES
    assert len(set(COCO_NAMES)) == 80
    assert main(["vocabulary", "--bundle", str(out), "--names", "cup, odd thing"]) == 0
    said = capsys.readouterr().out
    assert "ready-made" in said
    assert "encoded now" in said
    assert main(["info", str(out)]) == 0
    said = capsys.readouterr().out
    assert "licence:          GPL-3.0" in said
    assert "clip-vit-base-patch32 (64), in the bundle" in said


def test_a_rep_file(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "fixed"
    arguments = ["import", str(files / "s_rep.pth"), "--out", str(out), "--size", "64x96"]
    names = ["--names-file", str(files / "three.txt")]
    assert main([*arguments, *names, "--name", "three_things", "--top-k", "7"]) == 0
    assert capsys.readouterr().out.startswith(f"three_things in {out}: dosod_s, 3 names folded in")
    assert Bundle.load(out).default_names == ("mug", "spoon", "fork")
    write_picture(tmp_path / "a.png", toy_picture(64, 96, {"green": (0, 0)})[0])
    arguments = [
        "detect",
        str(tmp_path / "a.png"),
        "--bundle",
        str(out),
        "--out",
        str(tmp_path / "found"),
    ]
    assert main([*arguments, "--score-threshold", "0"]) == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["absent.pth"], "absent.pth: expected a readable file, found No such file"),
        (["hostile.pth"], "state_dict entry a: expected a tensor, found 'builtins.print'"),
        (["three.txt"], "three.txt: expected the zip format of torch.save"),
        (["mlp3x_s.pth"], "mlp3x_s.pth: expected CLIP's text tower and tokenizer with --clip DIR"),
        (["mlp3x_s.pth", "--clip", "none"], "--clip none: expected the tokenizer of openai/clip"),
        (
            ["mlp3x_s.pth", "--names-file", "none.txt"],
            "none.txt: expected a readable file, found No such",
        ),
        (
            ["s_rep.pth"],
            "--names-file: expected the 3 names that are folded into s_rep.pth, found",
        ),
        (["s_rep.pth", "--names-file", "two.txt"], "two.txt: expected the 3 names that are fol"),
        (["s_rep.pth", "--names-file", "three.txt", "--out", "clip"], "expected a bundle or an"),
    ],
)
def test_user_errors_are_one_line(
    files: Path,
    arguments: list[str],
    complaint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(files)
    Path("two.txt").write_text("mug\nspoon\n")
    assert main(["import", "--out", "out", "--size", "64x96", *arguments]) == 2
    said = capsys.readouterr()
    assert "never printed" not in said.out
    assert said.err.startswith("vit-perception import: ")
    assert complaint in said.err
    assert said.err.count("\n") == 1
    assert not Path("out").exists()


@pytest.mark.parametrize("size", ["640", "100x100", "0x32", "32x8224", "axb"])
def test_sizes_that_are_none_are_refused_by_the_parser(
    size: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["import", "a.pth", "--out", "out", "--size", size])
    assert caught.value.code == 2
    assert "expected HEIGHTxWIDTH of 32 to 8192 in steps of 32" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["out", "temporary files"])
def test_a_full_disk_is_one_line_and_leaves_nothing(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    disk = tmp_path / "disk"
    out = disk / "out"
    named: Path = out
    if place != "out":
        monkeypatch.setenv("TMPDIR", str(disk))
        out, named = tmp_path / "out", disk
    outcome = on_small_disk(
        disk, "1m", "-m", "vit_perception.cli", "import", str(files / "s_rep.pth"),
        "--names-file", str(files / "three.txt"), "--size", "64x96", "--out", str(out),
    )  # fmt: skip
    assert outcome.code == 2
    assert outcome.stderr.startswith(f"vit-perception import: {named}: expected to write ")
    assert outcome.stderr.count("\n") == 1
    assert [path for path in outcome.left if "torchinductor" not in path] == []
    assert not (tmp_path / "out").exists()
