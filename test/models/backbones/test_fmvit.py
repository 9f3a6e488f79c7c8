# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""FMViT's reconstruction: folding, attention and frequencies (card 20, How to verify)."""

from __future__ import annotations

import copy
from collections import Counter

import onnx
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from vit_perception.export.backbone import backbone_graph  # noqa: E402
from vit_perception.models.backbones.fmvit import (  # noqa: E402
    ConvolutionBlock,
    FMViT,
    FusionBlock,
    PooledAttention,
)
from vit_perception.models.fusing import ConvNorm  # noqa: E402
from vit_perception.models.grouped_pointwise import GroupedPointwise  # noqa: E402
from vit_perception.models.macs import multiply_adds  # noqa: E402
from vit_perception.models.shelf import (  # noqa: E402
    create_backbone,
    create_classifier,
    find,
    for_inference,
)

pytestmark = pytest.mark.torch


def with_statistics(module: nn.Module) -> nn.Module:
    """The module in eval mode with BatchNorms drawn as the card says."""
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.normal_(norm.running_mean, 0, 0.1)
            nn.init.uniform_(norm.running_var, 0.5, 1.5)
            nn.init.uniform_(norm.weight, 0.5, 1.5)
            nn.init.normal_(norm.bias, 0, 0.1)
    return module.eval()


@pytest.fixture(scope="module")
def small() -> nn.Module:
    torch.manual_seed(0)
    return with_statistics(create_classifier("fmvit_r_small", (224, 224)))


def parameters(model: nn.Module) -> int:
    return sum(each.numel() for each in model.parameters())


