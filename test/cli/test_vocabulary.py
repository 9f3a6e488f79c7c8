# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest

from test.text.tiny_bundle import READY_MADE, make_bundle
from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.vocabulary_file import read_vocabulary
from vit_perception.cli import vocabulary as command
from vit_perception.names import VocabularyError
from vit_perception.text import encoder as encoder_module
from vit_perception.text.encoder import ENCODER_ID, TextEncoderError, find_text_encoder
from vit_perception.vocabulary import Vocabulary


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Ready-made names: the first two are alike (cosine 0.8), the others at right angles."""
    rows = np.eye(5, 384, dtype=np.float32)
    rows[1, :2] = 0.8, 0.6
    return make_bundle(tmp_path_factory.mktemp("cli") / "bundle", Vocabulary(READY_MADE, rows))


@pytest.fixture
def run(bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch):
    """Run the subcommand; return its exit status and what it printed."""
    monkeypatch.setenv("COLUMNS", "160")

    def call(*arguments: str) -> tuple[int, str]:
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        options = ["--bundle", str(bundle.directory), "--cache", str(tmp_path / "cache")]
        status = command.run(parser.parse_args([*options, *arguments]))
        return status, capsys.readouterr().out

    return call


@pytest.fixture
def no_encoder(monkeypatch):
    monkeypatch.setattr(encoder_module, "PACKAGE", "absent-text-encoder")


@pytest.fixture
def encoder_installed():
    try:
        find_text_encoder(ENCODER_ID)
    except TextEncoderError as error:
        pytest.skip(str(error))


def test_without_names_it_lists_the_ready_made_ones(run):
    assert run() == (0, "\n".join(READY_MADE) + "\n")


def test_the_list_is_a_names_file(run, tmp_path, no_encoder):
    (tmp_path / "names.txt").write_text(run()[1])
    status, printed = run("--names-file", str(tmp_path / "names.txt"), "--check")
    assert status == 0
    assert "5 names: 5 ready-made, 0 cached" in printed


def test_names_are_shown_with_similar_ones(run, no_encoder):
    status, printed = run("--names", "Red Mug", "--nearest", "1")
    assert status == 0
    (line,) = [line for line in printed.splitlines() if "Red Mug" in line]
    assert "ready-made" in line
    assert "spoon (0.80)" in line
    assert "mouse" not in line


def test_new_names_are_encoded_then_cached(run, encoder_installed):
    status, printed = run("--names", "spork, spoon", "--nearest", "2")
    assert status == 0
    (line,) = [line for line in printed.splitlines() if "spork" in line]
    assert "encoded now" in line
    assert line.count("(") == 2
    assert "cached" in run("--names", "spork")[1]


def test_check_says_which_names_need_the_encoder(run, no_encoder):
    status, printed = run("--names", "spoon, spork, mouse, fork", "--check")
    assert status == 1
    assert "4 names: 2 ready-made, 0 cached" in printed
    assert "2 need the text encoder: spork, fork" in printed


def test_new_names_without_an_encoder_are_refused(run, no_encoder):
    with pytest.raises(VocabularyError, match="pip install --no-deps"):
        run("--names", "spork")


def test_out_writes_names_and_embeddings(run, tmp_path, no_encoder):
    status, _ = run("--names", "mouse, spoon", "--out", str(tmp_path / "vocabulary.npz"))
    assert status == 0
    found = read_vocabulary((tmp_path / "vocabulary.npz").read_bytes(), 384)
    assert found.names == ("mouse", "spoon")
    assert found.embeddings[0, 3] == 1


def test_a_name_that_looks_like_markup_is_shown_as_it_is(run, encoder_installed):
    assert "[bold]mug[/bold]" in run("--names", "a [bold]mug[/bold] x")[1]


@pytest.mark.parametrize("option", [("--check",), ("--out", "vocabulary.npz")])
def test_check_and_out_need_names(run, option):
    with pytest.raises(VocabularyError, match="--names"):
        run(*option)


@pytest.mark.parametrize(
    "arguments",
    [("--nearest", "-1"), ("--nearest", "x"), ("--names", "a", "--names-file", "b")],
)
def test_options_that_argparse_refuses(run, arguments, capsys):
    with pytest.raises(SystemExit):
        run(*arguments)
    assert "error: argument" in capsys.readouterr().err
