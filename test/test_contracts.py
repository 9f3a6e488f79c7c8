# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The robot side runs without torch, all but one room without ROS, and packaging is of a piece.

import-linter (`make lint`) reads the imports; here they are run.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

import vit_perception

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "vit_perception"
# Rooms that may need torch or MuJoCo, and are not on a robot.
WORKSHOP = {"compression", "export", "models", "scenes", "training"}
ROS = {"ros"}
COMMAND_LINE = {"cli"}
HEAVY = ("mujoco", "timm", "torch", "torchvision", "transformers")
ROS_MODULES = ("rclpy", "sensor_msgs", "vision_msgs")


def rooms() -> set[str]:
    """Every module and folder directly under vit_perception/."""
    files = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    return files | {path.parent.name for path in PACKAGE.glob("*/__init__.py")}


def modules_of(names: set[str]) -> list[str]:
    """Dotted names of all modules in these rooms."""
    files = [file for file in PACKAGE.rglob("*.py") if file.relative_to(PACKAGE).parts[0] in names]
    files += [PACKAGE / f"{name}.py" for name in names if (PACKAGE / f"{name}.py").is_file()]
    dotted = (".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files)
    return sorted(name.removesuffix(".__init__") for name in dotted)


def loaded_by(modules: list[str], watched: tuple[str, ...]) -> list[str]:
    """Which of the watched modules a new Python has in memory after importing `modules`."""
    code = (
        "import importlib, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        f"print(*[name for name in {watched!r} if name in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    return result.stdout.split()


def test_robot_rooms_load_neither_torch_nor_ros() -> None:
    modules = modules_of(rooms() - WORKSHOP - ROS)
    assert "vit_perception.perceiver.perceiver" in modules
    assert "vit_perception.cli.__main__" in modules
    assert loaded_by(modules, HEAVY + ROS_MODULES) == []


@pytest.mark.ros
def test_ros_room_loads_no_torch() -> None:
    pytest.importorskip("rclpy")
    pytest.importorskip("vision_msgs")
    modules = modules_of(ROS)
    assert "vit_perception.ros.detector_node" in modules
    assert loaded_by(modules, HEAVY) == []


def test_perceiver_works_where_torch_cannot_be_imported(toy_bundle_dir: Path) -> None:
    code = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({HEAVY + ROS_MODULES!r}))\n"
        "import numpy as np\n"
        "from vit_perception.bundle.bundle import Bundle\n"
        "from vit_perception.frame import Frame\n"
        "from vit_perception.perceiver.perceiver import Perceiver\n"
        "image = np.full((64, 96, 3), 90, np.uint8)\n"
        "image[20:40, 20:40] = (255, 0, 0)\n"
        "perceiver = Perceiver(Bundle.load(sys.argv[1]))\n"
        "found = perceiver(Frame(image))\n"
        "print(*sorted({found.class_name(i) for i in range(len(found))}))"
    )
    command = [sys.executable, "-c", code, str(toy_bundle_dir)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["red"]


def test_one_version_everywhere() -> None:
    package = ElementTree.parse(ROOT / "package.xml").getroot()
    setup = re.search(r'version="([^"]+)"', (ROOT / "setup.py").read_text(encoding="utf-8"))
    assert setup is not None
    assert package.findtext("version") == setup.group(1) == vit_perception.__version__


def test_every_python_file_names_its_licence() -> None:
    header = "# Copyright 2026 The vit_perception Authors\n# SPDX-License-Identifier: Apache-2.0\n"
    folders = ("vit_perception", "test", "launch", "underlay", "benchmarks", "doc", "examples")
    files = [
        ROOT / "setup.py",
        *(file for name in folders for file in (ROOT / name).rglob("*.py")),
    ]
    assert len(files) > 50
    texts = {str(file.relative_to(ROOT)): file.read_text(encoding="utf-8") for file in files}
    assert [name for name, text in texts.items() if not text.startswith(header)] == []