def relative(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((found - wanted).abs().max() / wanted.abs().max())


@torch.no_grad()
def test_folding_the_whole_network_keeps_its_logits(small: nn.Module) -> None:
    image = torch.randn(1, 3, 96, 128)
    assert relative(for_inference(small)(image), small(image)) < 1e-5


def test_counts_of_the_folded_network(small: nn.Module) -> None:
    # The card folded the gMLPs alone; the exact number shows that its network is this one.
    gmlps = copy.deepcopy(small)
    for name, module in list(gmlps.named_modules()):
        if isinstance(module, GroupedPointwise):
            gmlps.set_submodule(name, module.fuse())
    assert parameters(gmlps) == 31_751_944
    folded = for_inference(small)
    assert parameters(folded) == pytest.approx(31_751_944, rel=0.005)
    found = multiply_adds(folded, torch.zeros(1, 3, 224, 224))
    assert found == pytest.approx(find("fmvit_r_small").macs, rel=0.02)


@torch.no_grad()
@pytest.mark.parametrize(("c_in", "c_out"), [(24, 24), (24, 72), (72, 24), (12, 20)])
def test_gmlp_folds_to_one_convolution(c_in: int, c_out: int) -> None:
    torch.manual_seed(1)
    gmlp = with_statistics(GroupedPointwise(c_in, c_out))
    wanted = {1, 2, 4} if c_in == 12 else {1, 2, 4, 8}
    assert {branch.conv.groups for branch in gmlp.branches} == wanted
    assert (gmlp.identity is not None) == (c_in == c_out)
    x = torch.randn(2, c_in, 5, 6)
    assert relative(gmlp.fuse()(x), gmlp(x)) < 1e-5


@torch.no_grad()
def test_gmlp_of_one_branch_is_what_that_folds_to() -> None:
    torch.manual_seed(2)
    plain = with_statistics(GroupedPointwise(16, 16, groups=(1,), identity=False))
    convolution = plain.branches[0].fuse()
    torch.testing.assert_close(plain.fuse().weight, convolution.weight)
    torch.testing.assert_close(plain.fuse().bias, convolution.bias)

    alone = with_statistics(GroupedPointwise(16, 16, groups=(), identity=True))
    weight = alone.fuse().weight[:, :, 0, 0]
    norm = alone.identity
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    torch.testing.assert_close(weight, torch.diag(scale))

    blocks = with_statistics(GroupedPointwise(16, 32, groups=(4,)))
    weight = blocks.fuse().weight[:, :, 0, 0]
    outside = torch.block_diag(*[torch.ones(8, 4)] * 4) == 0
    assert not weight[outside].any()
    assert weight[~outside].all()


@torch.no_grad()
def test_attention_without_pooling_is_ordinary_attention() -> None:
    torch.manual_seed(3)
    channels, height, width = 96, 5, 7
    ours = with_statistics(PooledAttention(channels, pool=1))
    # Norms that do nothing leave the projections alone.
    ours.norm = nn.Identity()
    wanted = nn.MultiheadAttention(channels, channels // 32, batch_first=True).eval()
    folded = [getattr(ours, name).fuse() for name in ("q", "k", "v", "out")]
    wanted.in_proj_weight.copy_(torch.cat([conv.weight[:, :, 0, 0] for conv in folded[:3]]))
    wanted.in_proj_bias.copy_(torch.cat([conv.bias for conv in folded[:3]]))
    wanted.out_proj.weight.copy_(folded[3].weight[:, :, 0, 0])
    wanted.out_proj.bias.copy_(folded[3].bias)
    x = torch.randn(2, channels, height, width)
    tokens = x.flatten(2).transpose(1, 2)
    expected = wanted(tokens, tokens, tokens, need_weights=False)[0].transpose(1, 2)
    assert relative(ours(x), expected.reshape(x.shape)) < 1e-6


@torch.no_grad()
@pytest.mark.parametrize("pool", [1, 2, 4, 8])
def test_attention_folds_its_norm_also_over_cells_at_the_border(pool: int) -> None:
    torch.manual_seed(4)
    attention = with_statistics(PooledAttention(64, pool))
    x = torch.randn(1, 64, 11, 9)
    assert relative(attention.fuse()(x), attention(x)) < 1e-5


@torch.no_grad()
def test_convolution_keeps_the_high_frequencies_that_attention_removes() -> None:
    torch.manual_seed(5)
    fusion = FusionBlock(192, 256, 1, 0.0, pool=4).eval()
    convolution = ConvolutionBlock(192, 192, 1, 0.0).eval()
    for module in (*fusion.modules(), *convolution.modules()):
        if isinstance(module, nn.Conv2d):
            nn.init.trunc_normal_(module.weight, std=0.02)  # as in the network
    noise = torch.randn(1, 192, 32, 32)
    attended = fusion.lows[0](noise)
    high = fusion(noise)[:, 192:]
    # The square of half the side leaves three quarters of the spectrum.
    assert high_share(noise) == pytest.approx(0.72, abs=0.03)
    assert high_share(attended) < 0.2
    assert high_share(convolution.texture(noise)) > 0.4
    assert high_share(convolution(noise)) > 0.6
    assert high_share(high) > 0.6


def high_share(x: torch.Tensor) -> float:
    """Share of the energy above half of Nyquist's frequency."""
    energy = torch.fft.fft2(x).abs().square().sum((0, 1))
    frequency = torch.fft.fftfreq(x.shape[2]).abs()
    high = torch.maximum(frequency[:, None], frequency) > 0.25
    return float(energy[high].sum() / energy.sum())


def test_places_and_widths_of_the_fusion_blocks() -> None:
    with torch.device("meta"):
        model = FMViT((3, 4, 20, 3))
    places = [
        [index for index, block in enumerate(stage) if isinstance(block, FusionBlock)]
        for stage in model.stages
    ]
    assert places == [[], [3], [4, 9, 14, 19], [2]]
    lows = [model.stages[stage][-1].lows[0].norm.num_features for stage in (1, 2, 3)]
    assert lows == [192, 384, 768]


@torch.no_grad()
def test_two_pairs_of_frequencies_mix_and_fold() -> None:
    torch.manual_seed(6)
    one, two = (FusionBlock(32, 128, 2, 0.0, pool=2, n_freq=n) for n in (1, 2))
    assert len(two.lows) == len(two.highs) == 2
    assert parameters(two) > parameters(one)
    model = nn.Sequential(with_statistics(two))
    x = torch.randn(1, 32, 14, 18)
    assert model(x).shape == (1, 128, 7, 9)
    assert relative(for_inference(model)(x), model(x)) < 1e-5


def test_the_graph_has_no_norms_and_no_branches() -> None:
    backbone = with_statistics(create_backbone("fmvit_r_small", (64, 64)))
    graph = onnx.load_from_string(backbone_graph(backbone, (64, 64)))
    kinds = Counter(node.op_type for node in graph.graph.node)
    assert set(kinds) <= {
        "Add", "AveragePool", "Cast", "Concat", "Constant", "Conv", "Div", "Identity", "MatMul",
        "Relu", "Reshape", "Softmax", "Transpose",
    }  # fmt: skip
    assert kinds["Div"] == 1, "of the picture by 255"
    assert kinds["Softmax"] == 4
    assert kinds["MatMul"] == 8
    convolutions = sum(isinstance(m, (ConvNorm, GroupedPointwise)) for m in backbone.modules())
    branches = sum(len(m.branches) for m in backbone.modules() if isinstance(m, GroupedPointwise))
    assert kinds["Conv"] == convolutions - branches
