# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""CLIP's text tower: torch, the robot's graph, and what is said where something is missing."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
# Makes transformers importable beside any build of torch.
pytest.importorskip("vit_perception.models")
pytest.importorskip("transformers")

from safetensors.torch import save_file  # noqa: E402
from transformers import CLIPTextConfig, CLIPTextModelWithProjection  # noqa: E402

from test.text.tiny_bundle import make_bundle  # noqa: E402
from vit_perception.bundle.bundle import Bundle  # noqa: E402
from vit_perception.export.text_tower import text_encoder_files  # noqa: E402
from vit_perception.models.text.clip import (  # noqa: E402
    ClipText,
    ClipTextError,
    load_tokenizer,
    load_tower,
)
from vit_perception.text.graph_encoder import GraphEncoder  # noqa: E402
from vit_perception.vocabulary import Vocabulary  # noqa: E402

from .tiny_clip import POSITIONS, tiny_clip, tower_state, write_clip, write_tokenizer  # noqa: E402

pytestmark = pytest.mark.torch

ROOT = Path(__file__).resolve().parents[3]
SHARED = Path(os.environ.get("VIT_PERCEPTION_SHARED", ROOT.parent / "shared")) / "dosod"
NAMES = (
    *(
        "red mug",
        "spoon",
        "a",
        "Wooden  SPOON",
        "don't",
        "C-clamp",
        "crème brûlée",
        "杯子",
        "mug 🍌",
    ),
    *("x" * 74, "x" * 75, "x" * 76, "red " * 90),
)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> ClipText:
    return tiny_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def bundle(clip: ClipText, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    vocabulary = Vocabulary(("red mug", "spoon"), clip(("red mug", "spoon")))
    directory = tmp_path_factory.mktemp("bundle") / "bundle"
    return make_bundle(directory, vocabulary, "tiny", text_encoder=text_encoder_files(clip))


def refusal(call: object, *arguments: object) -> str:
    with pytest.raises(ClipTextError) as caught:
        call(*arguments)  # type: ignore[operator]
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_the_robots_encoder_equals_the_tower(clip: ClipText, bundle: Bundle) -> None:
    found = GraphEncoder(bundle)(NAMES)
    np.testing.assert_allclose(found, clip(NAMES), rtol=0, atol=1e-5)
    # Alone, without the padding that comes with longer texts.
    alone = np.concatenate([clip([name]) for name in NAMES])
    np.testing.assert_allclose(found, alone, rtol=0, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    # Far apart, so that equality says something.
    assert (found[:9] @ found[:9].T)[np.triu_indices(9, 1)].max() < 0.98


def test_texts_are_cut_at_77_positions(clip: ClipText, bundle: Bundle) -> None:
    """75 tokens of text between the two around it."""
    encoder = GraphEncoder(bundle)
    longest, same, shorter = encoder(["red " * 75, "red " * 200, "red " * 74])
    np.testing.assert_array_equal(longest, same)
    assert np.abs(longest - shorter).max() > 1e-3
    tokens = clip.tokenizer(["red " * 200], truncation=True, max_length=POSITIONS)["input_ids"][0]
    assert len(tokens) == POSITIONS
    assert tokens[-1] == clip.tokenizer.eos_token_id


def test_names_go_in_as_the_card_says(clip: ClipText) -> None:
    batch = clip.tokenizer(["red mug", "spoon"], padding=True)
    start, end = clip.tokenizer.bos_token_id, clip.tokenizer.eos_token_id
    assert clip.tokenizer.pad_token_id == end
    assert batch["input_ids"][1][0] == start
    assert batch["input_ids"][1][2:] == [end, end]
    assert batch["attention_mask"] == [[1, 1, 1, 1], [1, 1, 1, 0]]
    np.testing.assert_array_equal(clip(["Red  MUG"]), clip(["red mug"]))


def test_the_robot_needs_no_torch(bundle: Bundle) -> None:
    code = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(('torch', 'transformers', 'timm', 'torchvision')))\n"
        "from vit_perception.bundle.bundle import Bundle\n"
        "from vit_perception.text.graph_encoder import GraphEncoder\n"
        "print(GraphEncoder(Bundle.load(sys.argv[1]))(['red mug'])[0, :3].tolist())"
    )
    command = [sys.executable, "-c", code, str(bundle.directory)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    expected = GraphEncoder(bundle)(["red mug"])[0, :3]
    np.testing.assert_allclose(json.loads(done.stdout), expected, atol=1e-6)


@pytest.mark.skipif(not SHARED.is_dir(), reason="official keys not present")
def test_the_towers_tensors_are_those_of_the_released_files() -> None:
    with torch.device("meta"):
        state = CLIPTextModelWithProjection(CLIPTextConfig()).state_dict()
    rows = [line.split("\t") for line in (SHARED / "keys_s.txt").read_text().splitlines()]
    expected = {row[0]: row[1] for row in rows if row[0].startswith("backbone_text.")}
    assert len(state) == 197
    assert sum(value.numel() for value in state.values()) == 63_428_096
    assert expected == {
        f"backbone_text.model.{key}": str(tuple(value.shape)) for key, value in state.items()
    }


def test_a_local_folder_gives_the_same_tower(clip: ClipText, tmp_path: Path) -> None:
    folder = write_clip(tmp_path)
    found = ClipText(*load_tower_and(folder))
    np.testing.assert_array_equal(found(NAMES), clip(NAMES))
    # An older folder: weights of torch.save, with positions as a tensor.
    (folder / "model.safetensors").unlink()
    state = tower_state() | {"text_model.embeddings.position_ids": torch.arange(POSITIONS)[None]}
    torch.save(state, folder / "pytorch_model.bin")
    np.testing.assert_array_equal(ClipText(*load_tower_and(folder))(NAMES), clip(NAMES))
    # A tokenizer in one file.
    clip.tokenizer.save_pretrained(folder)
    for name in ("vocab.json", "merges.txt"):
        (folder / name).unlink(missing_ok=True)
    assert (folder / "tokenizer.json").is_file()
    np.testing.assert_array_equal(ClipText(*load_tower_and(folder))(NAMES), clip(NAMES))


def test_nothing_is_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("a connection was tried")

    folder = write_clip(tmp_path)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    monkeypatch.setattr(socket.socket, "connect", refused)
    assert ClipText(*load_tower_and(folder)).dimension == 64
    refusal(load_tokenizer, Path("openai/clip-vit-base-patch32"))
    refusal(load_tower, Path("openai/clip-vit-base-patch32"))


def load_tower_and(folder: Path) -> tuple[object, object, str]:
    state, where = load_tower(folder)
    return state, load_tokenizer(folder), where


def test_what_is_absent_and_where_it_goes(tmp_path: Path) -> None:
    absent = tmp_path / "absent"
    for call in (load_tower, load_tokenizer):
        message = refusal(call, absent)
        assert message.startswith(f"--clip {absent}: expected the ")
        assert "openai/clip-vit-base-patch32" in message
        assert "found no such folder; nothing is downloaded" in message
    assert "(model.safetensors or pytorch_model.bin)" in refusal(load_tower, tmp_path)
    assert "found it empty" in refusal(load_tower, tmp_path)
    (tmp_path / "merges.txt").write_text("#version: 0.2\n")
    message = refusal(load_tokenizer, tmp_path)
    assert "(tokenizer.json, or vocab.json and merges.txt), found merges.txt" in message


def test_another_tower_is_refused(clip: ClipText, tmp_path: Path) -> None:
    state = tower_state()
    missing = dict(state)
    del missing["text_model.encoder.layers.1.layer_norm1.bias"]
    message = refusal(ClipText, missing, clip.tokenizer, "x.pth")
    assert "x.pth: expected the 53 tensors" in message
    assert "1 missing and 0 unexpected (text_model.encoder.layers.1.layer_norm1.bias)" in message
    more = state | {"model.extra": torch.zeros(1)}
    assert "1 unexpected (model.extra)" in refusal(ClipText, more, clip.tokenizer, "x.pth")
    key = "text_model.encoder.layers.2.mlp.fc1.weight"
    wide = state | {key: torch.zeros(300, 128)}
    assert f"{key}: expected [256, 128], found [300, 128]" in refusal(
        ClipText, wide, clip.tokenizer, "x.pth"
    )
    assert "expected a matrix text_model.embeddings.token_embedding.weight" in refusal(
        ClipText, {}, clip.tokenizer, "x.pth"
    )
    # Shapes that ask for terabytes are compared before anything of that size is made.
    key = "text_model.encoder.layers.0.mlp.fc1.weight"
    huge = state | {
        key: torch.zeros(131_072, 1),
        "text_projection.weight": torch.zeros(131_072, 1),
    }
    assert "expected [131072, 128]" in refusal(ClipText, huge, clip.tokenizer, "x.pth")
    key = "text_model.embeddings.token_embedding.weight"
    other = state | {key: torch.zeros(49_408, 128)}
    assert "expected a tokenizer of 49408 tokens, found 527" in refusal(
        ClipText, other, clip.tokenizer, "x.pth"
    )


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        ("model.safetensors", "none", "model.safetensors: expected safetensors"),
        ("config.json", "{", "config.json: expected JSON, found Expecting property name"),
        (
            "config.json",
            '{"hidden_act": "gelu"}',
            "expected quick_gelu and heads of 64, found 'gelu'",
        ),
        ("config.json", '{"num_attention_heads": 4}', "heads of 64, found 'quick_gelu' and 128"),
    ],
)
def test_damaged_and_other_weights(tmp_path: Path, file: str, content: str, expected: str) -> None:
    folder = write_clip(tmp_path)
    (folder / file).write_text(content)
    assert expected in refusal(load_tower, folder)


def test_a_damaged_tokenizer_is_refused(tmp_path: Path) -> None:
    folder = write_tokenizer(tmp_path)
    (folder / "vocab.json").write_text("[1]")
    assert "expected a tokenizer, found" in refusal(load_tokenizer, folder)


def test_half_precision_weights_are_widened(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    save_file({k: v.half() for k, v in tower_state().items()}, tmp_path / "model.safetensors")
    assert ClipText(*load_tower_and(tmp_path))(["red mug"]).dtype == np.float32
