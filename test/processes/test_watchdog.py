# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A process whose main thread is inside a library ends all the same."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from vit_perception.processes.watchdog import ending_when_stuck

from ..toy_bundle import write_toy_bundle
from ..toy_loops import loops_always

ROOT = Path(__file__).resolve().parents[2]
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]

CHANGED = [*SIGNALS, signal.SIGURG]

BEGIN = """
import sys, time
from vit_perception.processes.signals import raising_terminated
from vit_perception.processes.watchdog import ending_when_stuck
with raising_terminated(), ending_when_stuck("interrupted", ended_within={ended_within}):
    print("half a result", end="")
"""
ENDLESS_RUN = """
    from vit_perception.bundle.bundle import Bundle
    from vit_perception.perceiver.perceiver import Perceiver
    perceiver = Perceiver(Bundle.load({bundle!r}))
    print("begun", file=sys.stderr, flush=True)
    perceiver.warm_up()
"""
LONG_TIDYING = """
    try:
        print("begun", file=sys.stderr, flush=True)
        time.sleep(60)
    finally:
        time.sleep(3)
        print(" and all tidied up", end="")
"""
ENDLESS_TIDYING = """
    try:
        print("begun", file=sys.stderr, flush=True)
        time.sleep(60)
    finally:
        while True:
            time.sleep(60)
"""


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a bundle whose graph never ends."""
    directory = tmp_path_factory.mktemp("bundles") / "endless"
    write_toy_bundle(directory, graphs={"fp32": loops_always()})
    return str(directory)


def told(
    number: int, program: str, after: Callable[[], None], **values: object
) -> tuple[int, str, str, float]:
    """What becomes of a program that gets a signal: status, stdout, stderr and seconds."""
    text = (BEGIN + program).format(**{"ended_within": 8.0, **values})
    process = subprocess.Popen(
        [sys.executable, "-c", text],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "begun\n"
    after()
    begin = time.monotonic()
    process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    return process.returncode, output, errors, time.monotonic() - begin


@pytest.mark.parametrize("number", SIGNALS)
def test_an_endless_run_ends(number: signal.Signals, endless: str) -> None:
    # When it has begun cannot be seen from outside.
    found = told(number, ENDLESS_RUN, lambda: time.sleep(1), bundle=endless)
    status, output, errors, seconds = found
    assert (status, output) == (128 + number, "half a result")
    assert errors.splitlines()[-1] == "interrupted"
    assert seconds < 2.5


@pytest.mark.parametrize("number", SIGNALS)
def test_what_tidies_up_may_take_its_time(number: signal.Signals) -> None:
    status, output, errors, seconds = told(number, LONG_TIDYING, lambda: None)
    assert output == "half a result and all tidied up"
    assert "interrupted" not in errors.splitlines()
    assert (status != 0) and seconds >= 3


def test_but_not_for_ever() -> None:
    found = told(signal.SIGINT, ENDLESS_TIDYING, lambda: None, ended_within=3.0)
    status, output, errors, seconds = found
    assert (status, output) == (130, "half a result")
    assert errors.splitlines() == ["interrupted"]
    assert 3 <= seconds < 6


def test_handlers_are_as_before_when_the_block_has_ended() -> None:
    before = [signal.getsignal(number) for number in CHANGED]
    # What a callback of the collector raises, such as those of hypothesis, goes no further.
    gc.disable()
    try:
        with ending_when_stuck("interrupted"), pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
            time.sleep(60)
    finally:
        gc.enable()
    assert [signal.getsignal(number) for number in CHANGED] == before
    assert signal.set_wakeup_fd(-1) == -1
    for thread in threading.enumerate():
        if thread.name == "watchdog":
            thread.join(30)
            assert not thread.is_alive()
