# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Fills the templates of the report; whatever is filled in is escaped."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from vit_perception.evaluation.report import values
from vit_perception.wording import printable

_PACKAGE = "vit_perception.evaluation.report"


def render(template: str, **content: Any) -> Markup:
    """Returns a template of this package, filled; only Markup among the content is not escaped."""
    return Markup(_environment().get_template(template).render(**content))


def raw(name: str) -> str:
    """Returns a file beside the templates as it is: our style and our script."""
    return (files(_PACKAGE) / "templates" / name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(_PACKAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["printable"] = printable
    environment.filters["label"] = values.label
    environment.filters["line"] = values.line
    return environment
