# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""bfloat16: measured before it is written, and refused where it cannot be computed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.files import BundleError
from vit_perception.bundle.paths import find_bundle
from vit_perception.bundle.samples import sample_bag
from vit_perception.compression.added_graph import check_target
from vit_perception.compression.gate.bfloat16 import bfloat16_bundle
from vit_perception.compression.gate.gate import GateSettings
from vit_perception.compression.gate.report import figures_of, report_page, verdict_of
from vit_perception.compression.quantization.float_graph import QuantizationError
from vit_perception.engine.session import SessionError
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.settings import BF16


def _computes() -> bool:
    if find_spec("openvino") is None:
        return False
    import openvino

    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


needs_bfloat16 = pytest.mark.skipif(not _computes(), reason="no bfloat16 here")


@pytest.fixture(scope="module")
def nano() -> Bundle:
    return Bundle.load(find_bundle("tabletop_nano"))


@needs_bfloat16
def test_it_passes_and_runs_by_its_precision(nano: Bundle, tmp_path: Path) -> None:
    made = bfloat16_bundle(
        nano, tmp_path / "out", check=sample_bag(), count=4, settings=GateSettings(), threads=1
    )
    bundle = made.bundle
    assert bundle.graphs[BF16] == bundle.graphs["fp32"] and bundle.passed(BF16)
    assert 0 < abs(made.checked.drop) < 0.01  # another arithmetic, but nearly the same figures
    assert "- `bf16`: the float graph, computed in bfloat16" in (
        bundle.directory / "MODEL_CARD.md"
    ).read_text(encoding="utf-8")
    figures = figures_of(made, precision=BF16, method=BF16)
    assert verdict_of(figures).startswith("OpenVINO computes the whole float graph in bfloat16. ")
    assert "<html" in report_page(figures)
    scene = np.full((48, 64, 3), 90, np.uint8)
    found = Perceiver(bundle, precision=BF16, provider="openvino", threads=1)(scene)
    assert len(found) == len(Perceiver(bundle, threads=1)(scene))
    # `auto` may take it, and says why not where it cannot run.
    choice = Perceiver(bundle, precision="auto", provider="cpu").choice
    assert "bf16 not chosen: " in choice.words and "bfloat16" in choice.words


@needs_bfloat16
def test_more_loss_than_allowed_is_refused(nano: Bundle, tmp_path: Path) -> None:
    with pytest.raises(QuantizationError, match=r"to fall by at most -0\.5 in bfloat16, found "):
        bfloat16_bundle(
            nano, tmp_path / "out", check=sample_bag(), count=2, settings=GateSettings(-0.5)
        )
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(_computes(), reason="this machine computes bfloat16")
def test_a_machine_without_it_refuses_in_one_line(nano: Bundle, tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="provider: expected .*(openvino|bfloat16)"):
        bfloat16_bundle(
            nano, tmp_path / "out", check=sample_bag(), count=2, settings=GateSettings()
        )


def test_its_name_belongs_to_it_alone(tmp_path: Path) -> None:
    for precision, method in (("int8", BF16), (BF16, "percentile")):
        with pytest.raises(BundleError, match="expected bf16 with the method bf16"):
            check_target(tmp_path / "out", precision, method)
