# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""FcaFormer's own invariants (card 34)."""

from __future__ import annotations

import copy
import math
from collections import Counter

import pytest

torch = pytest.importorskip("torch")

import onnx  # noqa: E402

from test.models.backbones.randomised import randomise  # noqa: E402
from vit_perception.export.onnx_graph import to_onnx  # noqa: E402
from vit_perception.models.backbones.fcaformer import (  # noqa: E402
    VARIANTS,
    FcaBlock,
    FcaStage,
    TokenMerging,
    resized_state,
    summary_grid,
)
from vit_perception.models.fusing import ConvNorm  # noqa: E402
from vit_perception.models.macs import multiply_adds  # noqa: E402
from vit_perception.models.shelf import (  # noqa: E402
    create_backbone,
    create_classifier,
    for_inference,
)

# After our package, which makes it importable beside any build of torch.
timm = pytest.importorskip("timm")

pytestmark = pytest.mark.torch

WIDTH, SIZE = 64, (5, 7)
#: What the card counts at 224, in G.
CARD_GMACS = {"l1": 1.385, "l2": 3.620, "l3": 6.680, "l4": 14.535}


def block_and_inputs(
    sources: int = 2, last: bool = False
) -> tuple[FcaBlock, torch.Tensor, list[torch.Tensor]]:
    torch.manual_seed(0)
    block = randomise(FcaBlock(WIDTH, SIZE, sources, last))
    tokens = torch.randn(2, math.prod(SIZE), WIDTH)
    cells = math.prod(summary_grid(SIZE))
    return block, tokens, [torch.randn(2, cells, WIDTH) for _ in range(sources)]


def without_sources(block: FcaBlock) -> FcaBlock:
    """A block with the same weights that has no summaries to look at."""
    plain = FcaBlock(WIDTH, SIZE, 0, block.merge is None).eval()
    kept = {key: x for key, x in block.state_dict().items() if "cross" not in key}
    plain.load_state_dict(kept)
    return plain


@torch.no_grad()
def test_masked_summaries_leave_a_plain_block() -> None:
    block, tokens, earlier = block_and_inputs()
    wanted, summary = without_sources(block)(tokens, [])
    assert (block(tokens, earlier)[0] - wanted).abs().max() > 1e-2
    block.attention.cross_bias.fill_(-1e4)
    found, same = block(tokens, earlier)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-6)
    torch.testing.assert_close(same, summary, rtol=0, atol=1e-6)


@torch.no_grad()
def test_summaries_of_scale_zero_are_still_looked_at() -> None:
    # Their norm makes its bias of them.
    block, tokens, earlier = block_and_inputs()
    wanted, _ = without_sources(block)(tokens, [])
    block.attention.cross_scale.zero_()
    found, _ = block(tokens, earlier)
    assert (found - wanted).abs().max() > 1e-3
    others, _ = block(tokens, [torch.randn_like(x) for x in earlier])
    torch.testing.assert_close(others, found)


