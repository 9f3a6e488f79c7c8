# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes the node manual and the files in config/ from what the code says.

    python -m vit_perception.ros.manual                the manual, in Markdown
    python -m vit_perception.ros.manual --write .      into doc/ and config/ of a checkout

Needs no ROS.
"""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vit_perception.parameters.detector import DetectorParameters
from vit_perception.parameters.localizer import LocalizerParameters
from vit_perception.ros.manual import detector, localizer
from vit_perception.ros.manual.interface import DETECTOR, Interface
from vit_perception.ros.manual.localizer import LOCALIZER
from vit_perception.ros.manual.policy import policy
from vit_perception.setting import Setting, settings_of

_WIDTH = 99


@dataclass(frozen=True)
class _Node:
    """What the manual says of one node.

    Attributes:
        name: of the program.
        about: first paragraph.
        interface: its topics and services.
        parameters: the dataclass that declares them.
        live: when a live change takes effect.
        lifecycle, diagnostics: tables of names and meaning.
    """

    name: str
    about: str
    interface: Interface
    parameters: type
    live: str
    lifecycle: Sequence[tuple[str, str]]
    diagnostics: Sequence[tuple[str, str]]

    @property
    def file(self) -> str:
        """Path of its parameters in a checkout."""
        return f"config/{self.name.removesuffix('_node')}.yaml"


_NODES = (
    _Node(
        "detector_node",
        "A lifecycle node named `detector`. Names are relative: remap them. With several "
        "`cameras`, each has topics of its own: the name of the camera and a slash come "
        "before `image` and `camera_info` (`front/image`) and after the `~/` of what is "
        "published (`~/front/detections`), `teach` and `overlay_mouse_left`, and the name "
        "and a space before `input` and `frames` in the diagnostics.",
        DETECTOR,
        DetectorParameters,
        "a change takes effect at the next frame; new names take effect once they are encoded, "
        "another graph once it is open",
        detector.LIFECYCLE,
        detector.DIAGNOSTICS,
    ),
    _Node(
        "localizer_node",
        "A lifecycle node named `localizer` that gives what a detector found its place in space. "
        "It needs depth and the camera's intrinsics, and transforms for results in another frame "
        "than the camera's. Beside a detector in `perception_node` it takes the detector's frames "
        "and detections in the process, and subscribes to none of `detections`, `instances` and "
        "`image`. Several `cameras` have topics of their own, as the detector's.",
        LOCALIZER,
        LocalizerParameters,
        "a change takes effect at the next image",
        localizer.LIFECYCLE,
        localizer.DIAGNOSTICS,
    ),
)


def manual() -> str:
    """Returns doc/nodes.md: the manual of the nodes in Markdown."""
    return "\n".join(
        [
            "<!-- Written from the code by `python -m vit_perception.ros.manual --write .` -->",
            "",
            "# Nodes",
            "",
            *_paragraph(
                "`detector_node` finds named things in the images of one camera or several. "
                "`localizer_node` gives them their places in space by depth. "
                "`perception_node` runs several of them in one process, each under a name of "
                "its own: `perception_node detector tools localizer` is two detectors and a "
                "localizer of the first, `localizer=tools` one of the second. "
                "[On a robot](robot.md) says how to start them."
            ),
            *(line for node in _NODES for line in _chapter(node)),
        ]
    )


def _chapter(node: _Node) -> list[str]:
    """Returns the part of the manual about one node, as lines that end with an empty one."""
    tables = node.interface
    services = (
        _section("Services", map(_interface_entry, tables.services)) if tables.services else []
    )
    return [
        f"## {node.name}",
        "",
        *_paragraph(node.about),
        *_section(
            "Subscribed topics", map(_interface_entry, (*tables.subscribed, *tables.commands))
        ),
        *_section("Published topics", map(_interface_entry, tables.published)),
        *services,
        *_section("Lifecycle", (f"**{name}**: {meaning}" for name, meaning in node.lifecycle)),
        *_section(
            "Parameters",
            map(_parameter_entry, settings_of(node.parameters).values()),
            f"*live*: {node.live}. *configure*: read by that transition; may be set while the "
            "node is not active. *start*: read when the node starts. A change is taken as a whole "
            f"or refused with a reason. `{node.file}` holds every parameter with its default.",
        ),
        *_section(
            "Diagnostics",
            (f"`{keys.replace(', ', '`, `')}`: {meaning}" for keys, meaning in node.diagnostics),
            "Keys of the entries on `/diagnostics`.",
        ),
    ]


def _config(node: _Node) -> str:
    """Returns every parameter of a node with its default, as a parameter file."""
    lines = [
        f"# Every parameter of {node.name} with its default.",
        "# Written by `python -m vit_perception.ros.manual --write .`",
        "/**:",
        "  ros__parameters:",
    ]
    for spec in settings_of(node.parameters).values():
        notes = [spec.kind, *([spec.allowed] if spec.allowed else []), _when(spec)]
        lines += textwrap.wrap(
            f"{spec.description} ({'; '.join(notes)})",
            width=95,
            initial_indent="    # ",
            subsequent_indent="    # ",
        )
        lines.append(f"    {spec.name}: {_value(spec)}")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the manual, or writes it and the files in config/ into a checkout."""
    parser = argparse.ArgumentParser(
        prog="python -m vit_perception.ros.manual", description="The manual of the nodes."
    )
    parser.add_argument(
        "--write", metavar="CHECKOUT", type=Path, help="update doc/nodes.md and config/"
    )
    checkout: Path | None = parser.parse_args(arguments).write
    if checkout is None:
        print(manual(), end="")
        return 0
    try:
        for name, text in written().items():
            (checkout / name).write_text(text, encoding="utf-8")
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


def written() -> dict[str, str]:
    """Returns the text of each generated file, by its path in a checkout."""
    return {
        "doc/nodes.md": manual(),
        **{node.file: _config(node) for node in _NODES},
        "config/sros2_policy.xml": policy(),
    }


def _section(title: str, entries: Iterable[str], before: str = "") -> list[str]:
    """Returns a heading, a paragraph and a list, as lines that end with an empty one."""
    lines = [f"### {title}", "", *(_paragraph(before) if before else [])]
    for entry in entries:
        lines += _wrapped(entry, "- ", "  ")
    return [*lines, ""]


def _paragraph(text: str) -> list[str]:
    return [*_wrapped(text), ""]


def _wrapped(text: str, first: str = "", further: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=further,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _interface_entry(row: Sequence[str]) -> str:
    names, kinds, meaning = row
    return f"{names} ({kinds}): {meaning}"


def _parameter_entry(spec: Setting) -> str:
    notes = [spec.kind, f"default `{_value(spec)}`", spec.allowed, _when(spec)]
    return f"`{spec.name}` ({'; '.join(filter(None, notes))}): {spec.description}"


def _when(spec: Setting) -> str:
    return "live" if spec.live else "configure" if spec.at_configure else "start"


def _value(spec: Setting) -> str:
    """Returns the default as YAML, in ROS's form."""
    value = spec.default
    return json.dumps((list(value) or [""]) if isinstance(value, tuple) else value)
