# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Kills every long command at random moments, begins it again, and compares what it made.

Each kill is one of: SIGKILL of the command alone, SIGKILL of it and its workers, SIGTERM, SIGINT.
After each, nothing may go on running, and what stands under a final name has to be as the
command leaves it. After the command has run again, the result has to be that of a run without a
kill, and nothing else may be left. The same seed gives the same moments as shares of a run.

    python benchmarks/torture.py --kills 50 --seed 1
    python benchmarks/torture.py --only train scenes --kills 5
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from torture_case import Case
from torture_cases import CASES as ROBOT
from torture_workshop import CASES as WORKSHOP

CASES = ROBOT + WORKSHOP
_PATIENCE = 300
# A command that is told to end, and the workers of one that is killed, have so long.
_GRACE = 5.0
# A kill that comes too late is tried again, earlier.
_TRIES = 5
_WAYS = ("SIGKILL of one", "SIGKILL of all", "SIGTERM", "SIGINT")


def main() -> int:
    """Kills, begins again, compares and prints; returns 1 if anything was amiss."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50, help="of each command (50)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=[case.name for case in CASES])
    options = parser.parse_args()
    # A shell's background ignores SIGINT, and what is started there would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    table = Table("command", "seconds", "kills", "in time", "amiss", title=f"seed {options.seed}")
    amiss = 0
    for index, case in enumerate(CASES):
        if options.only and case.name not in options.only:
            continue
        with tempfile.TemporaryDirectory(prefix="torture_") as folder:
            rng = np.random.default_rng([options.seed, index])
            seconds, hits, wrong = torture(case, Path(folder), options.kills, rng)
        for line in wrong:
            print(f"{case.name}: {line}", flush=True)
        table.add_row(case.name, f"{seconds:.1f}", str(options.kills), str(hits), str(len(wrong)))
        amiss += len(wrong)
        Console().print(f"{case.name}: {hits} of {options.kills} in time, {len(wrong)} amiss")
    Console().print(table)
    return 1 if amiss else 0


def torture(
    case: Case, folder: Path, kills: int, rng: np.random.Generator
) -> tuple[float, int, list[str]]:
    """Returns the seconds of a whole run, how many kills met one, and what was amiss."""
    inputs = folder / "inputs"
    inputs.mkdir()
    case.arrange(inputs)
    seconds, expected = _reference(case, inputs, folder / "reference")
    hits, wrong = 0, []
    for number in range(kills):
        out = folder / f"run{number}"
        way, share = str(rng.choice(_WAYS)), float(rng.random())
        for _ in range(_TRIES):
            shutil.rmtree(out, ignore_errors=True)
            case.begin(inputs, out)
            before = case.fingerprint(out)
            said = f"kill {number} ({way} after {share * seconds:.2f} s of {seconds:.2f})"
            took, faults = _killed(case, inputs, out, way, share * seconds)
            if took is None or faults:
                break
            seconds = took  # the machine has less to do now
        hits += took is None
        after = case.fingerprint(out)
        faults += [
            f"{name} is neither old nor new after the kill"
            for name, content in after.items()
            if name in expected
            and not case.is_growing(name)
            and content not in (expected[name], before.get(name))
        ]
        if not (case.once and after == expected):
            ended = _run(case, inputs, out)
            faults += [f"the second run ended with {ended}"] if ended else []
        found = case.fingerprint(out)
        faults += [f"{name} differs" for name in expected if found.get(name) != expected[name]]
        faults += [f"{name} is left" for name in found.keys() - expected.keys()]
        wrong += [f"{said}: {fault}" for fault in faults]
        shutil.rmtree(out, ignore_errors=True)
    return seconds, hits, wrong


def _reference(case: Case, inputs: Path, out: Path) -> tuple[float, dict[str, str]]:
    """Returns the time and the result of a run; two runs have to agree."""
    results = []
    for number in range(2):
        place = out.with_name(f"{out.name}{number}")
        case.begin(inputs, place)
        start = time.monotonic()
        ended = _run(case, inputs, place)
        seconds = time.monotonic() - start
        if ended:
            raise SystemExit(f"{case.name}: expected a run without a kill to do, found {ended}")
        results.append(case.fingerprint(place))
    if results[0] != results[1] or not results[0]:
        names = [n for n in results[0] if results[0][n] != results[1].get(n)]
        raise SystemExit(f"{case.name}: expected two runs to agree, found other bytes in {names}")
    return seconds, results[0]


def _run(case: Case, inputs: Path, out: Path) -> str:
    """Returns "" if the command did its work, else its status and last words."""
    done = subprocess.run(
        case.command(inputs, out),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        timeout=_PATIENCE,
        env=case.environment(inputs),
        check=False,
    )
    last = done.stderr.strip().splitlines()[-1:]
    return f"{done.returncode}: {' '.join(last)}" if done.returncode else ""


def _killed(
    case: Case, inputs: Path, out: Path, way: str, moment: float
) -> tuple[float | None, list[str]]:
    """Returns how long the command took, None if the kill met it, and what was amiss then."""
    start = time.monotonic()
    process = subprocess.Popen(
        case.command(inputs, out),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=case.environment(inputs),
        start_new_session=True,
    )
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=moment)
    took = None if process.poll() is None else time.monotonic() - start
    with suppress(ProcessLookupError):
        if way == "SIGKILL of all":
            os.killpg(process.pid, signal.SIGKILL)
        elif way == "SIGKILL of one":
            process.kill()
        else:
            process.send_signal(getattr(signal, way))
    faults = []
    try:
        process.wait(timeout=_GRACE)
    except subprocess.TimeoutExpired:
        faults.append(f"did not end within {_GRACE} s")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    deadline = time.monotonic() + _GRACE
    while (left := _session(process.pid)) and time.monotonic() < deadline:
        time.sleep(0.02)
    if left:
        faults.append(f"{dict(Counter(left.values()))} go on")
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    return took, faults


def _session(session: int) -> dict[int, str]:
    """Returns the names of the living processes of a session by their ids."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError):
            name, _, rest = stat.read_text().rpartition(") ")
            fields = rest.split()
            if int(fields[3]) == session and fields[0] not in "ZX":
                found[int(stat.parent.name)] = name.partition("(")[2]
    return found


if __name__ == "__main__":
    sys.exit(main())
