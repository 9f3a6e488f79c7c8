# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The backbone of doc/add_a_backbone.md is one."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from vit_perception.models.macs import multiply_adds  # noqa: E402
from vit_perception.models.shelf import Backbone  # noqa: E402

# After our package, which makes it importable beside any build of torch.
timm = pytest.importorskip("timm")

pytestmark = pytest.mark.torch

GUIDE = Path(__file__).resolve().parents[3] / "doc" / "add_a_backbone.md"


def test_the_example_of_the_guide_is_a_backbone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    file = tmp_path / "guide_tiny.py"
    file.write_text(code)
    spec = importlib.util.spec_from_file_location("guide_tiny", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "guide_tiny", module)
    spec.loader.exec_module(module)
    (variant,) = module.VARIANTS
    model = timm.create_model(variant.name).eval()
    assert sum(p.numel() for p in model.parameters()) == variant.parameters
    counted = multiply_adds(model, torch.zeros(1, 3, *variant.input))
    assert counted == pytest.approx(variant.macs, rel=0.02)
    backbone = Backbone(variant.name, timm.create_model(variant.name, features_only=True))
    assert backbone.channels == variant.channels
    assert [x.shape[2] for x in backbone(torch.zeros(1, 3, 64, 96))] == [8, 4]
