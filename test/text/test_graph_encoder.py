# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The text encoder that a bundle brings along."""

from __future__ import annotations

import base64
import json
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, models, processors

from vit_perception.bundle.bundle import Bundle, BundleError
from vit_perception.names import VocabularyError
from vit_perception.text.builder import VocabularyBuilder
from vit_perception.text.encoder import TextEncoderError, refuse_unknown
from vit_perception.text.graph_encoder import GraphEncoder, unknown_token
from vit_perception.vocabulary import Vocabulary

from ..fuzzed_bytes import changed, changes, fuzz
from .tiny_bundle import READY_MADE, make_bundle
from .tiny_encoder import DIMENSION, MAX_TOKENS, tiny_encoder_files, tiny_tokenizer


def write(directory: Path, tokenizer: bytes | None = None, **changes: object) -> Bundle:
    rows = np.eye(len(READY_MADE), DIMENSION, dtype=np.float32)
    files = tiny_encoder_files(tokenizer, **changes)
    return make_bundle(directory, Vocabulary(READY_MADE, rows), "tiny", files)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return write(tmp_path_factory.mktemp("encoder") / "bundle")


def refusal(bundle: Bundle, *names: str) -> str:
    with pytest.raises(TextEncoderError) as caught:
        GraphEncoder(bundle)(names)
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_names_become_unit_vectors_whatever_the_batch(bundle: Bundle) -> None:
    encoder = GraphEncoder(bundle)
    names = ("red mug", "spoon", "red spoon", "mug", "Red  MUG", "red mug fork")
    found = encoder(names)
    assert (found.shape, found.dtype) == ((6, DIMENSION), np.float32)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    alone = np.concatenate([encoder([name]) for name in names])
    np.testing.assert_allclose(found, alone, atol=1e-6)
    np.testing.assert_array_equal(found[0], found[4])
    assert encoder([]).shape == (0, DIMENSION)
    assert (encoder.id, encoder.dimension) == ("tiny", DIMENSION)


def test_texts_are_cut_where_the_tokenizer_says(bundle: Bundle) -> None:
    longest, same, shorter = GraphEncoder(bundle)(["mug " * 4, "mug " * 9, "mug " * 3])
    assert MAX_TOKENS == 4 + 2
    np.testing.assert_array_equal(longest, same)
    assert np.abs(longest - shorter).max() > 1e-3


def test_calls_from_many_threads_agree(bundle: Bundle) -> None:
    encoder, found = GraphEncoder(bundle), []
    threads = [
        threading.Thread(target=lambda: found.append(encoder(("red", "fork")))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert all(np.array_equal(rows, found[0]) for rows in found)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("", "tiny knows no word or sign in it"),
        ("\ud800", "expected text, found"),
        ("red strange mug", "name 'red strange mug': tiny does not know 'strange' in it"),
        ("strange", "name 'strange': tiny does not know 'strange' in it"),
    ],
)
def test_texts_that_say_nothing_are_refused(bundle: Bundle, name: str, expected: str) -> None:
    assert expected in refusal(bundle, name)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"dimension": 9}, "int64 [any, any] to float32 [any, 8], found int64 [any, any]"),
        ({"names": ("ids", "out")}, "expected tokens and text_embeddings, found (('ids',),"),
        ({"scale": 2.0}, "expected text_embeddings of unit length, found others"),
        ({"scale": float("nan")}, "expected text_embeddings of unit length, found others"),
        ({"tokenizer": b""}, "tokenizer.json: expected "),
        ({"tokenizer": b"\xff"}, "tokenizer.json: expected "),
        ({"tokenizer": b"[" * 100_000}, "tokenizer.json: expected "),
        ({"tokenizer": tiny_tokenizer(None).to_str().encode()}, "cut at 3..256 tokens, found Non"),
        ({"tokenizer": tiny_tokenizer(500).to_str().encode()}, "cut at 3..256 tokens, found 500"),
    ],
)
def test_files_that_do_not_fit_are_refused(
    tmp_path: Path, options: dict[str, object], expected: str
) -> None:
    message = refusal(write(tmp_path / "bundle", **options), "red mug")  # type: ignore[arg-type]
    assert expected in message
    assert str(tmp_path / "bundle") in message


def _with(**parts: object) -> bytes:
    return json.dumps(json.loads(tiny_tokenizer().to_str()) | parts).encode()


