# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What cannot be trained or exported is told in one line; the training itself: test/training."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

from vit_perception.cli.__main__ import main  # noqa: E402

pytestmark = pytest.mark.torch

TRAIN = ["train", "recipe.yaml", "--out", "run"]
EXPORT = ["export", "run", "--out", "out", "--names-file", "names.txt"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["train", "absent.yaml", "--out", "run"], "absent.yaml: expected a readable file"),
        (TRAIN, "absent/annotations.json: expected a readable file, found No such"),
        ([*TRAIN, "--device", "gpu"], "device: expected auto, cpu or cuda, found 'gpu'"),
        ([*TRAIN, "--from", "no_such_bundle"], "no_such_bundle: expected a bundle folder"),
        ([*TRAIN, "--from", "{toy}"], "weights.safetensors: expected training weights"),
        (["export", "run", "--out", "out"], "--names-file: expected the ready-made names"),
        (["export", "{toy}", "--out", "out"], "expected weights.safetensors in the bundle"),
        ([*EXPORT, "--metrics", "recipe.yaml"], "recipe.yaml: expected JSON, found Expecting"),
        ([*EXPORT, "--card", "latin"], "latin: expected UTF-8, found byte 0xe4 at 0"),
        ([*EXPORT, "--card", "absent"], "absent: expected a readable file, found No such file"),
        ([*EXPORT, "--name", "a\nb"], "--name: name: expected a line of at most 200 printable"),
        ([*EXPORT, "--default-names", "cat"], "--default-names: expected ready-made names, found"),
        (["export", "run", "--out", "\udcff"], "'\\udcff': name: expected a text in UTF-8"),
        *(
            ([*command, "--out", place], f"{place}: expected to write here, found ")
            for command in (
                ["export", "absent"],
                ["import", "absent.pth"],
                ["quantize", "absent", "--data", "absent"],
                ["reparameterize", "--bundle", "absent", "--vocabulary", "mug"],
            )
            for place in ("/proc/out", "recipe.yaml/out", "x" * 256)
        ),
        (["train", "good.yaml", "--out", "/proc/run"], "/proc/run: expected to write here, found"),
        (["train", "good.yaml", "--out", "m.json"], "m.json: expected to write here, found"),
        (
            ["train", "good.yaml", "--out", "taken"],
            "taken/curves.png: expected a file, found a folder",
        ),
        (
            ["train", "good.yaml", "--out", "broken"],
            "broken/checkpoint.pt: expected a training checkpoint, found File is not a zip file",
        ),
        (["export", "{toy}", "--out", "o", "--metrics", "m.json"], "m.json: expected a list of"),
    ],
)
def test_user_errors_are_one_line(
    arguments: list[str],
    complaint: str,
    tmp_path: Path,
    toy_bundle_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("recipe.yaml").write_text("data: [absent]\n")
    Path("good.yaml").write_text("data: [absent]\n")
    Path("latin").write_bytes(b"\xe4")
    Path("names.txt").write_text("mug\nspoon\n")
    Path("taken/curves.png").mkdir(parents=True)
    Path("broken").mkdir()
    Path("broken/checkpoint.pt").write_bytes(b"PK")
    Path("m.json").write_text('[{"AP": 1}]')
    assert main([argument.format(toy=toy_bundle_dir) for argument in arguments]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(f"vit-perception {arguments[0]}: ")
    assert complaint in lines[0]
    assert not Path("out").exists()
    assert not Path("run").exists()


def test_a_run_does_not_lie_in_its_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    Path("recipe.yaml").write_text("data: [data]\n")
    for out in ("data", "data/runs/a"):
        assert main(["train", "recipe.yaml", "--out", out]) == 2
        assert capsys.readouterr().err == (
            f"vit-perception train: {out}: expected a place outside the input {tmp_path}/data, "
            "found one inside\n"
        )
    assert not any(Path("data").iterdir())


@pytest.mark.parametrize(
    "arguments",
    [
        [*TRAIN, "--workers", "-1"],
        [*EXPORT, "--top-k", "0"],
        [*EXPORT, "--top-k", "x"],
        [*EXPORT, "--size", "100x100"],
    ],
)
def test_numbers_out_of_range_are_refused_by_the_parser(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
