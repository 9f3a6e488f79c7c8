# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Threads of libraries beside the network."""

from __future__ import annotations

import cv2
import pytest
from threadpoolctl import threadpool_info

from vit_perception.evaluation.rows.one_thread import one_thread


def _threads() -> list[int]:
    blas = [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]
    return [cv2.getNumThreads(), *blas]


def test_libraries_keep_to_one_thread_and_get_theirs_back() -> None:
    before = _threads()
    with pytest.raises(RuntimeError), one_thread():
        assert set(_threads()) == {1}
        raise RuntimeError
    assert _threads() == before
