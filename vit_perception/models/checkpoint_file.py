# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads the tensors of a file that torch.save wrote, without trusting it.

The file is a zip archive of `<prefix>/data.pkl`, a pickle in which each tensor is a call of
`torch._utils._rebuild_tensor_v2` on a storage outside of it, and one uncompressed member
`<prefix>/data/<key>` for each storage (torch 1.6 and later). Nothing that it names is imported or
called: see `inert_pickle`. Other results of training (optimizer, schedulers, message hub,
averages) are skipped, and their storages are not read.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TypeGuard

import torch
from torch import Tensor

from vit_perception.models.inert_pickle import (
    Call,
    InertPickleError,
    Name,
    Outside,
    read_pickle,
)
from vit_perception.wording import one_line, shown, shown_path

MAX_FILE_BYTES = 4 * 2**30
MAX_PICKLE_BYTES = 128 * 2**20
MAX_MEMBERS = 20_000
MAX_AXES = 8
# Limit of the archive's directory: MAX_MEMBERS entries with long names.
_MAX_DIRECTORY_BYTES = 8 * 2**20

_DTYPES = {
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "DoubleStorage": torch.float64,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
}


class CheckpointError(ValueError):
    """The file is no checkpoint with tensors; one line names it and the finding."""


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Returns the state dict of a checkpoint: its entry `state_dict`, or the file's own mapping.

    Args:
        path: a file of torch.save, in the zip format.

    Returns:
        Tensors on the CPU, by name. Tensors that share a storage share memory.

    Raises:
        CheckpointError: the file is unreadable, too large, damaged or has another format, or an
            entry is no tensor.
    """
    file = shown_path(path)
    try:
        with path.open("rb") as raw:
            return _read(raw, path.stat().st_size)
    except _Refused as error:
        raise CheckpointError(f"{file}: {error}") from None
    except InertPickleError as error:
        raise CheckpointError(
            f"{file}: expected a checkpoint of torch.save, found {error} in its pickle"
        ) from None
    except OSError as error:
        reason = error.strerror or one_line(error)
        raise CheckpointError(f"{file}: expected a readable file, found {reason}") from None
    # zipfile's errors of damaged files share no base class below Exception.
    except (zipfile.BadZipFile, zlib.error, struct.error, ValueError, LookupError, EOFError,
            RuntimeError) as error:  # fmt: skip
        raise CheckpointError(
            f"{file}: expected a checkpoint of torch.save, found {one_line(error)}"
        ) from None


class _Refused(Exception):
    """The part of a `CheckpointError` that follows the file's name."""


class _Careful(io.RawIOBase):
    """Limits the bytes per read, because zipfile reads a directory of any size at once."""

    def __init__(self, file: io.BufferedReader) -> None:
        self._file = file
        self.limit = _MAX_DIRECTORY_BYTES

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        if size > self.limit:
            raise _Refused(f"expected a directory of {self.limit} bytes at most, found {size}")
        data = self._file.read(self.limit + 1 if size < 0 else size)
        if len(data) > self.limit:
            raise _Refused(f"expected a directory of {self.limit} bytes at most, found more")
        return data


def _read(raw: io.BufferedReader, size: int) -> dict[str, Tensor]:
    if size > MAX_FILE_BYTES:
        raise _Refused(f"expected at most {MAX_FILE_BYTES} bytes, found {size}")
    if raw.read(2) != b"PK":
        raise _Refused(
            "expected the zip format of torch.save, found another (as before torch 1.6, or no "
            "checkpoint); a current torch.save writes it anew"
        )
    careful = _Careful(raw)
    with zipfile.ZipFile(careful) as archive:
        careful.limit = MAX_FILE_BYTES
        members = _checked_members(archive.infolist(), size)
        storages = _Storages(archive, members)
        values = read_pickle(storages.pickle())
        if isinstance(values, dict) and "state_dict" in values:
            values = values["state_dict"]
        if not isinstance(values, dict) or not values:
            raise _Refused(f"expected a state dict, found {_described(values)}")
        return {_key(key): _tensor(key, value, storages) for key, value in values.items()}


def _checked_members(found: list[zipfile.ZipInfo], size: int) -> dict[str, zipfile.ZipInfo]:
    """Returns the members by name: few, uncompressed, inside the archive, and each only once."""
    if len(found) > MAX_MEMBERS:
        raise _Refused(f"expected at most {MAX_MEMBERS} members, found {len(found)}")
    members: dict[str, zipfile.ZipInfo] = {}
    for member in found:
        name = member.filename
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
            raise _Refused(f"expected members inside the archive, found {shown(name)}")
        if name in members:
            raise _Refused(f"expected each member once, found {shown(name)} twice")
        if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
            raise _Refused(f"expected members as they are, found {shown(name)} compressed")
        members[name] = member
    total = sum(member.file_size for member in found)
    if total > size:
        raise _Refused(f"expected members of {size} bytes at most, found {total} declared")
    return members


