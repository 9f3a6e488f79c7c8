# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Wrapped networks: float as before, and every product a layer."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from test.compression.quantization.tiny import (  # noqa: E402
    of_timm,
    pictures,
    tiny_swin,
    tiny_vit,
)
from vit_perception.compression.quantization.simulation.layers import (  # noqa: E402
    QuantizedProduct,
    WeightedLayer,
    layers_of,
    set_quantized,
)
from vit_perception.compression.quantization.simulation.wrapped import wrap  # noqa: E402

pytestmark = pytest.mark.torch

NETWORKS = {
    "vit": (32, 14, 4),
    "swin": (32, 27, 8),
    "mobilevit_xxs": (64, 90, 18),
    "mobilevitv2_050": (64, 74, 9),
    "efficientformer_l1": (224, 41, 2),
    "efficientformerv2_s0": (224, 95, 10),
    "shvit_s1": (224, 96, 18),
}
"""Side of the image, layers, products."""


def network(name: str) -> torch.nn.Module:
    if name in ("vit", "swin"):
        return tiny_vit() if name == "vit" else tiny_swin()
    return of_timm(name)


@pytest.mark.parametrize("name", NETWORKS)
def test_float_results_stay_and_all_products_are_layers(name: str) -> None:
    side, count, products = NETWORKS[name]
    model = network(name)
    images = pictures(2, side)
    # Without no_grad: timm's caches then are part of a graph, which must not hinder a copy.
    before = {key: value.clone() for key, value in model.state_dict().items()}
    wanted = model(images).detach()
    wrapped = wrap(model, images[:1])
    layers = layers_of(wrapped)
    assert (len(layers), sum(isinstance(x, QuantizedProduct) for x in layers)) == (count, products)
    kinds = WeightedLayer
    inner = {id(x.inner) for x in layers if isinstance(x, kinds)}
    for path, module in wrapped.named_modules():
        if isinstance(module, (torch.nn.Linear, torch.nn.Conv2d)):
            assert id(module) in inner
        # EfficientFormer v2 has one behind its last sum.
        assert path == "norm" or not isinstance(module, torch.nn.BatchNorm2d)
    atol = 1e-5 * float(wanted.abs().max())
    with torch.no_grad():
        torch.testing.assert_close(wrapped(images), wanted, rtol=1e-5, atol=atol)
        set_quantized(wrapped)  # without quantizers
        torch.testing.assert_close(wrapped(images), wanted, rtol=1e-5, atol=atol)
    # The network given is as it was.
    after = model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[key], before[key]) for key in before)
    torch.testing.assert_close(model(images), wanted, rtol=0, atol=0)


def test_layers_of_vit_know_their_place() -> None:
    layers = layers_of(wrap(tiny_vit(), pictures(1)))
    block = ["qkv", "scores", "context", "proj", "fc1", "fc2"]
    assert [x.place.role for x in layers] == ["patch_embed", *block, *block, "head"]
    places = {x.place.name: x.place for x in layers}
    qkv = places["blocks.1.attn.qkv"].source
    assert (qkv.kind, qkv.module) == ("layer_norm", "blocks.1.norm1")
    assert qkv.readers == ("blocks.1.attn.qkv",)
    assert places["patch_embed.proj"].source.kind == "image"
    probabilities, values = places["blocks.0.attn.context"].sources
    assert (probabilities.kind, values.module) == ("softmax", "blocks.0.attn.qkv")
    assert places["blocks.0.mlp.fc2"].source.kind == "gelu"
    assert places["head"].source.module == "norm"


def test_norms_are_seen_through_shifts_windows_and_merging() -> None:
    places = [x.place for x in layers_of(wrap(tiny_swin(), pictures(1)))]
    after_norms = [p for p in places if p.role in ("qkv", "fc1", "reduction")]
    assert len(after_norms) == 9
    assert all(p.source.kind == "layer_norm" for p in after_norms)
    assert all(p.source.readers == (p.name,) for p in after_norms)


def test_a_norm_with_two_readers_says_so() -> None:
    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = torch.nn.LayerNorm(4)
            self.one, self.two = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.norm(x.flatten(2).transpose(1, 2)[..., :4])
            return self.one(x) * self.two(x.flip(1))

    torch.manual_seed(0)
    one, two = layers_of(wrap(Net(), torch.randn(1, 4, 2, 2)))
    assert (one.place.source.kind, one.place.source.module) == ("layer_norm", "norm")
    assert one.place.source.readers == ("one", "")  # the flip reads it in the network itself
    assert two.place.source.kind == "other"


def test_batch_norms_fold_only_into_convolutions_that_nobody_else_reads() -> None:
    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.norm_a = torch.nn.Conv2d(3, 4, 1, bias=False), torch.nn.BatchNorm2d(4)
            self.b, self.norm_b = torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            read = self.b(x)
            return self.norm_a(self.a(x)) + self.norm_b(read) * read

    from test.models.backbones.randomised import randomise

    torch.manual_seed(0)
    net = randomise(Net())
    wrapped = wrap(net, pictures(1, 8))
    left = [n for n, m in wrapped.named_modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert left == ["norm_b"]
    images = pictures(2, 8)
    torch.testing.assert_close(wrapped(images), net(images), rtol=1e-5, atol=1e-5)
