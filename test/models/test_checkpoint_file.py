# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of torch.save, of anybody: tensors come back, everything else does nothing."""

from __future__ import annotations

import collections
import io
import os
import pickle
import struct
import sys
import types
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from vit_perception.models import checkpoint_file  # noqa: E402
from vit_perception.models.checkpoint_file import CheckpointError, read_state_dict  # noqa: E402

from ..fuzzed_bytes import changed, changes, fuzz  # noqa: E402
from .hostile_pickles import DAMAGED, Calls, hostile_pickles, nothing_happens  # noqa: E402

pytestmark = pytest.mark.torch


class HistoryBuffer:
    """As mmengine's: the file names a class that is not there when it is read."""

    def __init__(self) -> None:
        self._log_history = np.arange(50.0)
        self._statistics_methods = {"mean": np.mean}


@pytest.fixture
def mmengine(monkeypatch: pytest.MonkeyPatch) -> type[HistoryBuffer]:
    """HistoryBuffer under mmengine's name while a file is written."""
    module = types.ModuleType("mmengine")
    module.HistoryBuffer = HistoryBuffer  # type: ignore[attr-defined]
    monkeypatch.setattr(HistoryBuffer, "__module__", "mmengine")
    monkeypatch.setitem(sys.modules, "mmengine", module)
    return HistoryBuffer


def weights() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {
        "conv.weight": torch.randn(4, 3, 3, 3),
        "half": torch.randn(5).half(),
        "brain": torch.randn(2, 2).bfloat16(),
        "double": torch.randn(3, dtype=torch.float64),
        "scalar": torch.tensor(-1.0),
        "bn.num_batches_tracked": torch.tensor(7),
        "transposed": torch.randn(3, 4).t(),
        "part": torch.randn(10)[3:7],
        "none": torch.empty(0, 3),
        "parameter": torch.nn.Parameter(torch.randn(2)),
    }


def refusal(path: Path) -> str:
    with nothing_happens(), pytest.raises(CheckpointError) as caught:
        read_state_dict(path)
    message = str(caught.value)
    assert message.isprintable()
    assert message.startswith(f"{path}: ")
    assert len(message) < 600
    return message.removeprefix(f"{path}: ")


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("nested", [True, False])
def test_tensors_come_back(tmp_path: Path, protocol: int, nested: bool) -> None:
    expected = weights()
    state = collections.OrderedDict(expected)
    state._metadata = {"": {"version": 1}}  # type: ignore[attr-defined]
    path = tmp_path / "weights.pth"
    torch.save({"state_dict": state} if nested else state, path, pickle_protocol=protocol)
    with nothing_happens():
        found = read_state_dict(path)
    assert list(found) == list(expected)
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)


