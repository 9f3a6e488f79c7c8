# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""T2T-ViT: windows, linear attention and positions (card 16)."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402

from test.models.backbones.randomised import randomise  # noqa: E402
from vit_perception.models.backbones.t2t import (  # noqa: E402
    PerformerLayer,
    SoftmaxLayer,
    T2TViT,
    Unfold,
    linear_attention,
    random_features,
)
from vit_perception.models.shelf import create_backbone  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(7, 4, 2), (3, 2, 1)])
@pytest.mark.parametrize("size", [(28, 36), (29, 31)])
def test_windows_are_those_of_torch(
    kernel: int, stride: int, padding: int, size: tuple[int, int]
) -> None:
    x = torch.randn(2, 5, *size)
    wanted = nn.Unfold(kernel, stride=stride, padding=padding)(x)
    found = Unfold(5, kernel, stride, padding)(x)
    assert torch.equal(found.flatten(2), wanted)


def drawn(features: int, width: int, seed: int) -> Tensor:
    """Returns a projection of blocks with orthogonal rows, each as long as normal ones."""
    generator = torch.Generator().manual_seed(seed)
    blocks = []
    for _ in range(-(-features // width)):
        rows, _ = torch.linalg.qr(torch.randn(width, width, generator=generator))
        blocks.append(rows * width**0.5)
    return torch.cat(blocks)[:features]


def test_more_features_come_nearer_to_softmax() -> None:
    generator = torch.Generator().manual_seed(0)
    query, key, value = 0.4 * torch.randn(3, 2, 50, 16, generator=generator)
    wanted = torch.softmax(query @ key.transpose(1, 2), 2) @ value
    errors = []
    for features in (8, 64, 512, 4096):
        found = [
            linear_attention(*(random_features(x, p) for x in (query, key)), value)
            for p in (drawn(features, 16, seed) for seed in range(4))
        ]
        errors.append(float((torch.stack(found) - wanted).abs().mean()))
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.02 * errors[0] + 0.01


def test_sums_first_is_the_same_as_all_pairs() -> None:
    query, key = torch.rand(2, 2, 20, 8)
    value = torch.randn(2, 20, 5)
    pairs = query @ key.transpose(1, 2)
    wanted = pairs @ value / pairs.sum(2, keepdim=True)
    torch.testing.assert_close(linear_attention(query, key, value), wanted, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_random_features_are_kept_with_the_weights_and_do_not_learn() -> None:
    layer = PerformerLayer(24)
    assert "projection" in layer.state_dict()
    assert "projection" not in dict(layer.named_parameters())
    products = layer.projection @ layer.projection.T
    torch.testing.assert_close(products, 32 * torch.eye(32), rtol=0, atol=1e-4)


@torch.no_grad()
def test_values_take_the_place_of_the_input() -> None:
    """Its channels differ, so that nothing else could be added."""
    layer = randomise(SoftmaxLayer(24))
    x = torch.randn(2, 7, 24)
    for module in (layer.proj, layer.perceptron[2]):
        nn.init.zeros_(module.weight)
        nn.init.zeros_(module.bias)
    torch.testing.assert_close(layer(x), layer.qkv(layer.norm1(x))[..., 128:])
    assert layer.scale == 24**-0.5


@torch.no_grad()
def test_positions_tell_patches_apart() -> None:
    model = randomise(T2TViT(32, 2, 4, 2, num_classes=3))
    maps = model.forward_intermediates(torch.zeros(1, 3, 64, 64), intermediates_only=True)
    cells = maps[0].flatten(2)[0].T
    assert torch.cdist(cells, cells)[~torch.eye(16, dtype=torch.bool)].min() > 1e-3


@torch.no_grad()
@pytest.mark.parametrize("name", ["t2t_vit_7", "t2t_vit_t_14"])
def test_maps_of_odd_pictures(name: str) -> None:
    backbone = create_backbone(name, (64, 64)).eval()
    for height, width in ((97, 67), (64, 80)):
        found = backbone(torch.rand(1, 3, height, width))[0]
        assert tuple(found.shape[2:]) in {
            (height // 16, width // 16),
            (height // 16, -(-width // 16)),
            (-(-height // 16), -(-width // 16)),
        }