class _Storages:
    """The storages of an archive, read on request."""

    def __init__(self, archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo]) -> None:
        roots = [name.split("/")[0] for name in members if re.fullmatch("[^/]+/data.pkl", name)]
        if len(roots) != 1:
            raise _Refused(f"expected one data.pkl, found {len(roots)}")
        self._archive, self._members, self._root = archive, members, roots[0]
        self._read: dict[str, Tensor] = {}
        order = members.get(f"{self._root}/byteorder")
        if order is not None and (order.file_size > 8 or archive.read(order) != b"little"):
            raise _Refused("expected little-endian storages, found others")

    def pickle(self) -> bytes:
        member = self._members[f"{self._root}/data.pkl"]
        if member.file_size > MAX_PICKLE_BYTES:
            raise _Refused(
                f"expected a pickle of {MAX_PICKLE_BYTES} bytes at most, found {member.file_size}"
            )
        return self._archive.read(member)

    def flat(self, entry: str, key: object) -> Tensor:
        """Returns the storage of a persistent id ("storage", type, key, device, elements), 1-D."""
        if not isinstance(key, tuple) or len(key) != 5 or key[0] != "storage":
            raise _Refused(f"{entry}: expected a storage, found {_described(key)}")
        _, kind, name, _, count = key
        if not isinstance(kind, Name) or kind.module != "torch" or kind.name not in _DTYPES:
            known = ", ".join(_DTYPES)
            raise _Refused(f"{entry}: expected {known}, found {_described(kind)}")
        if not isinstance(name, str) or not re.fullmatch("[0-9]{1,9}", name):
            raise _Refused(f"{entry}: expected the number of a storage, found {_described(name)}")
        dtype = _DTYPES[kind.name]
        member = self._members.get(f"{self._root}/data/{name}")
        held = None if member is None else member.file_size
        if member is None or not _is_count(count) or held != count * dtype.itemsize:
            raise _Refused(
                f"{entry}: expected {shown(count)} elements of {kind.name} in storage {name}, "
                f"found {'no such storage' if held is None else f'{held} bytes'}"
            )
        if name not in self._read:
            self._read[name] = torch.frombuffer(
                bytearray(self._archive.read(member)) or bytearray(8), dtype=dtype
            )[:count]
        flat = self._read[name]
        if flat.dtype != dtype:
            raise _Refused(f"{entry}: expected storage {name} in one type, found two")
        return flat


def _tensor(key: object, value: object, storages: _Storages) -> Tensor:
    entry = f"state_dict entry {_key(key)}"
    arguments = _arguments(value, "_rebuild_parameter")
    if arguments:
        value = arguments[0]
    arguments = _arguments(value, "_rebuild_tensor_v2")
    storage, offset, sizes, strides = (*arguments, None, None, None, None)[:4]
    if len(arguments) < 4 or not isinstance(storage, Outside):
        raise _Refused(f"{entry}: expected a tensor, found {_described(value)}")
    flat = storages.flat(entry, storage.key)
    if not (
        _is_count(offset)
        and isinstance(sizes, tuple)
        and isinstance(strides, tuple)
        and len(sizes) == len(strides) <= MAX_AXES
        and all(map(_is_count, (*sizes, *strides)))
    ):
        found = ", ".join(map(shown, (offset, sizes, strides)))
        raise _Refused(f"{entry}: expected offset, sizes and strides, found {found}")
    count, last = 1, offset
    for length, stride in zip(sizes, strides, strict=True):
        count *= length
        last += (length - 1) * stride
    # With strides of 0, a small file could describe a huge tensor; tensors of networks have none.
    if count and (last >= len(flat) or count > len(flat)):
        raise _Refused(
            f"{entry}: expected a tensor inside its storage of {len(flat)} elements, "
            f"found {shown(sizes)} from {offset}"
        )
    return flat.as_strided(sizes, strides, offset) if count else flat.new_empty(sizes)


def _arguments(value: object, function: str) -> tuple[object, ...]:
    """Returns the arguments of a call of torch._utils.<function>; none for anything else."""
    if not isinstance(value, Call) or not isinstance(value.function, Name):
        return ()
    fits = (value.function.module, value.function.name) == ("torch._utils", function)
    return value.arguments if fits and isinstance(value.arguments, tuple) else ()


def _key(key: object) -> str:
    if not isinstance(key, str) or not key.isprintable() or len(key) > 300:
        raise _Refused(f"expected names of state_dict entries, found {shown(key)}")
    return key


def _is_count(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < 2**40


def _described(value: object) -> str:
    """Returns a value of a file in a few words, without descending into it."""
    if isinstance(value, Call):
        return f"a call of {_described(value.function)}"
    if isinstance(value, Name):
        return shown(str(value))
    if isinstance(value, Outside):
        return "a persistent id"
    if isinstance(value, (dict, list, tuple)):
        return f"a {type(value).__name__}"
    return shown(value)
