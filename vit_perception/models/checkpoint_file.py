# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads the tensors of a file that torch.save wrote, without trusting it.

The file is a zip archive of `<prefix>/data.pkl`, a pickle, and one uncompressed member
`<prefix>/data/<key>` for each storage (torch 1.6 and later). The archive is checked here. Its
pickle is loaded by `checkpoint_reader` in a process with limits, and the tensors come back as
safetensors.
"""

from __future__ import annotations

import io
import os
import re
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from vit_perception.input.file import InputError, check_file
from vit_perception.models import checkpoint_reader
from vit_perception.models.checkpoint_reader import REFUSED, RefusedError
from vit_perception.output.failure import OutputError
from vit_perception.output.scratch import scratch_folder
from vit_perception.processes.parent import tied
from vit_perception.wording import one_line, shown, shown_path

MAX_FILE_BYTES = 4 * 2**30
MAX_PICKLE_BYTES = 128 * 2**20
MAX_MEMBERS = 20_000
#: For 4 GiB from a slow disk.
TIMEOUT_SECONDS = 300.0
#: MAX_MEMBERS entries with long names in the archive's directory.
_MAX_READ_BYTES = 8 * 2**20
#: torch's weights-only loader reads no later one.
_MAX_PROTOCOL = 3
_MAX_LINE_BYTES = 4096
#: By path: with `-m`, the package above would import torchvision, which takes longer than torch.
_START = "import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')"


class CheckpointError(ValueError):
    """A file that is no checkpoint to read tensors from; one line naming it and what was found."""


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Returns the state dict of a checkpoint: its entry `state_dict`, or the file's own mapping.

    Args:
        path: a file of torch.save, in the zip format.

    Returns:
        Contiguous tensors on the CPU, by name. They share no memory, even where the file's do.

    Raises:
        CheckpointError: unreadable, too large, another format, damaged, or an entry that is
            no tensor.
        OutputError: temporary files cannot be written.
    """
    file = shown_path(path)
    try:
        check_file(path)
        with _Capped(path) as raw:
            _check_archive(raw, path.stat().st_size)
        return _read_apart(path)
    except InputError as error:
        raise CheckpointError(str(error)) from None
    except RefusedError as error:
        raise CheckpointError(f"{file}: {error}") from None
    except OutputError:
        raise
    except OSError as error:
        reason = error.strerror or one_line(error)
        raise CheckpointError(f"{file}: expected a readable file, found {reason}") from None
    # zipfile's errors of damaged files share no base class below Exception.
    except (zipfile.BadZipFile, zlib.error, struct.error, ValueError, LookupError, EOFError,
            RuntimeError) as error:  # fmt: skip
        raise CheckpointError(
            f"{file}: expected a checkpoint of torch.save, found {one_line(error)}"
        ) from None


class _Capped(io.FileIO):
    """Reads a few MB at once at most: zipfile reads a directory of any size whole."""

    def read(self, size: int | None = -1, /) -> bytes:
        capped = size is None or not 0 <= size <= _MAX_READ_BYTES
        return super().read(_MAX_READ_BYTES if capped else size)


def _check_archive(raw: io.FileIO, size: int) -> None:
    """Checks what the archive declares, and the checksums of its members."""
    if size > MAX_FILE_BYTES:
        raise RefusedError(f"expected at most {MAX_FILE_BYTES} bytes, found {size}")
    if raw.read(2) != b"PK":
        raise RefusedError(
            "expected the zip format of torch.save, found another (as before torch 1.6, or no "
            "checkpoint); a current torch.save writes it anew"
        )
    with zipfile.ZipFile(raw) as archive:
        members = archive.infolist()
        _check_members(members, size)
        pickles = [m for m in members if re.fullmatch("[^/]+/data.pkl", m.filename)]
        if len(pickles) != 1:
            raise RefusedError(f"expected one data.pkl, found {len(pickles)}")
        if pickles[0].file_size > MAX_PICKLE_BYTES:
            raise RefusedError(
                f"expected a pickle of {MAX_PICKLE_BYTES} bytes at most, "
                f"found {pickles[0].file_size}"
            )
        with archive.open(pickles[0]) as file:
            start = file.read(2)
        if start[:1] == b"\x80" and start[1:] > bytes([_MAX_PROTOCOL]):
            raise RefusedError(
                f"expected pickle protocol 2, as torch.save writes by default, found {start[1]}"
            )
        damaged = archive.testzip()
        if damaged is not None:
            raise RefusedError(f"expected intact members, found {shown(damaged)} damaged")


def _check_members(members: list[zipfile.ZipInfo], size: int) -> None:
    """Checks that members are few, unique, inside the archive and not compressed."""
    if len(members) > MAX_MEMBERS:
        raise RefusedError(f"expected at most {MAX_MEMBERS} members, found {len(members)}")
    names: set[str] = set()
    for member in members:
        name = member.filename
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
            raise RefusedError(f"expected members inside the archive, found {shown(name)}")
        if name in names:
            raise RefusedError(f"expected each member once, found {shown(name)} twice")
        if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
            raise RefusedError(f"expected members as they are, found {shown(name)} compressed")
        names.add(name)
    total = sum(member.file_size for member in members)
    if total > size:
        raise RefusedError(f"expected members of {size} bytes at most, found {total} declared")


def _read_apart(path: Path) -> dict[str, Tensor]:
    """Returns the state dict as a process of its own reads it."""
    with scratch_folder() as folder:
        target, said = folder / "state.safetensors", folder / "said"
        # Where there is no room for the tensors, this process can tell which folder is full.
        with target.open("wb") as output:
            os.posix_fallocate(output.fileno(), 0, path.stat().st_size)
        command = [sys.executable, "-c", _START, checkpoint_reader.__file__]
        # Modules come from where this process has them, and never from the working folder.
        paths = os.pathsep.join(map(os.path.abspath, sys.path))
        environment = {"PYTHONPATH": paths, "PYTHONIOENCODING": "utf-8", "OMP_NUM_THREADS": "1"}
        try:
            with said.open("wb") as output:
                status = subprocess.run(
                    tied([*command, str(path.absolute()), str(target)]),
                    cwd=folder,
                    env={**os.environ, **environment},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.DEVNULL,
                    timeout=TIMEOUT_SECONDS,
                ).returncode
        except subprocess.TimeoutExpired:
            raise RefusedError(
                f"expected a checkpoint of torch.save, found one that takes more than "
                f"{TIMEOUT_SECONDS:g} s to read"
            ) from None
        if status == 0:
            return _read_tensors(target)
        with said.open("rb") as output:
            line = output.read(_MAX_LINE_BYTES).decode("utf-8", "replace")
    if line.startswith(REFUSED):
        raise RefusedError(one_line(ValueError(line.removeprefix(REFUSED)), 500))
    raise RefusedError(
        f"expected a checkpoint of torch.save, found one that its reader did not survive "
        f"(exit status {status})"
    )


def _read_tensors(target: Path) -> dict[str, Tensor]:
    try:
        found: dict[str, Tensor] = load_file(target)
        return found
    except (SafetensorError, OSError) as error:
        raise RefusedError(
            f"expected tensors from the reader of the file, found {one_line(error)}"
        ) from None
