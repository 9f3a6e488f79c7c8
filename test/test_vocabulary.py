# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vit_perception.names import (
    MAX_NAME_LENGTH,
    MAX_NAMES,
    VocabularyError,
    checked_names,
    names_from_file,
    parse_names,
)
from vit_perception.vocabulary import Vocabulary

UNIT = np.array([[1, 0, 0], [0, 0.6, 0.8]], np.float32)


def refusal_of(function: Any, *arguments: Any) -> str:
    with pytest.raises(VocabularyError) as refusal:
        function(*arguments)
    message = str(refusal.value)
    assert message.isprintable()
    return message


def test_a_vocabulary_keeps_names_and_embeddings() -> None:
    vocabulary = Vocabulary(("red mug", "spoon"), UNIT, 4)
    assert (len(vocabulary), vocabulary.dimension, vocabulary.version) == (2, 3, 4)
    np.testing.assert_array_equal(vocabulary.embeddings, UNIT)


def test_embeddings_in_use_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="read-only"):
        Vocabulary(("a", "b"), UNIT).embeddings[0, 0] = 2
    assert UNIT.flags.writeable


@pytest.mark.parametrize(
    ("embeddings", "message"),
    [
        (UNIT.astype(np.float64), "embeddings: expected float32 [2, D], found float64 [2, 3]"),
        (UNIT[:1], "embeddings: expected float32 [2, D], found float32 [1, 3]"),
        (UNIT[0], "embeddings: expected float32 [2, D], found float32 [3]"),
        (np.zeros((2, 0), np.float32), "embeddings: expected float32 [2, D], found float32 [2, 0"),
        ([[1.0]], "embeddings: expected float32 [2, D], found list"),
        (UNIT * 1.01, "embeddings: expected unit length, found 1.01 for 'a'"),
        (
            UNIT * np.array([[1], [0]], np.float32),
            "embeddings: expected unit length, found 0 for 'b'",
        ),
        (UNIT * np.float32(np.nan), "embeddings: expected unit length, found nan for 'a'"),
    ],
)
def test_embeddings_must_be_unit_float32_rows(embeddings: Any, message: str) -> None:
    assert refusal_of(Vocabulary, ("a", "b"), embeddings).startswith(message)


@pytest.mark.parametrize("version", [-1, 1.0, True, None])
def test_versions_count_from_zero(version: Any) -> None:
    message = refusal_of(Vocabulary, ("a", "b"), UNIT, version)
    assert message == f"version: expected an integer >= 0, found {version}"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), f"names: expected 1..{MAX_NAMES}, found 0"),
        (tuple(map(str, range(MAX_NAMES + 1))), f"names: expected 1..{MAX_NAMES}, found 4097"),
        (("a", "b", "a"), "name 'a' refused: it is there twice"),
        (("a", ""), "name '' refused: it is empty"),
        (("a", "  "), "name '  ' refused: it is empty"),
        ((" a",), "name ' a' refused: it has space at an end"),
        (("a\nb",), r"name 'a\nb' refused: it has a control character"),
        (("a\x00",), r"name 'a\x00' refused: it has a control character"),
        (("a\u2028b",), r"name 'a\u2028b' refused: it has a control character"),
        (("a\ud800",), r"name 'a\ud800' refused: it has a control character"),
        (("a\u202eb",), r"name 'a\u202eb' refused: it has a control character"),
        ((3,), "name 3 refused: expected text, found int"),
        ("mug", "names: expected a sequence, found the text 'mug'"),
    ],
)
def test_names_are_refused_with_a_reason(names: Any, message: str) -> None:
    assert refusal_of(checked_names, names) == message


def test_long_names_are_refused_and_not_quoted_whole() -> None:
    message = refusal_of(checked_names, ("x" * (MAX_NAME_LENGTH + 1),))
    assert message.endswith("refused: expected at most 200 characters, found 201")
    assert len(message) < 150


@pytest.mark.parametrize("text", ["x" * 2_000_000, "x," * 500_000])
def test_texts_beyond_any_vocabulary_are_refused_at_once(text: str) -> None:
    assert refusal_of(parse_names, text) == f"names: expected 1..{MAX_NAMES}, found more"


def test_the_largest_vocabulary_is_accepted() -> None:
    names = tuple(f"{index:0{MAX_NAME_LENGTH}d}" for index in range(MAX_NAMES))
    assert checked_names(names) == names
    assert parse_names(", ".join(repr(name) for name in names)) == names


@pytest.mark.parametrize(
    "text",
    [
        "red mug, spoon",
        "  red mug ,spoon ",
        "[red mug, spoon]",
        " [ red mug , spoon ] ",
        '["red mug", "spoon"]',
        "['red mug', 'spoon']",
        "'red mug', spoon",
    ],
)
def test_all_ways_to_type_two_names(text: str) -> None:
    assert parse_names(text) == ("red mug", "spoon")


