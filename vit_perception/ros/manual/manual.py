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
from pathlib import Path

from vit_perception.parameters.detector import DetectorParameters
from vit_perception.ros.frames.accounting import CAUSES
from vit_perception.ros.frames.stamps import ODDITIES
from vit_perception.ros.manual.interface import COMMANDS, PUBLISHED, SERVICES, SUBSCRIBED
from vit_perception.ros.manual.policy import policy
from vit_perception.ros.teaching.account import CAUSES as REFUSALS
from vit_perception.setting import Setting, settings_of

_WIDTH = 99

_LIFECYCLE = (
    (
        "configure",
        "Reads and checks the bundle, opens the engine, encodes the vocabulary, runs the network "
        "once. Fails with the reason in one log line, at the latest after `configure_timeout`.",
    ),
    (
        "activate",
        "Subscribes to the image topics; with `lazy`, only while somebody wants a result.",
    ),
    (
        "deactivate",
        "Unsubscribes at once; the engine stays open. The frame that is being looked at is not "
        "published.",
    ),
    (
        "cleanup",
        "Closes the engine and removes the topics of the results. An engine that does not end "
        "within a second is left behind.",
    ),
)
DIAGNOSTICS = (
    ("input.topic, input.qos, input.publishers", "What is subscribed and who publishes there."),
    ("input.silence_s", "Seconds since the last image."),
    ("input.kept_bytes", "Of images kept for `teach_history`."),
    *((f"stamps.{kind}", f"Number of {what}.") for kind, what in ODDITIES.items()),
    ("rate.received_hz, rate.published_hz", "Since the message before."),
    (
        "frames.received, frames.published, frames.dropped, frames.pending",
        "Since the node started. At every instant received = published + dropped; those pending "
        "are waiting or being worked on.",
    ),
    *((f"frames.dropped.{cause}", f"Of these: {why}.") for cause, why in CAUSES.items()),
    ("frames.undecodable.<reason>", "Undecodable frames by reason, e.g. `encoding`."),
    (
        "latency.<stage>.p50_ms, .p95_ms, .max_ms",
        "Of the last 300 frames: `wait` (for the worker), `decode`, `letterbox`, `inference`, "
        "`nms`, `masks`, `track`, `publish`, `total` (from the callback to publication), "
        "`overlay`.",
    ),
    ("age.p50_ms, .p95_ms, .max_ms", "Image stamp to publication, by the node's clock."),
    ("tracking.tracks", "Things with an id that are followed now, in sight or not."),
    (
        "tracking.lost, tracking.refound",
        "Since the node started: how often a thing with an id was not found in a frame any more, "
        "and how often one was found again, with its id.",
    ),
    (
        "tracking.switched",
        "How often a thing with an id went on under another name: where it was in the frame "
        "before, the detector found something that it called otherwise.",
    ),
    ("tracking.ids", "How many ids were given."),
    ("tracking.resets", "How often stamps jumped, so that all things got new ids."),
    ("last_error", "The last frame that was lost to an error, or failed transition."),
    ("state", "The lifecycle state; `paused`, `idle` (`lazy`, and nobody subscribes) behind it."),
    (
        "model.bundle, model.directory, model.architecture, model.sha256, model.precision, "
        "model.provider, model.provider_asked, model.input",
        "What runs, and which provider was asked for.",
    ),
    (
        "engine.busy_s",
        "Seconds since it began with the present frame. After 5 s the node counts as stuck; after "
        "`configure_timeout` the engine is asked to give the frame up, which is dropped as "
        "`error`.",
    ),
    ("model.opening", "The precision and provider that will take over, while they are opened."),
    ("cpu.cores", "Cores that the process may use."),
    ("vocabulary.version, vocabulary.names", "The vocabulary in force and its size."),
    ("vocabulary.shown", "How many of its names have been shown."),
    ("vocabulary.encoding", "New names that will take over, while they are encoded."),
    ("class_thresholds.idle", "Names with a threshold that the vocabulary does not have."),
    (
        "teach.done, teach.refused, teach.pending",
        "Messages on `~/teach` and clicks on `~/overlay` since the node started.",
    ),
    *(
        (f"teach.refused.{cause}", f"Of the refused ones: {why}.")
        for cause, why in REFUSALS.items()
    ),
    ("teach.last_refusal", "Why the last one was refused."),
)


def manual() -> str:
    """Returns doc/nodes.md: the manual of detector_node in Markdown."""
    return "\n".join(
        [
            "<!-- Written from the code by `python -m vit_perception.ros.manual --write .` -->",
            "",
            "# Nodes",
            "",
            *_paragraph(
                "`detector_node` finds named things in the images of one camera or several. "
                "`perception_node` runs several detectors in one process, each under a name of "
                "its own. [On a robot](robot.md) says how to start them."
            ),
            "## detector_node",
            "",
            *_paragraph(
                "A lifecycle node named `detector`. Names are relative: remap them. With several "
                "`cameras`, each has topics of its own: the name of the camera and a slash come "
                "before `image` and `camera_info` (`front/image`) and after the `~/` of what is "
                "published (`~/front/detections`), `teach` and `overlay_mouse_left`, and the name "
                "and a space before `input` and `frames` in the diagnostics."
            ),
            *_section("Subscribed topics", map(_interface_entry, (*SUBSCRIBED, *COMMANDS))),
            *_section("Published topics", map(_interface_entry, PUBLISHED)),
            *_section("Services", map(_interface_entry, SERVICES)),
            *_section("Lifecycle", (f"**{name}**: {meaning}" for name, meaning in _LIFECYCLE)),
            *_section(
                "Parameters",
                map(_parameter_entry, settings_of(DetectorParameters).values()),
                "*live*: a change takes effect at the next frame; new names take effect once they "
                "are encoded, another graph once it is open. *configure*: read by that "
                "transition; may be set while the node is not active. *start*: read when the node "
                "starts. A change is taken as a whole or refused with a reason. "
                "`config/detector.yaml` holds every parameter with its default.",
            ),
            *_section(
                "Diagnostics",
                (f"`{keys.replace(', ', '`, `')}`: {meaning}" for keys, meaning in DIAGNOSTICS),
                "Keys of the entries on `/diagnostics`.",
            ),
        ]
    )


def config() -> str:
    """Returns config/detector.yaml: every parameter with its default."""
    lines = [
        "# Every parameter of detector_node with its default.",
        "# Written by `python -m vit_perception.ros.manual --write .`",
        "/**:",
        "  ros__parameters:",
    ]
    for spec in settings_of(DetectorParameters).values():
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
        "config/detector.yaml": config(),
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
