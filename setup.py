# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Packaging for colcon (ament_python) and pip."""

from __future__ import annotations

from pathlib import Path

from setuptools import find_packages, setup

NAME = "vit_perception"
ROOT = Path(__file__).resolve().parent
SHARE = f"share/{NAME}"


def shared_files() -> list[tuple[str, list[str]]]:
    """What goes to share/vit_perception, folder by folder."""
    files = [
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (SHARE, ["package.xml", "LICENSE"]),
    ]
    for top in ("launch", "config", "bundles", "samples"):
        folders = (ROOT / top, *sorted(path for path in (ROOT / top).rglob("*") if path.is_dir()))
        for folder in folders:
            # Relative, as colcon builds from a folder of its own that links to this one.
            found = [file for file in sorted(folder.glob("[!._]*")) if file.is_file()]
            names = [str(file.relative_to(ROOT)) for file in found if file.suffix != ".pyc"]
            if names:
                files.append((f"{SHARE}/{folder.relative_to(ROOT)}", names))
    return files


# What runs on a robot. The lower bounds are those that `make test-lowest` tries: the lowest
# that work and, where PyPI has one, the first with a wheel for Python 3.10.
ROBOT = [
    "numpy>=1.21.6",  # arrays everywhere
    "opencv-python-headless>=4.5.5",  # resize, colour, JPEG, NMS; headless: no window system
    "onnxruntime>=1.17",  # runs the graphs of a bundle, and the text encoder
    "scipy>=1.8",  # rotations, hulls and assignment: places in space, tracks
    "PyYAML>=6.0",  # bundle.yaml
    "tokenizers>=0.20.3",  # words to the text encoder's input, for names a bundle does not know
    "safetensors>=0.4",  # reads the text encoder's weights, and the checkpoints of a training
    "rosbags>=0.11.9",  # types and messages of recordings without ROS; brings lz4 and zstd
    "rich>=12.6",  # progress bars and tables of the command line
    "pycocotools>=2.0.7",  # masks as COCO run lengths in files and reports
]
EVALUATE = [
    "hotcoco>=1.3",  # average precision, kinds of errors, calibration; needs numpy alone
    "jinja2>=3.1",  # the report
    "optuna>=3.6",  # searches thresholds
    "threadpoolctl>=3.1",  # keeps numpy's products to one thread beside the network
    "defusedxml>=0.7.1",  # reads CVAT's XML from outside, without entities that grow for ever
]
FLEET = [
    "ray>=2.40",  # spreads the recordings of an evaluation over a cluster
]
SCENES = [
    "mujoco>=3.2",  # renders the tabletop scenes
    "pillow>=10",  # reads the textures
]
WORKSHOP = [
    "torch==2.13.0",  # the Makefile installs it first, so that a CPU build stays one
    "onnx>=1.16",  # writes the graphs
    "onnxruntime>=1.22",  # quantizes them; older ones leave pairs between eight-bit operators
    "torchvision==0.28.0",  # timm needs it; this one belongs to that torch
    "timm>=1.0.31",  # backbones, and the interface of ours
    "transformers>=5",  # the text encoder of training, and what ours is compared with
    "matplotlib>=3.7",  # the curves of a training
    "networkx>=3.0",  # the tree of DependencyViT; torch brings it
]
TEST = [
    "pytest>=8",
    "pytest-xdist>=3.5",  # tests on both cores
    "pytest-timeout>=2.3",  # a node that hangs ends one test, not the run
    "hypothesis>=6.100",  # input from outside: property tests
    "onnx>=1.16",  # writes the toy bundle
    "vit-pytorch>=1.6",  # networks to compare ours with
    "playwright>=1.40",  # looks at reports in Debian's Chromium
    "ruff>=0.12",
    "mypy>=1.15",
    "types-PyYAML>=6.0",
    "import-linter>=2.1",
]
DOCS = [
    "sphinx>=7",  # builds the pages of doc/, as rosdoc2 does
    "myst-parser>=2",  # those pages are in Markdown
]

setup(
    name=NAME,
    version="0.2.0",
    description="Open-vocabulary detection and segmentation for robots",
    license="Apache-2.0",
    author="The vit_perception Authors",
    maintainer="The vit_perception Authors",
    maintainer_email="vit-perception@users.noreply.github.com",
    python_requires=">=3.10",
    packages=find_packages(include=[NAME, f"{NAME}.*"]),
    package_data={
        NAME: [
            "py.typed",
            "text/minilm.onnx",
            "tracking/evidence.onnx",
            "evaluation/report/templates/*",
        ]
    },
    data_files=shared_files(),
    install_requires=ROBOT,
    extras_require={
        "evaluate": EVALUATE,
        "fleet": FLEET,
        "scenes": SCENES,
        "workshop": WORKSHOP,
        "test": TEST,
        "docs": DOCS,
    },
    zip_safe=False,
    entry_points={
        "console_scripts": [
            "detector_node = vit_perception.ros.detector_node:main",
            "localizer_node = vit_perception.ros.localizer_node:main",
            "perception_node = vit_perception.ros.perception_node:main",
            "bag_player = vit_perception.ros.playing.bag_player:main",
            "vit-perception = vit_perception.cli.__main__:program",
        ],
    },
)