def test_quotes_and_brackets_inside_a_name_stay() -> None:
    assert parse_names("baker's hat, 5\" pipe, tin (small)") == (
        "baker's hat",
        '5" pipe',
        "tin (small)",
    )


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('"cup, red", spoon', ("cup, red", "spoon")),
        ("'cup, red','spoon'", ("cup, red", "spoon")),
        ("“cup, red”, ‘spoon’", ("cup, red", "spoon")),
        ('["cup, red"]', ("cup, red",)),
        ("'baker's hat', spoon", ("baker's hat", "spoon")),
        (r'["5\" pipe", spoon]', ('5" pipe', "spoon")),
        ('"can; box", "a . b", "(can"', ("can; box", "a . b", "(can")),
        ("no. 5, 3.5 mm jack, and/or", ("no. 5", "3.5 mm jack", "and/or")),
        ("dr. pepper, vitamin c., u.s. flag", ("dr. pepper", "vitamin c.", "u.s. flag")),
        (
            ".5 l bottle, 16:9 screen, salt & pepper",
            (".5 l bottle", "16:9 screen", "salt & pepper"),
        ),
        ("rock 'n' roll, m&m's, col·lecció", ("rock 'n' roll", "m&m's", "col·lecció")),
        ("tin (small lid), [x] mark", ("tin (small lid)", "[x] mark")),
    ],
)
def test_quotes_are_honoured_and_signs_inside_words_stay(
    text: str, names: tuple[str, ...]
) -> None:
    assert parse_names(text) == names


@pytest.mark.parametrize(
    ("text", "expected", "sign"),
    [
        ("can . box . bottle .", "'can, box, bottle', found 'can . box . bottle .'", "."),
        ("can. box. bottle.", "'can, box, bottle', found 'can. box. bottle.'", "."),
        ("can. box. bottle", "'can, box, bottle', found 'can. box. bottle'", "."),
        ("can .", "'can', found 'can .'", "."),
        (".", "'can, box, bottle', found '.'", "."),
        ("can; box", "'can, box', found 'can; box'", ";"),
        ("can;box;", "'can, box', found 'can;box;'", ";"),
        ("[box | can]", "'box, can', found 'box | can'", "|"),
        ("box|can", "'box, can', found 'box|can'", "|"),
        ("mug, can / box", "'can, box', found 'can / box'", "/"),
        ("• can • box", "'can, box', found '• can • box'", "•"),
        ("can、box", "'can, box', found 'can、box'", "、"),
        ("can，box", "'can, box', found 'can，box'", "，"),
    ],
)
def test_separators_of_other_programs_are_refused(text: str, expected: str, sign: str) -> None:
    message = f"names: expected {expected} (a name that has '{sign}' needs quotes)"
    assert refusal_of(parse_names, text) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('"cup, red', 'names: expected " and a comma, or the end, behind a name in quotes'),
        ("'cup, red", "names: expected ' and a comma, or the end, behind a name in quotes"),
        ('"cup" x, red', 'names: expected " and a comma, or the end, behind a name in quotes'),
        ('cup", red', "names: expected quotes around a name, found 'cup\"'"),
        ("(can, box)", "names: expected ( and ) in the same name, found '(can' (a name that has"),
        ("cup (red, big)", "names: expected ( and ) in the same name, found 'cup (red' (a name"),
        ("[[can, box]]", "names: expected [ and ] in the same name, found '[can'"),
        ("{can, box}", "names: expected { and } in the same name, found '{can'"),
        ('can, ""', "name '' refused: it is empty"),
    ],
)
def test_half_a_name_is_refused(text: str, message: str) -> None:
    assert refusal_of(parse_names, text).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names: expected at least one, found ''"),
        ("[]", "names: expected at least one, found '[]'"),
        ("[", "names: expected [a, b], found '['"),
        ("[a, b", "names: expected [a, b], found '[a, b'"),
        ("a, b]", "names: expected [a, b], found 'a, b]'"),
        ("a,,b", "name '' refused: it is empty"),
        ("a, b, a", "name 'a' refused: it is there twice"),
        ("a\nb", r"name 'a\nb' refused: it has a control character"),
    ],
)
def test_text_that_is_no_list_of_names_is_refused(text: str, message: str) -> None:
    assert refusal_of(parse_names, text) == message


@given(st.text(max_size=300))
def test_any_text_gives_names_or_one_line(text: str) -> None:
    try:
        names = parse_names(text)
    except VocabularyError as error:
        assert str(error).isprintable()
    else:
        assert checked_names(names) == names


def test_names_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    text = "\ufeff# kitchen\nred mug\r\n\n  spoon  # wooden ones\nC# book\nTéléphone\n#end"
    path.write_bytes(text.encode())
    assert names_from_file(path) == ("red mug", "spoon", "C# book", "Téléphone")


def test_a_line_of_a_file_may_have_quotes_and_a_comma(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_text("\"red mug\"\n'can; box'\ngreat white shark, man-eater\nno. 5\n")
    assert names_from_file(path) == (
        "red mug",
        "can; box",
        "great white shark, man-eater",
        "no. 5",
    )
    path.write_text('"cup, red"')
    assert names_from_file(path) == ("cup, red",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"# nothing\n", "names: expected 1..4096, found 0"),
        (b"mug\nmug\n", "name 'mug' refused: it is there twice"),
        (b"mug\nspo\xffon\n", "expected UTF-8, found byte 0xff at 7"),
        (b"mug\x00", r"name 'mug\x00' refused: it has a control character"),
        (
            b"# all\ncan, box\n",
            "names: expected one name a line, found 'can, box' (a name that has ',' needs quotes)",
        ),
        (
            b"mug\ncan; box\n",
            "names: expected 'can, box', found 'can; box' (a name that has ';' needs quotes)",
        ),
        (b"\n" * 7_000_000, "expected at most 6586368 bytes, found more"),
    ],
)
def test_files_are_refused_by_name(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "names.txt"
    path.write_bytes(content)
    assert refusal_of(names_from_file, path) == f"{path}: {message}"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "absent\n.txt"
    message = refusal_of(names_from_file, path)
    assert message == f"{str(path)!r}: expected a readable file, found No such file or directory"
    assert "expected a file, found a folder" in refusal_of(names_from_file, tmp_path)
