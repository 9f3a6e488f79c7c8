# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Archives as torch.save writes them, with any pickle inside."""

from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from .hostile_pickles import Calls


class Persistent:
    """Pickles as a persistent id."""

    def __init__(self, *key: object) -> None:
        self.key = key


#: Six elements in the storage of `write_archive`.
STORAGE = Persistent("storage", torch.FloatStorage, "0", "cpu", 6)


def stored(**changes: object) -> Persistent:
    named = dict(zip(("tag", "kind", "key", "device", "count"), STORAGE.key, strict=True))
    return Persistent(*{**named, **changes}.values())


def tensor(storage: Any, *arguments: object) -> Calls:
    """Pickles as torch's call that makes a tensor; `storage` is a persistent id."""
    return Calls(torch._utils._rebuild_tensor_v2, storage, *arguments, False, {})


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj: object) -> object:
        return obj.key if isinstance(obj, Persistent) else None


def pickled(value: object) -> bytes:
    buffer = io.BytesIO()
    _Pickler(buffer, 2).dump(value)
    return buffer.getvalue()


def write_archive(path: Path, data: bytes, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", data)
        for name, content in {"version": b"3\n", "data/0": bytes(24), **members}.items():
            archive.writestr(f"archive/{name}", content)
    return path


def weights() -> dict[str, torch.Tensor]:
    """A state dict of every type and layout that is read."""
    torch.manual_seed(0)
    return {
        "conv.weight": torch.randn(4, 3, 3, 3),
        "half": torch.randn(5).half(),
        "brain": torch.randn(2, 2).bfloat16(),
        "double": torch.randn(3, dtype=torch.float64),
        "int": torch.arange(3, dtype=torch.int32),
        "scalar": torch.tensor(-1.0),
        "bn.num_batches_tracked": torch.tensor(7),
        "transposed": torch.randn(3, 4).t(),
        "part": torch.randn(10)[3:7],
        "none": torch.empty(0, 3),
        "parameter": torch.nn.Parameter(torch.randn(2)),
    }


def assert_equal(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert type(found[name]) is torch.Tensor
        assert found[name].dtype == value.dtype
        assert found[name].is_contiguous()
        assert torch.equal(found[name], value)
