# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
import logging
import os
import struct
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vit_perception.output.cache_folder import cache_folder
from vit_perception.text import cache as cache_module
from vit_perception.text.cache import EmbeddingCache

DIMENSION = 8
ROOT = Path(cache_module.__file__).parents[2]

few = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def rows_of(names: list[str], seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(len(names), DIMENSION))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def opened(directory: Path | None, encoder: str = "a" * 64) -> EmbeddingCache:
    return EmbeddingCache(directory, encoder, DIMENSION)


def file_in(directory: Path) -> Path:
    (path,) = directory.iterdir()
    return path


def npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def compressed(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def with_huge_header(data: bytes) -> bytes:
    """The same archive, its embeddings' .npy header claiming 2**40 rows."""
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776, 8), }"
    header = header.ljust(117) + b"\n"
    npy = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(buffer, "w") as new,
    ):
        new.writestr("keys.npy", old.read("keys.npy"))
        new.writestr("embeddings.npy", npy)
    return buffer.getvalue()


KEYS = np.zeros((2, 32), np.uint8)
ROWS = rows_of(["a", "b"])


def test_what_is_put_is_got_by_another_process_too(tmp_path):
    names = ["red mug", "spoon"]
    rows = rows_of(names)
    opened(tmp_path / "deep" / "er").put(names, rows)
    found = opened(tmp_path / "deep" / "er").get(["spoon", "unknown", "red mug"])
    assert list(found) == ["spoon", "red mug"]
    assert np.array_equal(found["red mug"], rows[0])
    assert np.array_equal(found["spoon"], rows[1])


def test_what_is_got_cannot_be_changed(tmp_path):
    opened(tmp_path).put(["spoon"], rows_of(["spoon"]))
    row = opened(tmp_path).get(["spoon"])["spoon"]
    with pytest.raises(ValueError, match="read-only"):
        row[0] = 1


def test_later_changes_of_the_array_do_not_reach_the_cache():
    cache, rows = opened(None), rows_of(["spoon"])
    expected = rows.copy()
    cache.put(["spoon"], rows)
    rows[:] = 0
    assert np.array_equal(cache.get(["spoon"])["spoon"], expected[0])


def test_encoders_do_not_share(tmp_path):
    opened(tmp_path, "a" * 64).put(["spoon"], rows_of(["spoon"]))
    other = opened(tmp_path, "b" * 64)
    assert other.get(["spoon"]) == {}
    other.put(["fork"], rows_of(["fork"]))
    first, second = tmp_path.iterdir()
    first.replace(second)
    assert opened(tmp_path, "a" * 64).get(["fork"]) == {}


@few
@given(names=st.lists(st.text(st.characters(codec=None), max_size=30), unique=True, max_size=5))
def test_any_name_can_be_kept(tmp_path, names):
    rows = rows_of(names)
    opened(tmp_path).put(names, rows)
    found = opened(tmp_path).get(names)
    assert list(found) == names
    assert all(np.array_equal(found[name], row) for name, row in zip(names, rows, strict=True))


