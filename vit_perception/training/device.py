# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Chooses the device of a run: the same command uses a GPU if there is one."""

from __future__ import annotations

import os
from typing import Any

import torch

from vit_perception.wording import shown


class DeviceError(ValueError):
    """The device is not available; one line."""


def find_device(name: str) -> torch.device:
    """Returns the device of a name: "auto" is CUDA if available, else the CPU.

    For CUDA, sets deterministic algorithms for the whole process; those of the CPU are
    deterministic anyway.

    Raises:
        DeviceError: the device is neither CPU nor CUDA, or there is none of that number.
    """
    count = torch.cuda.device_count()
    if name == "auto":
        name = "cuda" if count else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise DeviceError(f"device: expected auto, cpu or cuda, found {shown(name)}") from None
    if device.type not in ("cpu", "cuda"):
        raise DeviceError(f"device: expected auto, cpu or cuda, found {shown(name)}")
    if device.type == "cuda":
        if (device.index or 0) >= count:
            raise DeviceError(f"device: expected one of {count} CUDA devices, found {shown(name)}")
        # cuBLAS reads the variable when it starts.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
        settings: Any = torch.utils.deterministic  # a module that has them as properties
        settings.fill_uninitialized_memory = False
        torch.backends.cudnn.benchmark = False
    return device


def default_workers(device: torch.device) -> int:
    """Returns the number of loader processes: 1 for a CPU; cores - 1 for a GPU, at most 16."""
    if device.type == "cpu":
        return 1
    return max(1, min(16, (os.cpu_count() or 2) - 1))
