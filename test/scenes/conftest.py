# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from test.scenes.pack import write_pack

_PROBE = """
import os
os.environ.setdefault("MUJOCO_GL", "osmesa")
import mujoco
model = mujoco.MjModel.from_xml_string("<mujoco><worldbody><geom size='1'/></worldbody></mujoco>")
context = mujoco.GLContext(8, 8)
context.make_current()
mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100.value).free()
context.free()
"""


@pytest.fixture(scope="session")
def rendering() -> None:
    """Skip where no picture can be rendered: tried in a process of its own, since it may abort."""
    tried = subprocess.run(
        [sys.executable, "-c", _PROBE], capture_output=True, text=True, timeout=60, check=False
    )
    if tried.returncode:
        reason = tried.stderr.strip().splitlines()[-1:] or [f"exit status {tried.returncode}"]
        pytest.skip(f"MuJoCo cannot render here: {reason[0]}")


@pytest.fixture(scope="session")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny asset folder; read only."""
    return write_pack(tmp_path_factory.mktemp("assets"))