@torch.no_grad()
def test_attention_is_one_softmax_over_tokens_and_summaries() -> None:
    attention, tokens, earlier = (lambda b, x, s: (b.attention, x, torch.cat(s, 1)))(
        *block_and_inputs()
    )
    found = attention(tokens, earlier)
    sources = attention.cross_norm(earlier * attention.cross_scale)
    weight, bias = attention.qkv.weight, attention.qkv.bias
    own, other = (torch.nn.functional.linear(x, weight, bias) for x in (tokens, sources))
    distances = attention.bias()
    mixed = []
    for head in range(2):
        # Columns of a head in queries, keys and values.
        q, k, v = (slice(start + 32 * head, start + 32 * head + 32) for start in (0, 64, 128))
        query = own[..., q] * 32**-0.5
        logits = torch.cat(
            [
                query @ own[..., k].mT + distances[head],
                query @ other[..., k].mT + attention.cross_bias[:, head],
            ],
            dim=2,
        )
        mixed.append(logits.softmax(2) @ torch.cat([own[..., v], other[..., v]], dim=1))
    torch.testing.assert_close(found, attention.proj(torch.cat(mixed, 2)), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_biases_are_of_distances_in_rows_and_columns() -> None:
    bias = block_and_inputs()[0].attention.bias
    height, width = SIZE
    assert bias.table.shape == (2, height * width)
    found = bias()
    for query in range(height * width):
        for key in range(height * width):
            rows = abs(query // width - key // width)
            columns = abs(query % width - key % width)
            assert torch.equal(found[:, query, key], bias.table[:, rows * width + columns])


@torch.no_grad()
def test_the_summary_comes_before_the_enhancement() -> None:
    block, tokens, earlier = block_and_inputs()
    before, summary = block(tokens, earlier)
    block.enhance.conv.weight.mul_(2)
    after, same = block(tokens, earlier)
    assert torch.equal(summary, same)
    assert not torch.equal(before, after)


@pytest.mark.parametrize("size", [(1, 2), (2, 2), (3, 1), (5, 7)])
def test_summaries_in_training_have_the_gradients_of_a_padded_convolution(
    size: tuple[int, int],
) -> None:
    torch.manual_seed(0)
    merging = TokenMerging(WIDTH)
    maps = torch.randn(4, WIDTH, *size)
    sums = [merging.train()(maps), merging.eval()(maps)]
    torch.testing.assert_close(sums[0], sums[1], rtol=1e-5, atol=1e-5)
    wanted, found = (torch.autograd.grad(each.square().sum(), merging.weight) for each in sums)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)


def test_small_maps_leave_gradients_finite_in_bfloat16() -> None:
    merging = TokenMerging(320).to(torch.bfloat16).to(memory_format=torch.channels_last).train()
    maps = torch.ones(64, 320, 2, 2, dtype=torch.bfloat16).to(memory_format=torch.channels_last)
    for _ in range(20):
        # Memory that is taken over without being written then holds what this leaves.
        torch.full((3_000_000,), math.nan)
        (gradient,) = torch.autograd.grad(merging(maps).sum(), merging.weight)
        assert gradient.isfinite().all()


@torch.no_grad()
def test_nothing_goes_round_the_enhancement() -> None:
    block, tokens, earlier = block_and_inputs()
    block.enhance.norm.weight.zero_()
    found, _ = block(tokens, earlier)
    other, _ = block(torch.randn_like(tokens), earlier)
    assert torch.equal(found, other)


def test_tokens_of_each_blocks_summaries() -> None:
    micro = create_classifier("fcaformer_l1", (224, 224)).stages[2].blocks
    assert [block.attention.summaries for block in micro] == [0, 16, 32, 48, 64, 80]
    assert micro[0].attention.bias.table.shape == (6, 196)
    small = FcaStage(32, 32, (14, 14), [0.0] * 12).blocks
    assert small[11].attention.summaries == 176
    assert FcaStage(32, 32, (7, 7), [0.0] * 2).blocks[1].attention.summaries == 4
    # 30 x 40 is stage 3 of 480 x 640.
    assert FcaStage(32, 32, (30, 40), [0.0] * 2).blocks[1].attention.summaries == 8 * 10


@torch.no_grad()
def test_only_the_last_twelve_summaries_are_looked_at() -> None:
    block, tokens, earlier = block_and_inputs(sources=14)
    assert block.attention.summaries == 12 * math.prod(summary_grid(SIZE))
    found, _ = block(tokens, earlier)
    same, _ = block(tokens, [torch.randn_like(x) for x in earlier[:2]] + earlier[2:])
    assert torch.equal(found, same)
    other, _ = block(tokens, earlier[:2] + [torch.randn_like(x) for x in earlier[2:]])
    assert not torch.equal(found, other)


def test_a_stages_last_block_sums_nothing_up() -> None:
    keys = create_classifier("fcaformer_l1", (224, 224)).state_dict()
    for stage, last in ((2, 5), (3, 1)):
        have = {
            block
            for block in range(last + 1)
            if f"stages.{stage}.blocks.{block}.merge.weight" in keys
        }
        assert have == set(range(last))
    assert not any(key.startswith("stages.2.blocks.0.attention.cross") for key in keys)


@torch.no_grad()
def test_folded_norms_change_nothing() -> None:
    block, tokens, earlier = block_and_inputs()
    wanted, summary = block(tokens, earlier)
    stage = torch.nn.ModuleDict({"block": block})
    fused = for_inference(stage)["block"]
    assert not any(isinstance(module, ConvNorm) for module in fused.modules())
    found, same = fused(tokens, earlier)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(same, summary, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda each: each.name)
def test_multiply_adds_with_the_unused_queries_of_the_card(variant) -> None:  # noqa: ANN001
    # Counted without computing.
    model = create_classifier(variant.name, (224, 224)).eval().to("meta")
    counted = multiply_adds(model, torch.zeros(1, 3, 224, 224, device="meta"))
    blocks = [module for module in model.modules() if isinstance(module, FcaBlock)]
    unused = sum(block.attention.summaries * block.width**2 for block in blocks)
    card = CARD_GMACS[variant.name.removeprefix("fcaformer_")] * 1e9
    # The card's counter has the norms, which are 0.3 to 0.8 % here.
    assert counted + unused == pytest.approx(card, rel=0.01)
    assert variant.macs == pytest.approx(card - unused, rel=0.001)


def test_another_size_than_that_of_the_tables_is_refused() -> None:
    backbone = create_backbone("fcaformer_l1", (64, 96)).eval()
    with pytest.raises(ValueError, match=r"expected a map of \(4, 6\), found \(4, 4\): img_size"):
        backbone(torch.zeros(1, 3, 64, 64))


@torch.no_grad()
def test_weights_of_one_size_serve_another() -> None:
    square, wide = (
        randomise(create_classifier("fcaformer_l1", size, 10)) for size in ((128, 128), (96, 160))
    )
    state = square.state_dict()
    assert all(
        torch.equal(x, state[key]) for key, x in resized_state(state, square, square).items()
    )
    first = square.stages[2].blocks[1].attention
    first.cross_scale.fill_(0.7)
    # Falls by 1 a row and by 0.1 a column of distance.
    rows, columns = torch.arange(8.0), torch.arange(8.0)
    first.bias.table.copy_((-rows[:, None] - 0.1 * columns).flatten().expand(6, -1))
    wide.load_state_dict(resized_state(square.state_dict(), square, wide))
    resized = wide.stages[2].blocks[1].attention
    assert resized.cross_scale.shape == (1, 2 * 3, 1)
    torch.testing.assert_close(resized.cross_scale, torch.full((1, 6, 1), 0.7))
    table = resized.bias.table.unflatten(1, (6, 10))
    torch.testing.assert_close(table[:, 0, 0], torch.zeros(6))
    torch.testing.assert_close(table[:, 5, 0], torch.full((6,), -7.0))
    torch.testing.assert_close(table[:, 0, 9], torch.full((6,), -0.7))
    assert torch.isfinite(wide(torch.rand(1, 3, 96, 160))).all()


def test_stochastic_depth_grows_to_its_rate() -> None:
    model = timm.create_model("fcaformer_l2", img_size=64, drop_path_rate=0.1)
    assert model.stages[0][0].drop_path.__class__ is torch.nn.Identity
    assert model.stages[3].blocks[-1].drop_path.drop_prob == pytest.approx(0.1)
    assert model.stages[2].blocks[0].drop_path.drop_prob == pytest.approx(0.1 * 4 / 12)


def test_the_graph_has_no_arithmetic_of_shapes() -> None:
    backbone = randomise(create_backbone("fcaformer_l1", (64, 96)))
    before = copy.deepcopy(backbone.state_dict())
    image = torch.zeros(1, 3, 64, 96)
    names = [f"c{level}" for level in range(4)]
    graph = onnx.load_from_string(
        to_onnx(for_inference(backbone), (image,), ("x",), names, {})
    ).graph
    kinds = Counter(node.op_type for node in graph.node)
    assert not kinds.keys() & {"Shape", "Slice", "Split", "Einsum", "BatchNormalization", "Where"}
    # Two look up the distances of each block; engines fold them.
    assert kinds["Gather"] == 16
    assert all(torch.equal(x, before[key]) for key, x in backbone.state_dict().items())
