# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import time

import pytest

from vit_perception.scenes.workers import WorkerError, in_processes


def test_every_task_comes_with_its_result() -> None:
    assert dict(in_processes(abs, [-3, -1, 2], 2)) == {-3: 3, -1: 1, 2: 2}


def test_a_process_that_is_killed_is_told_in_one_line() -> None:
    with pytest.raises(WorkerError, match="found one ended: perhaps memory ran out") as told:
        list(in_processes(os._exit, [1], 1))
    assert "\n" not in str(told.value)


def test_left_early_it_does_not_do_all_that_waits() -> None:
    """Sixty tasks of half a second take 15 s on two workers; an error ends them at once."""
    began = time.monotonic()
    with pytest.raises(TypeError):
        for task, _ in in_processes(time.sleep, [0.5, "?", *[0.5] * 60], 2):
            assert task == 0.5
    assert time.monotonic() - began < 10
