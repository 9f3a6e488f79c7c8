# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vit_perception.document import Document, DocumentError, Range

GOOD = """
name: toy
nothing: null
count: 3
share: 0.5
flag: true
list: [a, b]
map: {a: b}
records: [{metric: AP50, value: 0.3}]
input: {height: 64}
lines: "a\\nb"
shares: {a: 0.5, b: 1}
"""
GOOD += f"long: {'x' * 201}\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file.yaml"
    path.write_text(GOOD)
    return path


def refusal_of(function: Callable[[], Any]) -> str:
    with pytest.raises(DocumentError) as refusal:
        function()
    assert str(refusal.value).isprintable()
    return str(refusal.value)


def test_values_of_every_type(path: Path) -> None:
    document = Document.load(path)
    assert document.text("name") == "toy"
    assert document.text("name", choices=("toy", "real")) == "toy"
    assert document.optional_line("nothing") is None
    assert document.optional_line("name") == "toy"
    assert document.integer("count", 1, 3) == 3
    assert document.integer("input.height", 1, 99) == 64
    assert document.number("share", 0, 1) == 0.5
    assert isinstance(document.number("count", 0, 3), float)
    assert document.boolean("flag") is True
    assert document.texts("list") == ("a", "b")
    assert document.texts_by_text("map") == {"a": "b"}
    assert document.numbers_by_text("shares", 0, 1) == {"a": 0.5, "b": 1.0}
    assert document.mappings("records") == [{"metric": "AP50", "value": 0.3}]
    wanted = ("name", "nothing", "input.height", "absent", "input.absent", "name.deeper")
    assert [document.has(key) for key in wanted] == [True, True, True, False, False, False]


@pytest.mark.parametrize(
    ("look", "message"),
    [
        (lambda d: d.text("absent"), "absent: expected a text, found nothing"),
        (lambda d: d.text("count"), "count: expected a text, found 3"),
        (lambda d: d.text("name.deeper"), "name.deeper: expected a text, found nothing"),
        (lambda d: d.text("name", choices=("a", "b")), "name: expected a or b, found 'toy'"),
        (lambda d: d.optional_line("list"), "list: expected a text or null, found ['a', 'b']"),
        (lambda d: d.line("long"), "long: expected a line of at most 200 printable characters, f"),
        (
            lambda d: d.line("lines"),
            r"lines: expected a line of at most 200 printable characters,",
        ),
        (lambda d: d.integer("flag", 0, 9), "flag: expected an integer 0..9, found True"),
        (lambda d: d.integer("share", 0, 9), "share: expected an integer, found 0.5"),
        (lambda d: d.integer("count", 4, 9), "count: expected an integer 4..9, found 3"),
        (lambda d: d.integer("input.width", 4, 9), "input.width: expected an integer, found noth"),
        (lambda d: d.number("flag", 0, 1), "flag: expected a number 0..1, found True"),
        (lambda d: d.number("count", 0, 1), "count: expected a number 0..1, found 3"),
        (lambda d: d.boolean("count"), "count: expected true or false, found 3"),
        (
            lambda d: d.texts("records"),
            "records: expected a list of texts, found [{'metric': 'AP50'",
        ),
        (
            lambda d: d.texts_by_text("input"),
            "input: expected a mapping of texts, found {'height'",
        ),
        (
            lambda d: d.numbers_by_text("list", 0, 1),
            "list: expected a mapping of numbers, found ['a', 'b']",
        ),
        (
            lambda d: d.numbers_by_text("shares", 0, 0.7),
            "shares.b: expected a number 0..0.7, found 1",
        ),
        (
            lambda d: d.numbers_by_text("map", 0, 1),
            "map.a: expected a number 0..1, found 'b'",
        ),
        (lambda d: d.only(("aa", "c"), "map"), "map: expected 'aa', found 'a'"),
        (lambda d: d.only(("height",), "count"), "count: expected a mapping, found 3"),
        (lambda d: d.only(("names",)), "expected 'names', found 'name'"),
        (lambda d: d.only(("one", "two")), "expected one of one, two, found 'name'"),
        (lambda d: d.mappings("list"), "list: expected a list of mappings, found ['a', 'b']"),
    ],
)
def test_wrong_types_are_named(path: Path, look: Callable[[Document], Any], message: str) -> None:
    document = Document.load(path)
    assert refusal_of(lambda: look(document)).startswith(f"{path}: {message}")


