# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""SMT: shuffle, scales, order of mixers, token form, folding (card 27, How to verify)."""

from __future__ import annotations

from collections import Counter

import onnx
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from test.models.backbones.randomised import randomise  # noqa: E402
from vit_perception.export.backbone import backbone_graph  # noqa: E402
from vit_perception.models.backbones.smt import (  # noqa: E402
    Attention,
    Block,
)
from vit_perception.models.macs import multiply_adds  # noqa: E402
from vit_perception.models.modulation import (  # noqa: E402
    KERNELS,
    Modulation,
    interleave,
)
from vit_perception.models.shelf import (  # noqa: E402
    create_backbone,
    create_classifier,
    find,
    for_inference,
)

pytestmark = pytest.mark.torch


def relative(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((found - wanted).abs().max() / wanted.abs().max())


@pytest.mark.parametrize("name", ["smt_tiny", "smt_small", "smt_base", "smt_large"])
def test_multiply_adds_within_half_a_percent(name: str) -> None:
    with torch.device("meta"):
        model, image = create_classifier(name, (224, 224)).eval(), torch.zeros(1, 3, 224, 224)
    assert multiply_adds(model, image) == pytest.approx(find(name).macs, rel=0.005)


@pytest.mark.parametrize(("name", "wanted"), [("smt_tiny", 17.6e9), ("smt_small", 35.3e9)])
def test_multiply_adds_of_a_camera_picture(name: str, wanted: float) -> None:
    with torch.device("meta"):
        model = create_classifier(name, (480, 640), classes=0).eval()
        image = torch.zeros(1, 3, 480, 640)
    assert multiply_adds(model, image) == pytest.approx(wanted, rel=0.005)


@pytest.mark.parametrize(("name", "each"), [("smt_tiny", 4), ("smt_small", 9), ("smt_base", 14)])
def test_stage_three_alternates(name: str, each: int) -> None:
    with torch.device("meta"):
        model = create_classifier(name, (224, 224))
    mixers = [
        [type(block.mixer) for block in stage if isinstance(block, Block)]
        for stage in model.stages
    ]
    assert mixers[2] == [Modulation, Attention] * each
    assert set(mixers[0] + mixers[1]) == {Modulation}
    assert set(mixers[3]) == {Attention}


def test_interleaving_takes_one_channel_of_each_scale() -> None:
    parts = [torch.full((1, 3, 2, 2), float(scale)) for scale in range(4)]
    assert interleave(parts)[0, :, 0, 0].tolist() == [0, 1, 2, 3] * 3
    numbered = [100 * scale + torch.arange(3.0).reshape(1, 3, 1, 1) for scale in range(4)]
    assert interleave(numbered).flatten()[:5].tolist() == [0, 100, 200, 300, 1]


def test_a_group_of_the_modulator_sees_one_channel_of_each_scale() -> None:
    torch.manual_seed(0)
    modulation = Modulation(32)
    shuffled = torch.randn(1, 32, 1, 1, requires_grad=True)
    for group in range(8):
        (gradient,) = torch.autograd.grad(
            modulation.gather(shuffled)[0, 8 * group : 8 * group + 8].sum(), shuffled
        )
        seen = gradient.flatten().nonzero().flatten().tolist()
        assert seen == list(range(4 * group, 4 * group + 4))


@torch.no_grad()
def test_modulation_by_centre_kernels_is_pointwise() -> None:
    torch.manual_seed(1)
    modulation = randomise(Modulation(16))
    for scale in modulation.scales:
        nn.init.zeros_(scale.weight)[
            :, :, scale.kernel_size[0] // 2, scale.kernel_size[1] // 2
        ] = 1
        nn.init.zeros_(scale.bias)
    first, second = torch.randn(2, 1, 16, 9, 9)
    second[..., 4, 4] = first[..., 4, 4]
    found = modulation(first)[..., 4, 4]
    torch.testing.assert_close(found, modulation(second)[..., 4, 4])
    assert not torch.allclose(found, modulation(first)[..., 4, 5])


@pytest.mark.parametrize("scale", range(4))
def test_receptive_field_of_each_scale(scale: int) -> None:
    torch.manual_seed(2)
    modulation = randomise(Modulation(16))
    kernel = KERNELS[scale]
    assert kernel == 3 + 2 * scale
    quarter = slice(4 * scale, 4 * scale + 4)
    with torch.no_grad():
        modulation.value.weight.zero_()
        kept = modulation.context.weight[quarter].clone()
        modulation.context.weight.zero_()[quarter] = kept
    x = torch.randn(1, 16, 15, 15, requires_grad=True)
    (gradient,) = torch.autograd.grad(modulation(x)[..., 7, 7].sum(), x)
    rows, columns = gradient.abs().sum((0, 1)).nonzero().T
    assert rows.min() == columns.min() == 7 - kernel // 2
    assert rows.max() == columns.max() == 7 + kernel // 2


@torch.no_grad()
def test_attention_is_dot_product_attention_beside_a_convolution() -> None:
    torch.manual_seed(3)
    attention = randomise(Attention(48, heads=3))
    x = torch.randn(2, 48, 6, 5)

    def heads(y: torch.Tensor) -> torch.Tensor:
        return y.reshape(2, 3, 16, 30).transpose(2, 3)

    k, v = attention.kv(x).chunk(2, 1)
    mixed = functional.scaled_dot_product_attention(heads(attention.q(x)), heads(k), heads(v))
    mixed = mixed.transpose(2, 3).reshape(2, 48, 6, 5)
    assert relative(attention(x), attention.out(mixed + attention.local(v))) < 1e-5
    nn.init.zeros_(attention.local.weight)
    nn.init.zeros_(attention.local.bias)
    assert relative(attention(x), attention.out(mixed)) < 1e-5


class TokenForm:
    """A block as the paper has it: tokens [B, N, C], linear layers and layer norms over them."""

    def __init__(self, block: Block, height: int, width: int) -> None:
        self.block, self.size = block, (height, width)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        block = self.block
        mix = self.attention if isinstance(block.mixer, Attention) else self.modulation
        x = x + block.scale1.gamma * mix(self.norm(block.norm1, x))
        return x + block.scale2.gamma * self.feed_forward(self.norm(block.norm2, x))

    def map(self, x: torch.Tensor) -> torch.Tensor:
        return x.transpose(1, 2).reshape(x.shape[0], x.shape[2], *self.size)

    @staticmethod
    def tokens(x: torch.Tensor) -> torch.Tensor:
        return x.flatten(2).transpose(1, 2)

    @staticmethod
    def linear(layer: nn.Conv2d, x: torch.Tensor) -> torch.Tensor:
        return functional.linear(x, layer.weight[:, :, 0, 0], layer.bias)

    @staticmethod
    def norm(layer: nn.LayerNorm, x: torch.Tensor) -> torch.Tensor:
        return functional.layer_norm(x, x.shape[-1:], layer.weight, layer.bias, 1e-6)

    def modulation(self, x: torch.Tensor) -> torch.Tensor:
        mixer = self.block.mixer
        v = self.linear(mixer.value, x)
        context = self.map(self.linear(mixer.context, x))
        width = context.shape[1] // 4
        parts = torch.cat(
            [
                scale(context[:, i * width : (i + 1) * width])
                for i, scale in enumerate(mixer.scales)
            ],
            1,
        )
        shuffled = parts.reshape(-1, 4, width, *self.size).transpose(1, 2).reshape(parts.shape)
        hidden = functional.gelu(mixer.norm(mixer.gather(shuffled)))
        return self.linear(mixer.out, self.tokens(mixer.mix(hidden)) * v)

    def attention(self, x: torch.Tensor) -> torch.Tensor:
        mixer = self.block.mixer
        batch, count, channels = x.shape
        shape = (batch, count, mixer.heads, channels // mixer.heads)
        q = self.linear(mixer.q, x).reshape(shape).transpose(1, 2)
        k, v = self.linear(mixer.kv, x).split(channels, dim=2)
        scores = q @ k.reshape(shape).permute(0, 2, 3, 1) / shape[3] ** 0.5
        mixed = (scores.softmax(-1) @ v.reshape(shape).transpose(1, 2)).transpose(1, 2)
        local = self.tokens(mixer.local(self.map(v)))
        return self.linear(mixer.out, mixed.reshape(x.shape) + local)

    def feed_forward(self, x: torch.Tensor) -> torch.Tensor:
        layer = self.block.feed_forward
        hidden = self.linear(layer.widen, x)
        local = self.tokens(layer.local(self.map(hidden)))
        return self.linear(layer.out, functional.gelu(hidden + local))


@torch.no_grad()
@pytest.mark.parametrize("mixer", [lambda: Modulation(32), lambda: Attention(32, 4)])
def test_a_block_of_maps_equals_the_token_form_also_folded(mixer: object) -> None:
    torch.manual_seed(4)
    block = randomise(Block(32, mixer(), ratio=2, drop_path=0.0, layer_scale=1e-4))
    x = torch.randn(2, 32, 10, 12)
    expected = TokenForm(block, 10, 12)(TokenForm.tokens(x)).transpose(1, 2).reshape(x.shape)
    assert relative(block(x), expected) < 1e-5
    folded = for_inference(nn.Sequential(block))
    assert relative(folded(x), expected) < 1e-5
    left = {type(module) for module in folded.modules()}
    assert not left & {nn.BatchNorm2d, Modulation, Attention}


@torch.no_grad()
def test_the_norm_of_the_modulator_folds() -> None:
    torch.manual_seed(5)
    modulation = randomise(Modulation(64))
    x = torch.randn(2, 64, 12, 11)
    wanted = modulation(x)
    assert relative(modulation.fuse()(x), wanted) < 1e-5


def test_the_graph_has_tokens_in_attention_alone() -> None:
    backbone = create_backbone("smt_tiny", (64, 96))
    graph = onnx.load_from_string(backbone_graph(backbone, (64, 96)))
    kinds = Counter(node.op_type for node in graph.graph.node)
    blocks = [module for module in backbone.modules() if isinstance(module, Block)]
    attentions = sum(isinstance(block.mixer, Attention) for block in blocks)
    norms = kinds["LayerNormalization"]
    assert norms == 2 * len(blocks) + 4 + 4, "two a block, four of embeddings, four of stages"
    # Two a norm, which ONNX Runtime joins with its own reordering, but none between an embedding's
    # and the next; two an attention, which are options of its products; one of the picture.
    assert kinds["Transpose"] == 2 * norms - 4 + 2 * attentions + 1
    # Four an attention; a modulation is shuffled by a Concat and one Reshape.
    assert kinds["Reshape"] == 4 * attentions + len(blocks) - attentions
    assert kinds["Concat"] == len(blocks) - attentions
    assert not kinds["Split"] + kinds["Shape"]
    assert not kinds["BatchNormalization"]
