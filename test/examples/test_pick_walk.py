# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The README's walk to a grasp, as it is written, on the sample recording."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from vit_perception.bags.true_places import read_true_places
from vit_perception.bundle.samples import GROUND_TRUTH_3D_TOPIC, sample_bag

from ..ros.domain import own_domain

pytestmark = pytest.mark.ros
ROOT = Path(__file__).resolve().parents[2]
GRASPS = 3
PATIENCE = 120


def commands() -> list[list[str]]:
    """The three commands, with this environment's programs in place of those in .venv."""
    section = (ROOT / "README.md").read_text(encoding="utf-8")
    section = section[section.index("### Where it is, and how to take it") :]
    block = section[: section.index("The last one prints")]
    text = "\n".join(line[4:] for line in block.splitlines() if line.startswith("    "))
    lines = text.replace("\\\n", " ").splitlines()
    programs = Path(sys.executable).parent
    return [
        [re.sub(r"^\.venv/bin", str(programs), word) for word in shlex.split(line)]
        for line in lines
    ]


def test_it_ends_with_grasps_where_a_mug_is(tmp_path: Path) -> None:
    player, nodes, planner = commands()
    with own_domain() as domain, ExitStack() as running:
        environment = {
            **os.environ,
            "ROS_DOMAIN_ID": str(domain),
            "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
            "ROS_LOG_DIR": str(tmp_path),
        }
        for command in (player, nodes):
            process = subprocess.Popen(command, cwd=ROOT, env=environment)
            running.callback(process.wait, PATIENCE)
            running.callback(process.send_signal, signal.SIGINT)
        planner.insert(planner.index("--ros-args"), f"--count={GRASPS}")
        found = subprocess.run(
            planner, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, timeout=PATIENCE
        )
    assert found.returncode == 0
    lines = found.stdout.splitlines()
    assert len(lines) == GRASPS
    truth = read_true_places(sample_bag(), GROUND_TRUTH_3D_TOPIC, "world")
    mugs = np.concatenate(
        [
            moment.boxes.objects.centres[[name == "mug" for name in moment.boxes.names]]
            for moment in truth.values()
        ]
    )
    grasps = [
        re.search(r"^mug ?\d* in world, metres: position \[([^\]]+)\]", line) for line in lines
    ]
    assert all(grasps), found.stdout
    places = np.array([grasp[1].split() for grasp in grasps if grasp], np.float64)
    away = np.linalg.norm(places[:, None] - mugs[None], axis=2).min(axis=1)
    # The model calls other things mugs as well, now and then.
    assert np.median(away) < 0.03
    down = re.findall(r"approach \[([^\]]+)\]", found.stdout)
    assert all(float(each.split()[2]) < -0.99 for each in down)
