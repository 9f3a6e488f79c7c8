# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What `vit-perception evaluate` costs beside the network: time, and memory by length.

The sample recording's messages are repeated at later stamps. The command is run as a user runs it,
report included, in a process of its own.

`time` compares its wall time with that of the network alone, as the command itself measured it in
between, and as it is without anything beside it: measured before and after, and the less counts.
On a busy machine look at the CPU time. `memory` compares the peaks of a short and a long
recording. `bags` measures several recordings by `--jobs`, for the plan of a cluster: with one
thread a worker, CPU seconds a bag are those of a core.

    python benchmarks/evaluation.py time --frames 1000
    python benchmarks/evaluation.py memory --frames 100 5000
    python benchmarks/evaluation.py bags --bags 8 --frames 600 --jobs 2
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from longer_bag import lengthened

from vit_perception.bags.reader import BagReader
from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.paths import find_bundle
from vit_perception.bundle.samples import COMPRESSED_TOPIC, sample_bag
from vit_perception.evaluation.rows.looker import Engine, Looker, run_of
from vit_perception.evaluation.rows.workers import network_threads
from vit_perception.perceiver.settings import Settings
from vit_perception.perceiver.stages import StageTimes

_BARE = 100
"""Passes of the network alone, before and after."""


@dataclass(frozen=True, slots=True)
class Ran:
    """One run of the command.

    Attributes:
        wall: seconds from start to end of the process.
        cpu: seconds of it and of its workers.
        peak: bytes in RAM of the largest of them.
        timing: what it wrote.
    """

    wall: float
    cpu: float
    peak: int
    timing: dict[str, Any]


def main() -> int:
    """Measures and prints."""
    options = parsed()
    given = " ".join(f"--{name} {value}" for name, value in vars(options).items())
    print(f"on {os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.1f}: {given}")
    with tempfile.TemporaryDirectory() as folder:
        {"time": measure_time, "memory": measure_memory, "bags": measure_bags}[options.what](
            Path(folder), options
        )
    print(f"load average {os.getloadavg()[0]:.1f}")
    return 0


def measure_time(folder: Path, options: argparse.Namespace) -> None:
    """Prints wall time and session time of a recording."""
    frames = options.frames[0]
    bag = lengthened(sample_bag(), folder / "long", COMPRESSED_TOPIC, frames)
    before = bare_session(options)
    ran = evaluated([bag], folder / "out", options)
    bare = min(before, bare_session(options))
    session = ran.timing["session_s"]
    [run] = ran.timing["runs"].values()
    print(f"{frames} frames, report included; the command says {ran.timing['wall_s']:.1f} s")
    print(f"wall {1e3 * ran.wall / frames:.1f} ms a frame, CPU {1e3 * ran.cpu / frames:.1f} ms")
    print(f"network {1e3 * session / frames:.1f} ms a frame in between, {1e3 * bare:.1f} ms alone")
    print(f"wall / network: {ran.wall / session:.2f} in between, "
          f"{ran.wall / frames / bare:.2f} alone")  # fmt: skip
    read = ran.timing["shared_ms"]["read"]["p50"]
    stages = {name: each["p50"] for name, each in run["stages_ms"].items()}
    print(f"medians, ms: read and decode {read:.2f}, "
          + ", ".join(f"{name} {value:.2f}" for name, value in stages.items()))  # fmt: skip


def measure_memory(folder: Path, options: argparse.Namespace) -> None:
    """Prints the peaks of recordings of some lengths."""
    for frames in options.frames:
        bag = lengthened(sample_bag(), folder / f"long{frames}", COMPRESSED_TOPIC, frames)
        ran = evaluated([bag], folder / f"out{frames}", options)
        print(f"{frames} frames: peak {ran.peak / 2**20:.0f} MiB, {ran.wall:.0f} s")


def measure_bags(folder: Path, options: argparse.Namespace) -> None:
    """Prints what a recording and a worker take, where there are several."""
    frames, count = options.frames[0], options.bags
    bags = [
        lengthened(sample_bag(), folder / f"bag{number}", COMPRESSED_TOPIC, frames)
        for number in range(count)
    ]
    ran = evaluated(bags, folder / "out", options)
    cpu = ran.cpu / count
    size = sum(each.stat().st_size for each in (folder / "out").rglob("*") if each.is_file())
    print(f"{count} bags of {frames} frames, {options.jobs} workers: {ran.wall:.0f} s")
    print(f"a bag: CPU {cpu:.1f} s, so {3600 / cpu:.0f} an hour and core")
    print(f"the largest process: {ran.peak / 2**20:.0f} MiB; results {size / count / 2**20:.1f} "
          "MiB a bag")  # fmt: skip


def evaluated(bags: list[Path], out: Path, options: argparse.Namespace) -> Ran:
    """Runs the command."""
    command = [sys.executable, "-m", "vit_perception.cli", "evaluate", *map(str, bags)]
    command += ["--bundle", options.bundle, "--precision", options.precision, "--out", str(out)]
    command += ["--threads", str(options.threads), "--jobs", str(options.jobs)]
    began = time.monotonic()
    # Its output and errors come here.
    process = os.posix_spawn(sys.executable, command, os.environ)
    _, status, used = os.wait4(process, 0)
    wall = time.monotonic() - began
    if status:
        raise SystemExit(f"expected the command to end well, found status {status}")
    timing = json.loads((out / "timing.json").read_bytes())
    return Ran(wall, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, timing)


def bare_session(options: argparse.Namespace) -> float:
    """Returns seconds of the network alone on a picture: the median of some passes."""
    directory = find_bundle(options.bundle)
    names = Bundle.load(directory).default_names
    run = run_of("bare", directory, options.precision, names, Settings())
    threads = network_threads(Engine(threads=options.threads))
    looker = Looker(run, names, Engine(threads=threads))
    with BagReader(sample_bag()) as bag:
        _, frame = next(bag.frames())
    seconds = []
    for _ in range(_BARE):
        laid, stages = looker.lay(frame, StageTimes()), StageTimes()
        looker.see(laid, stages)
        seconds.append(stages.seconds["inference"])
    return float(np.median(seconds))


def parsed() -> argparse.Namespace:
    """Returns the options of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=("time", "memory", "bags"))
    parser.add_argument("--frames", type=int, nargs="+", default=[1000], help="of a recording")
    parser.add_argument("--bags", type=int, default=8)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--bundle", default="tabletop_nano")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--threads", type=int, default=0, help="of the engine")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
