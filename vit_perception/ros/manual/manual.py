# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The node manual and the files in config/, written from what the code says.

    python -m vit_perception.ros.manual                the manual, in Markdown
    python -m vit_perception.ros.manual --write .      into README.md and config/ of a checkout

Needs no ROS.
"""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

from vit_perception.parameters.detector import specs
from vit_perception.ros.frames.accounting import CAUSES
from vit_perception.ros.frames.stamps import ODDITIES
from vit_perception.ros.manual.interface import PUBLISHED, SERVICES, SUBSCRIBED
from vit_perception.ros.manual.policy import policy
from vit_perception.setting import Spec

BEGIN = "<!-- begin: node manual -->"
END = "<!-- end: node manual -->"

_LIFECYCLE = (
    (
        "configure",
        "Reads and checks the bundle, opens the engine, encodes the vocabulary, runs the network "
        "once. Fails with the reason in one log line.",
    ),
    ("activate", "Subscribes."),
    ("deactivate", "Unsubscribes at once; the engine stays. A frame in work is not published."),
    ("cleanup", "Frees the engine and takes the topics away."),
)
DIAGNOSTICS = (
    ("input.topic, input.qos, input.publishers", "What is subscribed and who publishes there."),
    ("input.silence_s", "Seconds since the last image."),
    *((f"stamps.{kind}", f"Images by odd stamp: {what}.") for kind, what in ODDITIES.items()),
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
        "`nms`, `masks`, `publish`, `total` (from the callback to publication), `overlay`.",
    ),
    ("age.p50_ms, .p95_ms, .max_ms", "Image stamp to publication, by the node's clock."),
    ("last_error", "The last frame that was lost to an error, or failed transition."),
    ("state", "The lifecycle state."),
    (
        "model.bundle, model.directory, model.architecture, model.sha256, model.precision, "
        "model.provider, model.provider_asked, model.input",
        "What runs, and which provider was asked for.",
    ),
    ("model.opening", "The precision and provider that will take over, while they are opened."),
    ("cpu.cores", "Cores that the process may use."),
    ("vocabulary.version, vocabulary.names", "The vocabulary in force and its size."),
    ("class_thresholds.idle", "Names with a threshold that the vocabulary does not have."),
)


def manual() -> str:
    """Return the manual of detector_node in Markdown."""
    return "\n".join(
        [
            "### detector_node",
            "",
            "A lifecycle node named `detector`. Names are relative: remap them. With several "
            "`cameras` there is `front/` before each subscribed topic, `~/front/` instead of `~/` "
            "before each published one but `/diagnostics`, and `front ` before `input` and "
            "`frames`.",
            "",
            *_table(("Subscribed topic", "Type", ""), SUBSCRIBED),
            *_table(("Published topic", "Type", ""), PUBLISHED),
            *_table(("Service", "Type", ""), SERVICES),
            *_table(("Transition", ""), _LIFECYCLE),
            "Parameters. *live*: takes effect at the next frame; *start*: read when the node "
            "starts. A change is taken as a whole or refused with a reason.",
            "",
            *_table(
                ("Parameter", "Type", "Default", "Allowed", "", "Meaning"),
                (_parameter_row(spec) for spec in specs().values()),
            ),
            *_table(("Diagnostics key", "Meaning"), ((f"`{k}`", v) for k, v in DIAGNOSTICS)),
        ]
    )


def config() -> str:
    """Return config/detector.yaml: every parameter with its default."""
    lines = [
        "# Every parameter of detector_node with its default.",
        "# Written by `python -m vit_perception.ros.manual --write .`",
        "/**:",
        "  ros__parameters:",
    ]
    for spec in specs().values():
        notes = [spec.kind, *([spec.allowed] if spec.allowed else []), _when(spec)]
        lines += textwrap.wrap(
            f"{spec.description} ({'; '.join(notes)})",
            width=95,
            initial_indent="    # ",
            subsequent_indent="    # ",
        )
        lines.append(f"    {spec.name}: {_value(spec)}")
    return "\n".join(lines) + "\n"


def with_manual(text: str) -> str:
    """Return a README's text with the manual of now between its markers.

    Raises:
        ValueError: the markers are not there.
    """
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"README: expected the markers {BEGIN} and {END}, found none")
    return f"{head}{BEGIN}\n\n{manual()}\n{END}{tail}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the manual, or write it into a checkout."""
    parser = argparse.ArgumentParser(
        prog="python -m vit_perception.ros.manual", description="The manual of the nodes."
    )
    parser.add_argument(
        "--write", metavar="CHECKOUT", type=Path, help="update README.md and config/"
    )
    checkout: Path | None = parser.parse_args(arguments).write
    if checkout is None:
        print(manual())
        return 0
    readme = checkout / "README.md"
    try:
        readme.write_text(with_manual(readme.read_text(encoding="utf-8")), encoding="utf-8")
        for name, text in (("detector.yaml", config()), ("sros2_policy.xml", policy())):
            (checkout / "config" / name).write_text(text, encoding="utf-8")
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return [f"| {' | '.join(line)} |" for line in lines] + [""]


def _parameter_row(spec: Spec) -> Sequence[str]:
    return (
        f"`{spec.name}`",
        spec.kind,
        f"`{_value(spec)}`",
        spec.allowed,
        _when(spec),
        spec.description,
    )


def _when(spec: Spec) -> str:
    return "live" if spec.live else "start"


def _value(spec: Spec) -> str:
    """Return the default as YAML, in the form in which ROS keeps it."""
    value = spec.default
    return json.dumps((list(value) or [""]) if isinstance(value, tuple) else value)