DAMAGE = {
    "empty": lambda data: b"",
    "truncated": lambda data: data[: len(data) // 2],
    "without its end": lambda data: data[:-1],
    "garbage": lambda data: b"\x00garbage\xff" * 100,
    "flipped bit": lambda data: flipped(data, data.rindex(b"NUMPY") + 150),
    "pickled": lambda data: npz(keys=KEYS, embeddings=np.array([{}, []], dtype=object)),
    "bare pickle": lambda data: b"\x80\x04N.",
    "bare array": lambda data: b"\x93NUMPY\x01\x00v\x00" + b" " * 117 + b"\n",
    "absent member": lambda data: npz(keys=KEYS),
    "wrong dimension": lambda data: npz(keys=KEYS, embeddings=np.ones((2, 9), np.float32)),
    "wrong count": lambda data: npz(keys=KEYS, embeddings=ROWS[:1]),
    "wrong key length": lambda data: npz(keys=KEYS[:, :31], embeddings=ROWS),
    "keys without shape": lambda data: npz(keys=np.uint8(1), embeddings=ROWS),
    "wrong type": lambda data: npz(keys=KEYS, embeddings=ROWS.astype(np.float64)),
    "not finite": lambda data: npz(keys=KEYS, embeddings=ROWS * np.float32(np.nan)),
    "not of unit length": lambda data: npz(keys=KEYS, embeddings=ROWS * np.float32(1.1)),
    "compressed": lambda data: compressed(keys=KEYS, embeddings=ROWS),
    "claims 2**40 rows": with_huge_header,
    "too large": lambda data: data + b"\x00" * 2**20,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_rebuilt(tmp_path, damage, caplog, monkeypatch):
    monkeypatch.setattr(cache_module, "MAX_ENTRIES", 2000)
    opened(tmp_path).put(["red mug", "spoon"], ROWS)
    path = file_in(tmp_path)
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    cache = opened(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert cache.get(["red mug", "spoon"]) == {}
    (record,) = caplog.records
    assert str(path) in record.getMessage()
    assert "\n" not in record.getMessage()
    cache.put(["spoon"], ROWS[1:])
    assert np.array_equal(opened(tmp_path).get(["spoon"])["spoon"], ROWS[1])


@few
@given(data=st.binary(max_size=200), at=st.integers(0, 700))
def test_any_overwritten_part_is_noticed_or_harmless(tmp_path, data, at):
    opened(tmp_path).put(["red mug", "spoon"], ROWS)
    path = file_in(tmp_path)
    original = path.read_bytes()
    path.write_bytes(original[:at] + data + original[at + len(data) :])
    found = opened(tmp_path).get(["red mug", "spoon"])
    assert all(np.array_equal(row, ROWS[int(name == "spoon")]) for name, row in found.items())
    path.unlink()


def test_a_pickle_is_not_run(tmp_path):
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (str(tmp_path / "sprung"),)

    opened(tmp_path / "cache").put(["spoon"], rows_of(["spoon"]))
    path = file_in(tmp_path / "cache")
    path.write_bytes(npz(keys=KEYS, embeddings=np.array([Trap(), Trap()], dtype=object)))
    assert opened(tmp_path / "cache").get(["spoon"]) == {}
    assert not (tmp_path / "sprung").exists()


def test_a_folder_in_its_place_is_tolerated(tmp_path):
    opened(tmp_path).put(["spoon"], ROWS[:1])
    path = file_in(tmp_path)
    path.unlink()
    (path / "full").mkdir(parents=True)
    cache = opened(tmp_path)
    assert cache.get(["spoon"]) == {}
    cache.put(["spoon"], ROWS[:1])
    assert np.array_equal(cache.get(["spoon"])["spoon"], ROWS[0])
    assert list(tmp_path.iterdir()) == [path]


def test_where_nothing_can_be_written_memory_serves(tmp_path, caplog):
    (tmp_path / "file").write_bytes(b"")
    cache = opened(tmp_path / "file" / "below")
    for index in range(3):
        cache.put([f"name {index}"], ROWS[:1])
    assert len(cache.get([f"name {index}" for index in range(3)])) == 3
    assert len(caplog.records) == 1


def test_an_impossible_path_is_tolerated():
    cache = opened(Path("nul\0"))
    cache.put(["spoon"], ROWS[:1])
    assert list(cache.get(["spoon"])) == ["spoon"]


def test_a_file_without_permission_is_tolerated(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    opened(tmp_path).put(["spoon"], ROWS[:1])
    file_in(tmp_path).chmod(0)
    tmp_path.chmod(0o500)
    cache = opened(tmp_path)
    cache.put(["fork"], ROWS[1:])
    assert list(cache.get(["fork", "spoon"])) == ["fork"]
    tmp_path.chmod(0o700)


def test_the_oldest_names_are_forgotten(tmp_path, monkeypatch):
    monkeypatch.setattr(cache_module, "MAX_ENTRIES", 3)
    cache = opened(tmp_path)
    cache.put(["a", "b"], ROWS)
    cache.put(["c", "d"], ROWS)
    assert list(cache.get(list("abcd"))) == list("bcd")
    assert list(opened(tmp_path).get(list("abcd"))) == list("bcd")


def test_two_caches_keep_each_others_names(tmp_path):
    first, second = opened(tmp_path), opened(tmp_path)
    first.put(["a"], ROWS[:1])
    second.put(["b"], ROWS[1:])
    assert list(opened(tmp_path).get(["a", "b"])) == ["a", "b"]


def test_threads_share_one_cache(tmp_path):
    cache = opened(tmp_path)
    names = [f"name {index}" for index in range(40)]
    rows = rows_of(names)

    def put(start: int) -> None:
        for index in range(start, len(names), 4):
            cache.put([names[index]], rows[index : index + 1])
            assert names[index] in cache.get(names)

    threads = [threading.Thread(target=put, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = opened(tmp_path).get(names)
    assert all(np.array_equal(found[name], row) for name, row in zip(names, rows, strict=True))


def test_processes_that_write_at_once_leave_a_readable_file(tmp_path):
    code = (
        "import sys, numpy as np; from pathlib import Path;"
        "from vit_perception.text.cache import EmbeddingCache;"
        "cache = EmbeddingCache(Path(sys.argv[1]), 'a' * 64, 8); row = np.eye(1, 8, dtype='f4');"
        "[cache.put([sys.argv[2] + str(i)], row) for i in range(30)]"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), name], cwd=ROOT)
        for name in ("first ", "second ")
    ]
    assert [process.wait(60) for process in processes] == [0, 0]
    found = opened(tmp_path).get(
        [f"{name} {i}" for name in ("first", "second") for i in range(30)]
    )
    # Whichever wrote last wrote all of its own names.
    assert len(found) >= 30
    assert all(np.array_equal(row, np.eye(1, 8)[0]) for row in found.values())
    assert len(list(tmp_path.iterdir())) == 1


def test_without_a_home_there_is_no_folder(monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    # What expanduser gives where neither HOME nor the user's entry in /etc/passwd exists.
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    cache = opened(cache_folder())
    cache.put(["spoon"], ROWS[:1])
    assert list(cache.get(["spoon"])) == ["spoon"]
