# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""VoVNet: the order of what it concatenates, sides of pools, eSE."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from test.models.backbones.randomised import randomise  # noqa: E402
from vit_perception.models.shelf import create_backbone, create_classifier  # noqa: E402

pytestmark = pytest.mark.torch


def test_a_slim_block_concatenates_its_input_first() -> None:
    model = randomise(create_classifier("vovnet27_slim", (64, 64), classes=10))
    assert [len(stage.blocks) for stage in model.stages] == [1, 1, 1, 1]
    block = model.stages[0].blocks[0]
    x = torch.rand(1, 128, 8, 8)
    with torch.no_grad():
        parts = [x]
        for conv in block.conv_mid:
            parts.append(conv(parts[-1]))
        assert [part.shape[1] for part in parts] == [128, 64, 64, 64, 64, 64]
        assert torch.equal(block(x), block.conv_concat(torch.cat(parts, 1)))
        assert not torch.allclose(block(x), block.conv_concat(torch.cat(parts[::-1], 1)))


@pytest.mark.parametrize("name", ["vovnet27_slim", "ese_vovnet19b_slim_dw"])
def test_pools_round_up(name: str) -> None:
    backbone = create_backbone(name, (300, 300)).eval()
    with torch.no_grad():
        maps = backbone(torch.rand(1, 3, 300, 300))
    assert [tuple(x.shape[2:]) for x in maps] == [(75, 75), (37, 37), (18, 18), (9, 9)]


def test_ese_with_zero_weights_and_bias_3_is_the_identity() -> None:
    model = create_classifier("ese_vovnet19b_slim_dw", (64, 64), classes=10).eval()
    attention = model.stages[0].blocks[-1].attn
    x = torch.rand(1, 112, 8, 8)
    with torch.no_grad():
        attention.fc.weight.zero_()
        attention.fc.bias.fill_(3)
        torch.testing.assert_close(attention(x), x)
