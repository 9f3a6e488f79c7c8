# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Next-ViT merged for inference, also where pooled tokens are left over."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from test.models.backbones.randomised import randomise  # noqa: E402
from vit_perception.models.shelf import create_backbone, for_inference  # noqa: E402

timm = pytest.importorskip("timm")

from timm.models.nextvit import EfficientAttention  # noqa: E402

pytestmark = pytest.mark.torch


def test_merged_equals_unmerged_for_every_reduction() -> None:
    """200x300 pixels leave tokens over: 25 x 38 are not a multiple of 16."""
    backbone = randomise(create_backbone("nextvit_small", (200, 300)))
    ratios = [m.N_ratio for m in backbone.modules() if isinstance(m, EfficientAttention)]
    assert ratios == [16, 4, 4, 1]
    image = torch.rand(1, 3, 200, 300)
    with torch.no_grad():
        wanted = backbone(image)
        found = for_inference(backbone)(image)
    assert [tuple(x.shape[2:]) for x in found] == [(50, 75), (25, 38), (13, 19), (7, 10)]
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5 * float(theirs.abs().max()))


def test_pooling_is_over_consecutive_tokens() -> None:
    torch.manual_seed(0)
    attention = EfficientAttention(64, sr_ratio=2).eval()
    x = torch.rand(1, 16, 64)
    inside = x[:, [1, 0, 2, 3, *range(4, 16)]]
    across = x[:, [4, 1, 2, 3, 0, *range(5, 16)]]
    query = x[:, 8:9]
    with torch.no_grad():
        wanted, same, other = (
            attention(torch.cat((each, query.expand(1, 4, 64)), 1))[:, 16]
            for each in (x, inside, across)
        )
    torch.testing.assert_close(same, wanted)
    assert not torch.allclose(other, wanted, atol=1e-6)
