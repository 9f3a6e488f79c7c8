# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Parameter files of ROS with tuned thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from vit_perception.evaluation.tuning.choice import Choice
from vit_perception.wording import printable


class _Text(str):
    """Written in quotes: ROS and YAML take different words for something else than text."""


class _Dumper(yaml.SafeDumper):
    pass


def _quoted(dumper: yaml.SafeDumper, text: _Text) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style='"')


_Dumper.add_representer(_Text, _quoted)


def parameter_file(
    choice: Choice,
    *,
    vocabulary: Sequence[str] | None,
    others: Mapping[str, bool | int | str],
    comments: Sequence[str],
) -> bytes:
    """Returns the content of a file that detector_node loads.

    Args:
        choice: thresholds.
        vocabulary: names to look for; None leaves those of the node.
        others: further parameters.
        comments: lines above the parameters.
    """
    values: dict[str, Any] = {}
    if vocabulary is not None:
        values["vocabulary"] = [_Text(name) for name in vocabulary]
    for name, value in others.items():
        values[name] = _Text(value) if isinstance(value, str) else value
    values["score_threshold"] = float(choice.score)
    if choice.own:
        values["class_thresholds"] = [
            _Text(f"{name}={float(score)!r}") for name, score in choice.own.items()
        ]
    values["iou_threshold"] = float(choice.iou)
    text = yaml.dump(
        {"/**": {"ros__parameters": values}},
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=False,
        width=float("inf"),
    )
    head = "".join(f"# {printable(line)}".rstrip() + "\n" for line in comments)
    return (head + text).encode()
