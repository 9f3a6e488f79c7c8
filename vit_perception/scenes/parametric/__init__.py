# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Tabletop objects generated in code: shapes, printed packaging and an asset folder of them."""

from vit_perception.scenes.parametric.writing import CATEGORIES, write_parametric

__all__ = ["CATEGORIES", "write_parametric"]