def test_what_a_training_leaves_is_passed_over(
    tmp_path: Path, mmengine: type[HistoryBuffer], monkeypatch: pytest.MonkeyPatch
) -> None:
    network = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(network.parameters())
    network(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    content = {
        "meta": {"epoch": np.int64(100), "seed": np.float64(0.5), "config": Calls(print, "no")},
        "state_dict": weights(),
        "ema_state_dict": weights(),
        "message_hub": {"log_scalars": {"train/loss": mmengine()}},
        "optimizer": optimizer.state_dict(),
        "param_schedulers": [{"lr": np.arange(3), "steps": {1, 2}, "kept": frozenset("ab")}],
    }
    path = tmp_path / "epoch_100.pth"
    torch.save(content, path)
    monkeypatch.delitem(sys.modules, "mmengine")
    with nothing_happens():
        found = read_state_dict(path)
    expected = weights()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


def tensor(storage: Any, *arguments: object) -> Calls:
    """Pickles as torch's call that makes a tensor; `storage` is a persistent id."""
    return Calls(torch._utils._rebuild_tensor_v2, storage, *arguments)


class Persistent:
    def __init__(self, *key: object) -> None:
        self.key = key


class Pickler(pickle.Pickler):
    def persistent_id(self, obj: object) -> object:
        return obj.key if isinstance(obj, Persistent) else None


def pickled(value: object) -> bytes:
    buffer = io.BytesIO()
    Pickler(buffer, 2).dump(value)
    return buffer.getvalue()


def write_archive(path: Path, data: bytes, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", data)
        for name, content in {"data/0": bytes(24), **members}.items():
            archive.writestr(f"archive/{name}", content)
    return path


STORAGE = Persistent("storage", torch.FloatStorage, "0", "cpu", 6)


def stored(**changes: object) -> Persistent:
    named = dict(zip(("tag", "kind", "key", "device", "count"), STORAGE.key, strict=True))
    return Persistent(*{**named, **changes}.values())


def test_the_archives_of_these_tests_are_read(tmp_path: Path) -> None:
    data = pickled({"w": tensor(STORAGE, 1, (2, 2), (2, 1), False, {})})
    found = read_state_dict(write_archive(tmp_path / "a.pth", data))
    assert torch.equal(found["w"], torch.zeros(2, 2))


@pytest.mark.parametrize("name", hostile_pickles("x"))
def test_hostile_leftovers_do_nothing(name: str, tmp_path: Path) -> None:
    """Beside a state dict: mark, key and value are put around the pickle."""
    touched = tmp_path / "touched"
    hostile = hostile_pickles(str(touched))[name]
    hostile = hostile[2:] if hostile[:1] == b"\x80" else hostile
    state = pickled({"w": tensor(STORAGE, 0, (6,), (1,), False, {})})[2:-1]
    key = {text: b"X" + struct.pack("<I", len(text)) + text for text in (b"state_dict", b"hub")}
    data = b"\x80\x02}(" + key[b"state_dict"] + state + key[b"hub"] + hostile[:-1] + b"u."
    path = write_archive(tmp_path / "a.pth", data)
    with nothing_happens():
        assert list(read_state_dict(path)) == ["w"]
    assert not touched.exists()


@pytest.mark.parametrize("name", hostile_pickles("x"))
def test_hostile_files_are_refused(name: str, tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    path = write_archive(tmp_path / "a.pth", hostile_pickles(str(touched))[name])
    assert refusal(path).startswith(("expected a state dict, found ", "state_dict entry a: exp"))
    assert not touched.exists()


@pytest.mark.parametrize("data", DAMAGED)
def test_damaged_pickles_are_refused(data: bytes, tmp_path: Path) -> None:
    message = refusal(write_archive(tmp_path / "a.pth", data))
    assert message.startswith("expected a checkpoint of torch.save, found ")
    assert DAMAGED[data] in message


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Calls(os.system, "1"), "expected a tensor, found a call of 'posix.system'"),
        (os.system, "expected a tensor, found 'posix.system'"),
        (np.float64(1), "expected a tensor, found a call of 'numpy"),
        ({}, "expected a tensor, found a dict"),
        ("text", "expected a tensor, found 'text'"),
        (STORAGE, "expected a tensor, found a persistent id"),
        (tensor("x", 0, (6,), (1,), False, {}), "expected a tensor, found a call of 'torch._uti"),
        (
            tensor(Calls(os.system, "1"), 0, (6,), (1,), False, {}),
            "expected a tensor, found a call",
        ),
        (tensor(STORAGE), "expected a tensor, found a call"),
        (Calls(torch._utils._rebuild_parameter, os.system, True, {}), "found 'posix.system'"),
        (tensor(stored(tag="module"), 0, (6,), (1,), False), "expected a storage, found a tuple"),
        (tensor(stored(kind=os.system), 0, (6,), (1,), False), "found 'posix.system'"),
        (tensor(stored(kind=torch.BoolStorage), 0, (6,), (1,), False), "'torch.BoolStorage'"),
        (tensor(stored(key="../0"), 0, (6,), (1,), False), "found '../0'"),
        (tensor(stored(key=0), 0, (6,), (1,), False), "the number of a storage, found 0"),
        (tensor(stored(key="1"), 0, (6,), (1,), False), "found no such storage"),
        (tensor(stored(count=7), 0, (6,), (1,), False), "expected 7 elements of FloatStorage"),
        (tensor(stored(count=2**62), 0, (6,), (1,), False), "found 24 bytes"),
        (tensor(stored(count=-6), 0, (6,), (1,), False), "expected -6 elements"),
        (tensor(stored(count=6.0), 0, (6,), (1,), False), "expected 6.0 elements"),
        (tensor(stored(count=True), 0, (6,), (1,), False), "expected True elements"),
        (tensor(stored(kind=torch.LongStorage), 0, (6,), (1,), False), "found 24 bytes"),
        (tensor(STORAGE, 0, (7,), (1,), False, {}), "inside its storage of 6 elements"),
        (tensor(STORAGE, 1, (6,), (1,), False, {}), "found (6,) from 1"),
        (tensor(STORAGE, -1, (6,), (1,), False, {}), "expected offset, sizes and strides"),
        (tensor(STORAGE, 0, (2, 2), (1,), False, {}), "expected offset, sizes and strides"),
        (tensor(STORAGE, 0, (-2, -3), (3, 1), False, {}), "expected offset, sizes and strides"),
        (tensor(STORAGE, 0, (2,), (-1,), False, {}), "expected offset, sizes and strides"),
        (tensor(STORAGE, 0, [2], [1], False, {}), "expected offset, sizes and strides"),
        (tensor(STORAGE, 0, (1,) * 9, (1,) * 9, False), "expected offset, sizes and strides"),
        (tensor(STORAGE, 0, (2**39, 2**39), (0, 0), False), "inside its storage"),
        (tensor(STORAGE, 0, (10**30,), (0,), False, {}), "expected offset, sizes and strides"),
    ],
)
def test_what_is_no_tensor_is_refused(tmp_path: Path, value: object, expected: str) -> None:
    path = write_archive(tmp_path / "a.pth", pickled({"state_dict": {"w": value}}))
    message = refusal(path)
    assert message.startswith("state_dict entry w: ")
    assert expected in message


