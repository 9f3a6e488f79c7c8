# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The graph of T2-track that robots run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import save_file  # noqa: E402

from vit_perception.engine.factory import open_session  # noqa: E402
from vit_perception.export.evidence import evidence_graph, load_evidence, main  # noqa: E402
from vit_perception.tracking.evidence_window import CHANNELS, FEATURES, STEPS  # noqa: E402
from vit_perception.training.evidence import EvidenceModel, empty_scaling  # noqa: E402

pytestmark = pytest.mark.torch


def model() -> EvidenceModel:
    torch.manual_seed(3)
    scaling = empty_scaling()._replace(series_middle=torch.rand(CHANNELS))
    made = EvidenceModel(scaling).eval()
    made.calibration = torch.tensor([0.5, -0.25])
    return made


@pytest.mark.parametrize("count", [1, 7])
def test_the_graph_is_the_model(count: int) -> None:
    made = model()
    series, features = torch.randn(count, STEPS, CHANNELS), torch.randn(count, FEATURES)
    found = open_session(evidence_graph(made), threads=1).run(
        {"series": series.numpy(), "features": features.numpy()}
    )
    with torch.no_grad():
        logits = made(series, features)
        expected = (0.5 * (logits[:, 1] - logits[:, 0]) - 0.25).sigmoid().numpy()
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-5)
    assert found["shares"].shape == (count, STEPS + FEATURES)
    # The shares of the times and features add up to the logit.
    bias = made.network.classifier.bias.detach().numpy()
    logit = 0.5 * (found["shares"].mean(axis=1) + bias[1] - bias[0]) - 0.25
    np.testing.assert_allclose(1 / (1 + np.exp(-logit)), expected, atol=1e-5)


def test_weights_become_a_graph(tmp_path: Path) -> None:
    made = model()
    save_file(made.state_dict(), tmp_path / "evidence.safetensors")
    read = load_evidence(tmp_path / "evidence.safetensors")
    torch.testing.assert_close(read.state_dict(), made.state_dict())
    out = tmp_path / "evidence.onnx"
    assert main([str(tmp_path / "evidence.safetensors"), "--out", str(out)]) == 0
    assert out.read_bytes() == evidence_graph(made)
    assert out.stat().st_size < 200_000
