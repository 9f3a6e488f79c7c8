# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""SHViT in its form for inference."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from test.models.backbones.randomised import randomise  # noqa: E402
from vit_perception.models.shelf import create_classifier, for_inference  # noqa: E402

timm = pytest.importorskip("timm")

from timm.models.shvit import Residual  # noqa: E402

pytestmark = pytest.mark.torch


def test_the_folded_network_has_neither_batch_norms_nor_sums_with_convolutions() -> None:
    model = randomise(create_classifier("shvit_s1", (224, 224), classes=10))
    folded = for_inference(model)
    kinds = (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)
    assert not any(isinstance(m, kinds) for m in folded.modules())
    summed = [type(m.m).__name__ for m in folded.modules() if isinstance(m, Residual)]
    assert set(summed) == {"SHSA", "FFN"}
    image = torch.rand(2, 3, 224, 224)
    with torch.no_grad():
        wanted = model(image)
        atol = 1e-5 * float(wanted.abs().max())
        torch.testing.assert_close(folded(image), wanted, rtol=1e-4, atol=atol)


def test_statistics_of_its_norm_are_of_all_positions() -> None:
    model = randomise(create_classifier("shvit_s1", (224, 224), classes=10))
    norm = model.stages[1].blocks[0].mixer.m.pre_norm
    x = torch.rand(1, 48, 7, 7)
    wanted = (x - x.mean()) / (x.var(correction=0) + 1e-5).sqrt()
    wanted = wanted * norm.weight[:, None, None] + norm.bias[:, None, None]
    with torch.no_grad():
        torch.testing.assert_close(norm(x), wanted)