@pytest.mark.parametrize("key", [1, None, b"w", "a\nb", "x" * 301])
def test_names_of_entries_are_texts(tmp_path: Path, key: object) -> None:
    value = tensor(STORAGE, 0, (6,), (1,), False, {})
    path = write_archive(tmp_path / "a.pth", pickled({"state_dict": {key: value}}))
    assert "expected" in refusal(path)


def test_one_storage_in_two_types_is_refused(tmp_path: Path) -> None:
    other = Persistent("storage", torch.IntStorage, "0", "cpu", 6)
    state = {"a": tensor(STORAGE, 0, (6,), (1,)), "b": tensor(other, 0, (6,), (1,))}
    path = write_archive(tmp_path / "a.pth", pickled(state))
    assert "entry b: expected storage 0 in one type, found two" in refusal(path)


def test_big_endian_storages_are_refused(tmp_path: Path) -> None:
    data = pickled({"w": tensor(STORAGE, 0, (6,), (1,))})
    path = write_archive(tmp_path / "a.pth", data, byteorder=b"big")
    assert refusal(path) == "expected little-endian storages, found others"


@pytest.mark.parametrize(
    "name", ["../data.pkl", "/etc/passwd", "archive/../../x", "archive\\..\\x", "C:/x"]
)
def test_members_outside_of_the_archive_are_refused(tmp_path: Path, name: str) -> None:
    path = write_archive(tmp_path / "a.pth", pickled({}))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, b"x")
    assert refusal(path).startswith("expected members inside the archive, found ")
    assert [each.name for each in tmp_path.iterdir()] == ["a.pth"]


def test_a_member_twice_is_refused(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "a.pth", pickled({}))
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("archive/data.pkl", b"x")
    assert "each member once, found 'archive/data.pkl' twice" in refusal(path)


@pytest.mark.parametrize(
    "names", [[], ["a/data.pkl", "b/data.pkl"], ["data.pkl"], ["a/b/data.pkl"]]
)
def test_an_archive_has_one_pickle(tmp_path: Path, names: list[str]) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in [*names, "else"]:
            archive.writestr(name, b"x")
    assert "expected one data.pkl" in refusal(path)


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(2**26))
    assert "found 'archive/data.pkl' compressed" in refusal(path)


def central_directory(path: Path, change: Callable[[bytearray, int], None]) -> Path:
    """Change the first entry of an archive's directory, which begins at the given byte."""
    data = bytearray(path.read_bytes())
    change(data, data.index(b"PK\x01\x02"))
    path.write_bytes(data)
    return path


def test_a_declared_size_that_is_not_there_is_refused(tmp_path: Path) -> None:
    def swell(data: bytearray, at: int) -> None:
        data[at + 20 : at + 28] = struct.pack("<II", 2**31, 2**31)

    path = central_directory(write_archive(tmp_path / "a.pth", pickled({})), swell)
    assert "declared" in refusal(path)


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    def encrypt(data: bytearray, at: int) -> None:
        data[at + 8] |= 1

    path = central_directory(write_archive(tmp_path / "a.pth", pickled({})), encrypt)
    assert refusal(path).startswith("expected a checkpoint of torch.save, found ")


def test_a_huge_directory_is_not_read(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "a.pth", pickled({}))
    end = path.read_bytes()[-22:]
    size = 2**25
    with path.open("wb") as file:
        file.write(b"PK")
        file.truncate(size)
        file.seek(size)
        file.write(end[:12] + struct.pack("<II", size, 0) + end[20:])
    assert "expected a directory of" in refusal(path)


def test_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint_file, "MAX_MEMBERS", 5)
    members = {f"data/{index}": b"" for index in range(9)}
    path = write_archive(tmp_path / "a.pth", pickled({}), **members)
    assert "expected at most 5 members, found 10" in refusal(path)


def test_a_large_pickle_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint_file, "MAX_PICKLE_BYTES", 100)
    path = write_archive(tmp_path / "a.pth", pickled({"a": "x" * 200}))
    assert "expected a pickle of 100 bytes at most" in refusal(path)


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    with path.open("wb") as file:
        file.truncate(checkpoint_file.MAX_FILE_BYTES + 1)
    assert "expected at most" in refusal(path)


def test_the_old_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save(weights(), path, _use_new_zipfile_serialization=False)
    assert "expected the zip format of torch.save, found another" in refusal(path)


def test_files_that_are_none(tmp_path: Path) -> None:
    assert refusal(tmp_path / "absent.pth").startswith("expected a readable file, found No such")
    assert refusal(tmp_path).startswith("expected a readable file, found Is a directory")
    for content in (b"", b"P", b"PK", b"PK\x05\x06", b"\x80\x02.", b"PK" * 1000):
        (tmp_path / "a.pth").write_bytes(content)
        assert refusal(tmp_path / "a.pth").startswith("expected ")


def test_changed_files_are_read_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save({"state_dict": {"w": torch.ones(3), "v": torch.zeros(2)}}, path)
    data = path.read_bytes()

    def check(sequence: object) -> None:
        path.write_bytes(changed(data, sequence))
        try:
            with nothing_happens():
                read_state_dict(path)
        except CheckpointError as error:
            assert str(error).isprintable()

    fuzz(changes, check, 300)
