# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Long tasks in several processes: killed ones are begun again, and all end with their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from vit_perception.processes.crew import ATTEMPTS, in_crew
from vit_perception.processes.pool import WorkerError

from .living import living_after_a_while
from .work import first_of_pid, hold_file, refuse_one, tell_and_die

_RUN = """
import sys
from pathlib import Path
from test.processes.work import hold_file
from vit_perception.processes.crew import in_crew
from vit_perception.processes.signals import Terminated, raising_terminated
if __name__ == "__main__":
    tasks = [Path(sys.argv[1]) / str(number) for number in range(8)]
    try:
        with raising_terminated():
            list(in_crew(hold_file, tasks, 2))
    except Terminated as error:
        sys.exit(error.status)
    except KeyboardInterrupt:
        sys.exit(130)
"""


def test_every_task_comes_with_its_result() -> None:
    found = dict(in_crew(first_of_pid, range(6), 2))
    assert sorted(found) == list(range(6))
    assert 1 <= len(set(found.values())) <= 2 and os.getpid() not in found.values()


def test_a_task_whose_process_is_killed_is_begun_again(tmp_path: Path) -> None:
    told: list[tuple[int, Any]] = []
    tasks = [(tmp_path / "a", 0), (tmp_path / "b", 1), (tmp_path / "c", ATTEMPTS - 1)]
    found = dict(in_crew(tell_and_die, tasks, 2, lambda index, value: told.append((index, value))))
    assert found == {0: "a", 1: "b", 2: "c"}
    assert sorted(told) == [(0, 1), (1, 1), (1, 2), (2, 1), (2, 2), (2, 3)]


def test_a_task_that_kills_all_its_processes_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    tasks = [(tmp_path / str(number), ATTEMPTS if number == 1 else 0) for number in range(4)]
    found = dict(in_crew(tell_and_die, tasks, 1))
    lost = found.pop(1)
    assert found == {0: "0", 2: "2", 3: "3"}
    assert isinstance(lost, WorkerError)
    assert str(lost).startswith(f"expected a worker to finish, found {ATTEMPTS} of them killed")
    assert (tmp_path / "1").read_text() == str(ATTEMPTS)


def test_an_error_is_raised(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="^not three$"):
        list(in_crew(refuse_one, [1, 3], 2))
    with pytest.raises(WorkerError, match="^process [0-9]+: Unpicklable: not and four$"):
        list(in_crew(refuse_one, [4], 1))
    assert capfd.readouterr().err == ""


def test_left_early_it_ends_what_is_in_hand(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """One task tells at once, and what is told ends all; the other holds a file."""

    def leave(index: int, value: Any) -> None:
        while not (tmp_path / "held").exists() or not (tmp_path / "held").read_text():
            time.sleep(0.01)
        raise KeyboardInterrupt

    tasks = [tmp_path / "held", (tmp_path / "a", 0)]
    with pytest.raises(KeyboardInterrupt):
        list(in_crew(_hold_or_tell, tasks, 2, leave))
    assert [each.name for each in tmp_path.iterdir()] == ["a"]
    assert capfd.readouterr().err == ""


def _hold_or_tell(task: Any, tell: Any) -> None:
    if isinstance(task, tuple):
        tell_and_die(task, tell)
    else:
        hold_file(task, tell)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
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
            run.kill()
    assert living_after_a_while(workers) == set()
    if number == signal.SIGKILL:
        assert run.returncode == -signal.SIGKILL
    else:
        assert (run.returncode, said) == (128 + number, "")
        assert list(tmp_path.iterdir()) == []