def _doubling(times: int) -> dict[str, object]:
    step = {"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}
    return {"type": "Sequence", "normalizers": [step] * times}


def _replacing(text: bytes) -> dict[str, object]:
    table = base64.b64encode(bytes(4) + text + b"\0").decode()
    return {"type": "Precompiled", "precompiled_charsmap": table}


@pytest.mark.parametrize(
    ("tokenizer", "expected"),
    [
        (_with(normalizer=_doubling(40)), "times as long, found far more"),
        (
            _with(normalizer={"type": "Prepend", "prepend": "x" * 5000}),
            "expected steps that make names at most 1000 times as long, found 5001",
        ),
        (_with(normalizer=_replacing(b"x" * 5000)), "times as long, found 5001"),
        (_with(normalizer={"type": "Precompiled", "precompiled_charsmap": "x"}), "a tokenizer"),
        (
            _with(
                pre_tokenizer={
                    "type": "Sequence",
                    "pretokenizers": [
                        {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
                    ]
                    * 20,
                }
            ),
            "times as long, found far more",
        ),
        (
            _with(
                post_processor={
                    "type": "TemplateProcessing",
                    "single": [{"Sequence": {"id": "A", "type_id": 0}}] * 1000,
                    "pair": [],
                    "special_tokens": {},
                }
            ),
            "name 'red mug': expected at most 256 tokens, found 2000",
        ),
        (
            _with(
                pre_tokenizer={
                    "type": "Split",
                    "pattern": {"Regex": "(d|d)*(.*m){25}$"},
                    "behavior": "Isolated",
                    "invert": False,
                }
            ),
            "",
        ),
        (b"[" * 100_000, "expected JSON, found nesting that is too deep"),
        (b"[]", "expected a tokenizer, found []"),
        (b"\xff", "expected UTF-8"),
    ],
)
def test_tokenizers_that_would_take_all_memory_or_time_are_refused(
    tmp_path: Path, tokenizer: bytes, expected: str
) -> None:
    bundle = write(tmp_path / "bundle", tokenizer)
    if expected:
        assert expected in refusal(bundle, "red mug")
    else:  # its library counts the tries of an expression
        with suppress(TextEncoderError):
            GraphEncoder(bundle)(["d" * 100])


def test_a_token_that_the_graph_does_not_know_is_refused(tmp_path: Path) -> None:
    text = (
        tiny_tokenizer()
        .to_str()
        .replace('"mug":4', '"mug":4000')
        .replace('"mug": 4', '"mug": 4000')
    )
    bundle = write(tmp_path / "bundle", text.encode())
    assert "text_encoder.onnx: the engine failed" in refusal(bundle, "mug")


def test_a_damaged_tokenizer_is_used_or_refused_in_one_line(tmp_path: Path) -> None:
    data = tiny_tokenizer().to_str(pretty=False).encode()

    def check(sequence: object) -> None:
        bundle = write(tmp_path / "bundle", changed(data, sequence))
        try:
            GraphEncoder(bundle)(["red mug", "strange"])
        except TextEncoderError as error:
            assert str(error).isprintable()

    fuzz(changes, check, 60)


def test_a_bundle_without_one_is_named(random_bundle: Bundle) -> None:
    assert random_bundle.text_encoder() is None
    assert "expected a text encoder in it, found none" in refusal(random_bundle)


def test_a_file_that_changed_is_refused(tmp_path: Path) -> None:
    bundle = write(tmp_path / "bundle")
    (bundle.directory / "tokenizer.json").write_text("{}")
    with pytest.raises(BundleError, match="tokenizer.json: expected sha256"):
        GraphEncoder(bundle)
    with pytest.raises(VocabularyError, match="new names 'fork': .*expected sha256"):
        VocabularyBuilder(bundle, cache_dir=tmp_path).build(["fork"], 1)


def test_new_names_come_from_it_and_are_cached(bundle: Bundle, tmp_path: Path) -> None:
    builder = VocabularyBuilder(bundle, cache_dir=tmp_path)
    names = ["red fork", "spoon"]
    assert builder.sources(names) == ("encoder", "bundle")
    found = builder.build(names, 3)
    np.testing.assert_array_equal(found.embeddings[0], GraphEncoder(bundle)(["red fork"])[0])
    np.testing.assert_array_equal(found.embeddings[1], bundle.ready_made().embeddings[1])
    later = VocabularyBuilder(bundle, cache_dir=tmp_path)
    assert later.sources(names) == ("cache", "bundle")
    np.testing.assert_array_equal(later.build(names, 1).embeddings, found.embeddings)


def test_its_own_encoder_comes_before_a_folder(bundle: Bundle, tmp_path: Path) -> None:
    builder = VocabularyBuilder(
        bundle, text_encoder_dir=tmp_path / "absent", cache_dir=tmp_path / "cache"
    )
    assert len(builder.build(["red fork"], 1)) == 1


def test_encoders_do_not_share_their_cache(bundle: Bundle, tmp_path: Path) -> None:
    other = write(tmp_path / "bundle", tiny_tokenizer(5).to_str().encode())
    VocabularyBuilder(bundle, cache_dir=tmp_path / "cache").build(["red fork"], 1)
    builder = VocabularyBuilder(other, cache_dir=tmp_path / "cache")
    assert builder.sources(["red fork"]) == ("encoder",)


def test_unknown_parts_are_those_of_the_tokenizers_own_token() -> None:
    """CLIP's unknown token is the end of every text; Unigram has a number, byte BPE none."""
    alphabet = {"m": 0, "u": 1, "g": 2, "[END]": 3}
    clip = Tokenizer(models.BPE(alphabet, [], unk_token="[END]"))
    clip.post_processor = processors.TemplateProcessing("$A [END]", None, [("[END]", 3)])
    unigram = Tokenizer(models.Unigram([("[?]", 0.0), ("mug", -1.0)], unk_id=0))
    none = Tokenizer(models.BPE(alphabet, []))
    for tokenizer, unknown in ((clip, 3), (unigram, 0), (none, None)):
        assert unknown_token(tokenizer) == unknown
        refuse_unknown("tiny", "mug", tokenizer.encode("mug"), unknown)
    for tokenizer, unknown in ((clip, 3), (unigram, 0)):
        with pytest.raises(
            TextEncoderError, match=r"^name 'mug☕': tiny does not know '☕' in it"
        ):
            refuse_unknown("tiny", "mug☕", tokenizer.encode("mug☕"), unknown)
