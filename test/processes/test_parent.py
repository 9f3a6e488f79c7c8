# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Processes that end with the one that started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from vit_perception.processes import parent
from vit_perception.processes.parent import end_with_parent, tied

from .living import living_after_a_while

_SLEEP = "import time; time.sleep(600)"
_POPEN = f"""
import subprocess, sys, time
from vit_perception.processes.parent import tied
child = subprocess.Popen(tied([sys.executable, "-c", {_SLEEP!r}], int(sys.argv[1])))
print(child.pid, flush=True)
time.sleep(600)
"""
_FORK = """
import multiprocessing, os, sys, time
from vit_perception.processes import parent
if sys.argv[2] == "elsewhere":
    parent._told_by_kernel = lambda: False
def work():
    parent.end_with_parent()
    print(os.getpid(), flush=True)
    time.sleep(600)
if __name__ == "__main__":
    multiprocessing.get_context(sys.argv[1]).Process(target=work).start()
    time.sleep(600)
"""
_LOADER = """
import os, time
from torch.utils.data import DataLoader
from vit_perception.processes.parent import end_with_parent
class Endless:
    def __len__(self):
        return 1000
    def __getitem__(self, index):
        print(os.getpid(), flush=True)
        time.sleep(600)
list(DataLoader(Endless(), num_workers=1, worker_init_fn=end_with_parent))
"""


def _dies_with_its_parent(script: str, *words: str) -> bool:
    """Runs a script that prints its child's process id, kills it and looks for the child."""
    command = [sys.executable, "-c", script, *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        child = int(run.stdout.readline())
        run.kill()
    return not living_after_a_while([child])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_tied_program_ends_with_its_parent(number: signal.Signals) -> None:
    assert _dies_with_its_parent(_POPEN, str(int(number)))


def test_a_tied_program_is_the_program_itself() -> None:
    script = "import os, signal; print(os.getpid(), signal.getsignal(signal.SIGINT).__name__)"
    with subprocess.Popen(
        tied([sys.executable, "-c", script]), stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        assert run.stdout.read().split() == [str(run.pid), "default_int_handler"]
    assert run.returncode == 0


def test_a_tied_program_does_not_start_after_its_parent() -> None:
    command = tied([sys.executable, "-c", "print(1)"])
    place = command.index(str(os.getpid()))
    command[place] = "1"
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


@pytest.mark.parametrize("system", ["linux", "elsewhere"])
def test_a_forked_process_ends_with_its_parent(system: str) -> None:
    assert _dies_with_its_parent(_FORK, "fork", system)


@pytest.mark.torch
def test_a_loader_of_torch_ends_with_its_parent() -> None:
    pytest.importorskip("torch")
    assert _dies_with_its_parent(_LOADER)


def test_a_process_without_a_parent_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(parent, "_told_by_kernel", lambda: asked.append(True))
    end_with_parent()
    assert asked == []
