# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Folders for `--clip` whose files are no files, too large, or not what they seem."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
# Makes transformers importable beside any build of torch.
pytest.importorskip("vit_perception.models")
pytest.importorskip("transformers")

from test.input.places import NO_FILES  # noqa: E402
from test.refusals import refusal_of  # noqa: E402
from vit_perception.models.text.clip import (  # noqa: E402
    MAX_TOKENIZER_BYTES,
    ClipText,
    ClipTextError,
    load_tokenizer,
    load_tower,
)

from .tiny_clip import write_clip  # noqa: E402

pytestmark = pytest.mark.torch

KEY = "text_model.embeddings.token_embedding.weight"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every file that a folder may have."""
    folder = write_clip(tmp_path_factory.mktemp("plain"))
    load_tokenizer(folder).save_pretrained(folder)
    return folder


@pytest.fixture
def folder(plain: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(plain, tmp_path / "clip"))


def load(folder: Path) -> ClipText:
    state, where = load_tower(folder)
    return ClipText(state, load_tokenizer(folder), where)


def refusal(folder: Path) -> str:
    line = refusal_of(ClipTextError, lambda: load(folder))
    assert len(line) < 500
    return line


def test_unread_files_of_a_folder_do_not_matter(folder: Path) -> None:
    with (folder / "chat_template.jinja").open("wb") as file:
        file.truncate(2**40)
    (folder / "tokenizer_class.py").write_text("raise SystemExit(1)")
    assert load(folder).dimension == 64


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json", "tokenizer_config.json"])
@pytest.mark.parametrize("kind", NO_FILES)
def test_what_is_no_regular_file_is_refused_at_once(folder: Path, file: str, kind: str) -> None:
    (folder / file).unlink()
    NO_FILES[kind](folder / file)
    if file == "tokenizer.json":  # otherwise the other files suffice
        for name in ("vocab.json", "merges.txt"):
            (folder / name).unlink(missing_ok=True)
    assert "expected " in refusal(folder)


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json"])
def test_a_file_too_large_is_refused(folder: Path, file: str) -> None:
    with (folder / file).open("wb") as opened:
        opened.truncate(MAX_TOKENIZER_BYTES + 1)
    assert f"{file}: expected at most" in refusal(folder)


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json", "tokenizer_config.json"])
@pytest.mark.parametrize("text", ["[" * 100_000, "[]", '{"a": 1, "a": 2}', "\ufeff\0", "9" * 5000])
def test_json_of_another_form_is_refused(folder: Path, file: str, text: str) -> None:
    (folder / file).write_text(text)
    refusal(folder)


def _safetensors(dtype: str, shape: list[int], size: int) -> bytes:
    header = {KEY: {"dtype": dtype, "shape": shape, "data_offsets": [0, size]}}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(size)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 10**8) + b"{}",
        struct.pack("<Q", 10**6) + b"[" * 10**6,
        _safetensors("F32", [2**40, 2**40], 4),
        _safetensors("F32", [2**63, 2], 0),
        _safetensors("F32", [0, 2**50], 0),
        _safetensors("F4", [2, 4], 4),
        _safetensors("F6_E2M3", [4], 3),
        _safetensors("F8_E8M0", [2, 2], 4),
        _safetensors("C64", [1], 8),
        _safetensors("BOOL", [2, 2], 4),
        _safetensors("U64", [1, 1], 8),
    ],
)
def test_weights_of_another_form_are_refused(folder: Path, content: bytes) -> None:
    (folder / "model.safetensors").write_bytes(content)
    assert "model.safetensors: " in refusal(folder)


@pytest.mark.parametrize(
    "values",
    [
        {"hidden_act": "x\n" * 100_000},
        {"hidden_act": ["quick_gelu"]},
        {"hidden_size": "128"},
        {"hidden_size": 10**300},
        {"num_attention_heads": 0},
        {"text_config": [1]},
    ],
)
def test_configurations_of_another_form_are_refused(folder: Path, values: dict[str, Any]) -> None:
    (folder / "config.json").write_text(json.dumps(values))
    assert "config.json: expected " in refusal(folder)
