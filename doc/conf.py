# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Sphinx configuration; `make docs` and rosdoc2 read it."""

from __future__ import annotations

from dataclasses import is_dataclass
from typing import Any

project = "vit_perception"
author = "The vit_perception Authors"
copyright = f"2026 {author}"

extensions = [
    "myst_parser",  # Markdown
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",  # docstrings with Args, Returns and Raises
]
myst_heading_anchors = 3  # links to headings, such as nodes.md#diagnostics
# rosdoc2 adds a second copy of these pages, README and the like without their folders, and a page
# for each module.
exclude_patterns = ["user_docs*", "standard*", "__readme*", "modules.rst", "vit_perception*.rst"]
autodoc_member_order = "bysource"
autodoc_typehints = "description"
default_role = "code"  # `name` in a docstring


def describe_settings(
    app: Any, what: str, name: str, documented: Any, options: Any, lines: list[str]
) -> None:
    """Adds what the fields of a dataclass declare with `setting` to its attributes."""
    from vit_perception.setting import settings_of

    declared = settings_of(documented) if what == "class" and is_dataclass(documented) else {}
    if not declared:
        return
    if "Attributes:" not in lines:
        lines[1:1] = ["", "Attributes:"]
    at = lines.index("Attributes:") + 1
    lines[at:at] = [
        f"    {field}: {each.description}{f' Range: {each.allowed}.' if each.allowed else ''}"
        for field, each in declared.items()
    ]


def setup(app: Any) -> None:
    # Before napoleon reads the docstring, with priority 500.
    app.connect("autodoc-process-docstring", describe_settings, priority=400)
