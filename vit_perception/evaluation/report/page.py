# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The frame of a report: one file of sections that needs nothing from anywhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from vit_perception.evaluation.report.rendering import raw, render


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page.

    Attributes:
        title: its heading; it is escaped.
        html: its content, made by `rendering.render`, `tables` and `charts`.
    """

    title: str
    html: Markup


def page(title: str, sections: Sequence[Section]) -> str:
    """Returns a whole page; the first section is its summary.

    The page may load nothing, and runs no script but ours: its policy names the digest of it.

    Args:
        title: of the page; it is escaped.
        sections: in their order; the later ones are listed below the summary.
    """
    style, script = raw("page.css"), raw("page.js")
    return str(
        render(
            "page.html",
            title=title,
            sections=sections,
            style=Markup(style),
            script=Markup(script),
            style_digest=_digest(style),
            script_digest=_digest(script),
        )
    )


def _digest(text: str) -> str:
    """Returns a digest as a Content-Security-Policy names it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
