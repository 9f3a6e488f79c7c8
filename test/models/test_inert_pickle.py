# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A pickle is read; nothing that it names is imported or called."""

from __future__ import annotations

import collections
import datetime
import pickle
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch")

from vit_perception.models import inert_pickle  # noqa: E402
from vit_perception.models.inert_pickle import (  # noqa: E402
    Call,
    InertPickleError,
    Name,
    read_pickle,
)

from ..fuzzed_bytes import changed, changes, fuzz  # noqa: E402
from .hostile_pickles import DAMAGED, Calls, hostile_pickles, nothing_happens  # noqa: E402

pytestmark = pytest.mark.torch

PROTOCOLS = (2, 3, 4, 5)
plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**100), 2**100)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(max_size=300).filter(bool),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.lists(inner, max_size=5).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=5)
    ),
    max_leaves=20,
)


@given(value=plain, protocol=st.sampled_from(PROTOCOLS[1:]))
def test_plain_values_come_back(value: object, protocol: int) -> None:
    assert read_pickle(pickle.dumps(value, protocol)) == value


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_occurs_often_is_shared_and_ordered_dicts_are_dicts(protocol: int) -> None:
    shared = ["x"] * 300
    value = collections.OrderedDict(a=shared, b=shared, c={"long": "y" * 70_000})
    value.loose = "state of the dict itself"  # type: ignore[attr-defined]
    found = read_pickle(pickle.dumps(value, protocol))
    assert type(found) is dict
    assert found == {"a": shared, "b": shared, "c": {"long": "y" * 70_000}}
    assert found["a"] is found["b"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_other_objects_are_records(protocol: int) -> None:
    made = [datetime.date(2026, 1, 2), datetime.date, {1, 2}, frozenset("ab"), 1 + 2j, "end"]
    with nothing_happens():
        date, name, *records, end = read_pickle(pickle.dumps(made, protocol))
    assert isinstance(date, Call)
    assert str(date.function) == "datetime.date"
    assert isinstance(name, Name)
    assert (name.module, name.name) == ("datetime", "date")
    assert [type(each) for each in records] == [Call] * 3
    assert end == "end"


@pytest.mark.parametrize("name", hostile_pickles("x"))
def test_hostile_pickles_do_nothing(name: str, tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    with nothing_happens():
        read_pickle(hostile_pickles(str(touched))[name])
    assert not touched.exists()


def test_these_pickles_are_hostile(tmp_path: Path) -> None:
    """What the test above means: Python's own unpickler runs them, and the watch sees it."""
    touched = tmp_path / "touched"
    with pytest.raises(AssertionError, match=r"os\.system"), nothing_happens():
        pickle.loads(hostile_pickles(str(touched))["os.system"])
    assert touched.exists()


def test_items_under_keys_that_are_containers_are_left_out() -> None:
    assert read_pickle(pickle.dumps({(1, 2): 3, "a": 4})) == {"a": 4}


@pytest.mark.parametrize("data", DAMAGED)
def test_damaged_pickles_are_refused_in_one_line(data: bytes) -> None:
    with nothing_happens(), pytest.raises(InertPickleError) as caught:
        read_pickle(data)
    assert DAMAGED[data] in str(caught.value)
    assert str(caught.value).isprintable()


def test_an_endless_pickle_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inert_pickle, "MAX_READS", 1000)
    endless = b"N0" * 600 + b"N."
    for data in (endless, b"\x95" + struct.pack("<Q", len(endless)) + endless):
        with pytest.raises(InertPickleError, match="more than 1000 parts"):
            read_pickle(data)


def test_changed_bytes_are_read_or_refused() -> None:
    value = {"a": [1, 2.5, ("b", None)], "c": {"d": b"e" * 40}, "f": Calls(print, "g")}
    data = pickle.dumps(value, 2) + pickle.dumps(value, 4)

    def check(sequence: object) -> None:
        try:
            with nothing_happens():
                read_pickle(changed(data, sequence))
        except InertPickleError as error:
            assert str(error).isprintable()

    fuzz(changes, check, 500)
