# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Work in several processes, and how they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vit_perception.processes.pool import WorkerError, in_processes

from .living import living_after_a_while
from .work import refuse

# Two workers hold a file each, until they are ended.
_RUN = """
import sys
from pathlib import Path
from test.processes.work import hold
from vit_perception.processes.pool import in_processes
from vit_perception.processes.signals import Terminated, raising_terminated
if __name__ == "__main__":
    tasks = [Path(sys.argv[1]) / str(number) for number in range(8)]
    try:
        with raising_terminated():
            list(in_processes(hold, tasks, 2))
    except Terminated as error:
        sys.exit(error.status)
    except KeyboardInterrupt:
        sys.exit(130)
"""


def test_every_task_comes_with_its_result() -> None:
    assert dict(in_processes(abs, [-3, -1, 2], 2)) == {-3: 3, -1: 1, 2: 2}


def test_a_process_that_is_killed_is_told_in_one_line() -> None:
    with pytest.raises(WorkerError, match="found one ended: perhaps memory ran out") as told:
        list(in_processes(os._exit, [1], 1))
    assert "\n" not in str(told.value)


def test_left_early_it_ends_what_is_in_hand(capfd: pytest.CaptureFixture[str]) -> None:
    """Tasks of a minute; an error ends them at once."""
    began = time.monotonic()
    with pytest.raises(TypeError):
        for task, _ in in_processes(time.sleep, ["?", *[60.0] * 60], 2):
            assert task == 60
    assert time.monotonic() - began < 20
    assert capfd.readouterr().err == ""


def test_an_error_at_the_start_of_a_process_is_raised(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="not today"):
        list(in_processes(abs, [1, 2, 3], 2, start=refuse, start_arguments=("not today",)))
    said = capfd.readouterr().err
    assert "not today" not in said
    # A process that is still starting may find the pool's own queue closed, and CPython says so.
    assert said == "" or said.rstrip().endswith("EOFError: Ran out of input")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
@pytest.mark.parametrize("whole_group", [False, True])
def test_workers_end_with_their_parent(
    tmp_path: Path, number: signal.Signals, whole_group: bool
) -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", _RUN, str(tmp_path)],
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    with run:
        while len(held := [path for path in tmp_path.iterdir() if path.read_text()]) < 2:
            assert run.poll() is None
        workers = [int(path.read_text()) for path in held]
        if whole_group:
            os.killpg(run.pid, number)
        else:
            run.send_signal(number)
        try:
            _, said = run.communicate(timeout=30)
        finally:
            run.kill()  # if it goes on, else the context would wait for it
    assert living_after_a_while(workers) == set()
    if number == signal.SIGKILL:
        assert run.returncode == -signal.SIGKILL
        return
    if not (whole_group and number in (signal.SIGTERM, signal.SIGHUP)):
        # Otherwise the parent may hear of a worker's end before its own signal.
        assert (run.returncode, said) == (128 + number, "")
    if number != signal.SIGHUP or not whole_group:
        assert list(tmp_path.iterdir()) == []
