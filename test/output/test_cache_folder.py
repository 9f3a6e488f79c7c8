# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Where what costs time is kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vit_perception.output.cache_folder import cache_folder


def test_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_folder() == Path("/somewhere/vit_perception")
    monkeypatch.setenv("HOME", "/home/someone")
    for relative in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", relative)
        assert cache_folder() == Path("/home/someone/.cache/vit_perception")


def test_without_a_home_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    # What expanduser gives where neither HOME nor the user's entry in /etc/passwd exists.
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert cache_folder() is None
