# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A recording played to the real node in a process of its own, over DDS."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy")
pytest.importorskip("vision_msgs")

from vit_perception.bundle.samples import COMPRESSED_TOPIC
from vit_perception.ros.playing.detector_process import DetectorProcessError
from vit_perception.ros.realtime.realtime import measure_realtime
from vit_perception.ros.realtime.result import Realtime
from vit_perception.ros.realtime.streaming import realtime_entry

from ...bags.squares import record_squares
from ...processes.living import children, living_after_a_while
from ..bench import Bench, values
from .recorded import NAMES, look, toy_run

pytestmark = pytest.mark.ros

ROOT = Path(__file__).resolve().parents[3]
COUNT = 24
SECONDS = 0.35
SLOW_NODE = (sys.executable, str(Path(__file__).with_name("slow_node.py")), str(SECONDS))


def test_a_slow_engine_costs_accuracy_and_the_account_is_the_nodes(
    bench: Bench, tmp_path: Path, toy_bundle_dir: Path
) -> None:
    # The red square moves every fourth picture.
    bag = record_squares(tmp_path / "bag", count=COUNT, hold=4)
    looked = look(bag, toy_bundle_dir)
    run = toy_run(toy_bundle_dir)
    before = dict(os.environ)

    def measured(*command: str) -> tuple[Realtime, dict[str, str]]:
        heard = bench.collect_diagnostics()
        chosen = {"command": command} if command else {}
        seen = measure_realtime(
            *(bag, COMPRESSED_TOPIC, run, NAMES, 1.0, tmp_path / "out"),
            looked_at=looked,
            domain=bench.domain,
            **chosen,
        )
        frames = [s for m in heard for s in m.status if s.name == "detector: frames"]
        return seen, values(frames[-1])

    fast, fast_said = measured()
    slow, slow_said = measured(*SLOW_NODE)
    assert dict(os.environ) == before
    entries = []
    for seen, said in ((fast, fast_said), (slow, slow_said)):
        entry = realtime_entry(seen, run, NAMES)
        assert entry["received"] == int(said["frames.received"])
        assert entry["published"] == int(said["frames.published"])
        assert sum(entry["dropped"].values()) == int(said["frames.dropped"])
        for cause, count in seen.account.dropped.items():
            assert count == int(said[f"frames.dropped.{cause}"]) == entry["dropped"].get(cause, 0)
        assert seen.account.pending == int(said["frames.pending"]) == 0
        assert seen.played == seen.pictures == COUNT
        assert seen.played == entry["received"] + entry["lost"]["to_node"]
        assert entry["published"] == seen.arrived + entry["lost"]["from_node"]
        assert len(seen.latency_ms) == seen.arrived
        assert len(seen.offline) == len(seen.streaming) == COUNT
        entries.append(entry)
    assert fast.account.published > COUNT // 2
    assert slow.account.dropped["replaced"] > COUNT // 2
    # Offline every square is found; live, red is where it was a picture ago, or many.
    for figure in ("AP50", "f1"):
        with_gate, without = (each["streaming"][figure] for each in reversed(entries))
        assert entries[0]["offline"][figure] == entries[1]["offline"][figure] == 1
        assert with_gate < without - 0.1
    assert float(np.median(slow.latency_ms)) > 1000 * SECONDS
    why = " ".join(entries[1]["why"])
    assert f"AP50 1.000 offline, {entries[1]['streaming']['AP50']:.3f} in real time" in why
    replaced = slow.account.dropped["replaced"]
    assert re.search(r"the node takes [3-9]\d\d ms a frame \(inference [3-9]\d\d ms, ", why)
    assert f"every 100 ms: {replaced} of {COUNT} pictures were replaced by a newer one" in why
    age = int(re.findall(r"a result is on average (\d+) ms old when a truth is due", why)[0])
    assert age > 1000 * SECONDS
    assert re.search(r"things moved [1-9]\d* px in that time", why)


# An hour passes between the two pictures.
PROGRAM = """
import sys
from pathlib import Path
from test.ros.realtime.recorded import NAMES, toy_run
from vit_perception.bundle.samples import COMPRESSED_TOPIC
from vit_perception.ros.playing.detector_process import DetectorProcessError
from vit_perception.ros.realtime.realtime import measure_realtime
bag, bundle, out = map(Path, sys.argv[1:])
try:
    measure_realtime(bag, COMPRESSED_TOPIC, toy_run(bundle), NAMES, 1.0, out, looked_at=[])
except DetectorProcessError as error:
    sys.exit(f"failed: {error}")
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize("who", ["program", "node"])
def test_an_end_in_the_middle_ends_player_and_node(
    who: str, tmp_path: Path, toy_bundle_dir: Path
) -> None:
    bag = record_squares(tmp_path / "bag", count=2, period=3_600_000_000_000)
    words = [str(bag), str(toy_bundle_dir), str(tmp_path / "out")]
    log = tmp_path / "out" / "detector.log"
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words], cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as program:
        while not (log.exists() and "ready" in log.read_text()):
            assert program.poll() is None, program.communicate()
            time.sleep(0.01)
        nodes = children(program.pid)
        assert len(nodes) == 1
        if who == "program":
            program.send_signal(signal.SIGINT)
        else:
            os.kill(nodes[0], signal.SIGKILL)
        _, said = program.communicate(timeout=60)
    assert "Traceback" not in said
    assert living_after_a_while(nodes) == set()
    if who == "program":
        assert (program.returncode, said) == (130, "")
    else:
        assert program.returncode == 1
        assert said.startswith("failed: detector: the process ended: ")


def test_what_cannot_be_measured_is_refused_before_anything_starts(
    tmp_path: Path, toy_bundle_dir: Path
) -> None:
    bag = record_squares(tmp_path / "bag", count=1)
    run = toy_run(toy_bundle_dir)
    for topic, rate, line in (
        ("/other", 1.0, "expected image topic /other, found"),
        (COMPRESSED_TOPIC, 0.0, "rate: expected 0.001 to 1000, found 0"),
    ):
        with pytest.raises(ValueError, match=line):
            measure_realtime(bag, topic, run, NAMES, rate, tmp_path / "out", looked_at=[])
    assert not (tmp_path / "out").exists()


def test_a_node_that_cannot_start_says_why(tmp_path: Path) -> None:
    bag = record_squares(tmp_path / "bag", count=1)
    run = toy_run(tmp_path / "absent")
    with pytest.raises(DetectorProcessError, match="absent: expected a bundle"):
        measure_realtime(bag, COMPRESSED_TOPIC, run, NAMES, 1.0, tmp_path / "out", looked_at=[])
