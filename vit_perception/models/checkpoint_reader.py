# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads a checkpoint with torch's weights-only loader, in a process of its own with limits.

`python -m vit_perception.models.checkpoint_reader SOURCE TARGET` writes the state dict of SOURCE
to TARGET as safetensors. Otherwise it prints one line that begins with `REFUSED`, or it dies: a
tuple in a million tuples as a key of a dict overflows the stack of torch's loader.

That loader calls what is on its own list, such as its tensors, `bytearray` and `_codecs.encode`
with Python's codecs. Every other name in a file stands for an inert class; it is never imported
or called.
"""

from __future__ import annotations

import sys
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.serialization import (
    clear_safe_globals,
    get_unsafe_globals_in_checkpoint,
    safe_globals,
)

from vit_perception.wording import one_line, shown

REFUSED = "refused: "
MAX_AXES = 8
#: A training's checkpoint has some 20.
MAX_NAMES = 1000
#: Checkpoint, state dict and safetensors are in memory at the same time.
_COPIES = 5
#: A pickle's small objects take more memory than bytes in the file.
_SPARE_BYTES = 512 * 2**20
#: Enough for 4 GiB; importing torch takes 2.
_CPU_SECONDS = 120
_MAX_HEADER_BYTES = 16 * 2**20
_DTYPES = (
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.float64,
    torch.int64,
    torch.int32,
)


class RefusedError(ValueError):
    """A file without a state dict to take; the message is one line without the file's name."""


class _InertType(type):
    """Equals `dict` because torch's loader sets items only of types that do."""

    def __eq__(cls, other: object) -> bool:
        return cls is other or other is dict

    __hash__ = type.__hash__


class _Inert(metaclass=_InertType):
    """Stands for a class or a function that a file names. Takes everything and keeps nothing."""

    def __new__(cls, *_arguments: object) -> _Inert:
        return super().__new__(cls)

    def __init__(self, *_arguments: object) -> None:
        pass

    def __setstate__(self, _state: object) -> None:
        pass

    def __setitem__(self, _key: object, _value: object) -> None:
        pass


def load_inertly(path: Path) -> dict[str, Tensor]:
    """Returns the state dict of a checkpoint: its entry `state_dict`, or the file's own mapping.

    Hostile files crash this process or take all of its memory; see `read_state_dict`.

    Args:
        path: a file of torch.save, in the zip format.

    Returns:
        Contiguous tensors on the CPU, by name; no two share memory.

    Raises:
        RefusedError: another format, damaged, or an entry that is no tensor.
    """
    try:
        values = _load(path)
        if isinstance(values, dict) and "state_dict" in values:
            values = values["state_dict"]
        if not isinstance(values, dict) or not values:
            raise RefusedError(f"expected a state dict, found {_described(values)}")
        # A file can set attributes of what it makes, so no method is looked up there.
        return {_key(key): _tensor(key, value) for key, value in dict.items(values)}
    except (RefusedError, MemoryError):
        raise
    # Damage shows as any of a dozen types.
    except Exception as error:
        # torch puts advice around what its loader said.
        said = error.__context__ if isinstance(error, UnpicklingError) else None
        raise RefusedError(
            "expected a checkpoint of torch.save, found one that torch cannot load "
            f"({one_line(said or error)})"
        ) from None


def _load(path: Path) -> object:
    """Returns what is in a checkpoint, with inert stand-ins for what torch does not know."""
    names = get_unsafe_globals_in_checkpoint(path)
    if len(names) > MAX_NAMES:
        raise RefusedError(f"expected at most {MAX_NAMES} names, found {len(names)}")
    with safe_globals([(_InertType(name, (_Inert,), {}), name) for name in names]):
        return torch.load(path, map_location="cpu", weights_only=True)


def _key(key: object) -> str:
    if not isinstance(key, str) or not key.isprintable() or len(key) > 300:
        raise RefusedError(f"expected names of state_dict entries, found {_described(key)}")
    return key


@torch.no_grad()
def _tensor(key: str, value: object) -> Tensor:
    """Returns a copy of an entry that is a plain tensor."""
    entry = f"state_dict entry {key}"
    if type(value) not in (Tensor, nn.Parameter) or not isinstance(value, Tensor):
        raise RefusedError(f"{entry}: expected a tensor, found {_described(value)}")
    dtype, layout, device = value.dtype, value.layout, value.device
    if dtype not in _DTYPES or layout != torch.strided or device.type != "cpu":
        known = ", ".join(str(each).removeprefix("torch.") for each in _DTYPES)
        raise RefusedError(f"{entry}: expected {known}, found {dtype}, {layout} on {device}")
    shape, held = value.shape, Tensor.untyped_storage(value).nbytes()
    if len(shape) > MAX_AXES:
        raise RefusedError(f"{entry}: expected at most {MAX_AXES} axes, found {len(shape)}")
    # Strides of 0 would make much of little: no tensor of a network has them.
    if shape.numel() * dtype.itemsize > held:
        raise RefusedError(
            f"{entry}: expected a tensor inside its storage of {held} bytes, found {list(shape)}"
        )
    return torch.empty(shape, dtype=dtype).copy_(value)


def _described(value: object) -> str:
    """Returns a short text or a number as it is, and the type of anything else."""
    if isinstance(value, (str, int, float, type(None))):
        return shown(value)
    return shown(value.__name__ if isinstance(value, type) else type(value).__name__)


def _set_limits(size: int) -> None:
    """Limits this process to what a checkpoint of `size` bytes needs."""
    import resource  # POSIX only

    # Modules that are loaded already count as well.
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    memory = pages * resource.getpagesize() + _COPIES * size + _SPARE_BYTES
    for kind, limit in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, _CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 2 * size + _MAX_HEADER_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (limit, limit))


def main(source: Path, target: Path) -> int:
    """Writes the state dict of `source` to `target`.

    Returns:
        Exit status: 0, or 1 after a line that says why not.
    """
    torch.set_num_threads(1)
    # Parts of torch register classes of their own as safe.
    clear_safe_globals()
    _set_limits(source.stat().st_size)
    try:
        save_file(load_inertly(source), target)
    except RefusedError as error:
        print(f"{REFUSED}{error}")
    except MemoryError:
        print(f"{REFUSED}expected a checkpoint of its size in memory, found one that takes more")
    except Exception as error:
        print(f"{REFUSED}expected a state dict that can be written, found {one_line(error)}")
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[-2:])))