@dataclass(frozen=True)
class Settings:
    """A field of every type that a document has values for."""

    sizes: tuple[str, ...]
    count: Annotated[int, Range(0, 9)] = 3
    share: Annotated[float, Range(0, 1)] = 0.5
    flag: bool = False
    kind: Literal["cup", "mug"] = "cup"
    name: str = ""
    weights: Annotated[Mapping[str, float], Range(0, 9)] = field(default_factory=dict)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sizes: []", Settings(())),
        ("sizes: [a]\nname: ''", Settings(("a",))),
        (
            "{sizes: [a], count: 9, share: 1, flag: true, kind: mug, name: b, weights: {c: 2}}",
            Settings(("a",), 9, 1.0, True, "mug", "b", {"c": 2.0}),
        ),
    ],
)
def test_values_for_the_fields_of_a_dataclass(path: Path, text: str, expected: Settings) -> None:
    path.write_text(text)
    assert Settings(**Document.load(path).fields(Settings)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("count: 1", "sizes: expected a list of texts, found nothing"),
        ("sizes: []\nconut: 1", "expected 'count', found 'conut'"),
        ("sizes: []\n7: 1", "expected one of sizes, count, share,"),
        ("sizes: []\ncount: false", "count: expected an integer 0..9, found False"),
        ("sizes: []\ncount: 10", "count: expected an integer 0..9, found 10"),
        ("sizes: []\nshare: .nan", "share: expected a number 0..1, found nan"),
        ("sizes: []\nflag: 0", "flag: expected true or false, found 0"),
        ("sizes: []\nkind: pot", "kind: expected cup or mug, found 'pot'"),
        ("sizes: []\nkind: ''", "kind: expected cup or mug, found ''"),
        ('sizes: []\nname: "a\\nb"', "name: expected a line of at most 200 printable"),
        ("sizes: []\nweights: {c: .inf}", "weights.c: expected a number 0..9, found inf"),
    ],
)
def test_values_that_fit_no_field_are_named(path: Path, text: str, message: str) -> None:
    path.write_text(text)
    document = Document.load(path)
    assert refusal_of(lambda: document.fields(Settings)).startswith(f"{path}: {message}")


@pytest.mark.parametrize("values", [None, [1], "a"])
def test_values_that_are_no_mapping_are_refused(values: object) -> None:
    assert refusal_of(lambda: Document(values, "f")).startswith("f: expected a mapping, found ")


@pytest.mark.parametrize("value", [".nan", ".inf", "-1", "'0.5'"])
def test_numbers_are_finite_and_in_range(path: Path, value: str) -> None:
    path.write_text(f"share: {value}")
    document = Document.load(path)
    assert "share: expected a number" in refusal_of(lambda: document.number("share", 0, 1))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"- a\n- b\n", "a mapping, found ['a', 'b']"),
        (b"", "a mapping, found None"),
        (b"a: [1, 2\n", "safe YAML, found no ',' or ']' at line 2"),
        (b"a: !!python/object/apply:os.getcwd []\n", "safe YAML, found could not determine a con"),
        (b"a: !!python/name:os.system\n", "safe YAML, found could not determine a constructor"),
        (b"a: &x [1]\nb: *x\n", "safe YAML, found an alias (*name), which is not allowed"),
        (b"[" * 50_000, "safe YAML, found nesting that is too deep"),
        (b"a: 2026-99-99\n", "safe YAML, found month must be in"),
        (b"a: \x00\n", "safe YAML, found unacceptable character"),
        (b"a: \xff\n", "safe YAML, found unacceptable character #x00ff"),
        (b'a: "\\ud800"\n', "safe YAML, found invalid Unicode character escape code at"),
        (b"? [a]\n: b\n", "safe YAML, found unhashable key"),
        (b"a: " + b"x" * 2**20, "at most 1048576 bytes, found more"),
        (b"a: [" + b"b," * 60_000 + b"]", "safe YAML, found more than 50000 values"),
        (b"<<: {a: b}\n", "safe YAML, found could not determine a constructor for the tag"),
        (b"a: 1\nb: 2\na: 3\n", "safe YAML, found the key 'a' twice"),
        (b"a: 1" + b":1" * 100_000, "safe YAML, found a number of 200001 characters"),
        (b"a: 1" + b":1" * 100_000 + b".5", "safe YAML, found a number of 200003 characters"),
        (b"a: 0x" + b"f" * 9000, "safe YAML, found a number of 9002 characters"),
        (b'a: !!int ""\n', "safe YAML, found a value that does not fit its tag"),
        (b"a: !!float x\n", "safe YAML, found could not convert string to float"),
        (b"a: !!bool x\n", "safe YAML, found a value that does not fit its tag"),
        (b"a: !!timestamp x\n", "safe YAML, found a value that does not fit its tag"),
    ],
)
def test_files_that_are_no_safe_mapping_are_refused(
    path: Path, content: bytes, found: str
) -> None:
    path.write_bytes(content)
    assert refusal_of(lambda: Document.load(path)).startswith(f"{path}: expected {found}")


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    absent = tmp_path / "absent.yaml"
    assert refusal_of(lambda: Document.load(absent)) == (
        f"{absent}: expected a readable file, found No such file or directory"
    )
    folder = refusal_of(lambda: Document.load(tmp_path))
    assert folder == f"{tmp_path}: expected a file, found a folder"


def test_texts_of_json_may_be_no_utf_8() -> None:
    document = Document({"lone": "\ud800"}, "f")
    assert refusal_of(lambda: document.text("lone")) == (
        r"f: lone: expected a text in UTF-8, found '\ud800'"
    )


@given(content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_give_a_mapping_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    path.write_bytes(content)
    try:
        Document.load(path)
    except DocumentError as error:
        assert str(error).isprintable()
