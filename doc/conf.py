# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Sphinx configuration; `make docs` and rosdoc2 read it."""

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
