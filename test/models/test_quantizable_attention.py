# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Clipped softmax, gated attention and the norm behind the patch projection (card 55)."""

from __future__ import annotations

import copy
from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from vit_perception.export.onnx_graph import to_onnx  # noqa: E402
from vit_perception.models.head_gates import Gates  # noqa: E402
from vit_perception.models.quantizable_attention import (  # noqa: E402
    Clip,
    ClippedSoftmax,
    Quantizable,
    QuantizableAttention,
    make_quantizable,
)
from vit_perception.models.shelf import for_inference  # noqa: E402

timm = pytest.importorskip("timm")

from timm.layers import Attention  # noqa: E402
from timm.models.vision_transformer import Block, VisionTransformer  # noqa: E402

pytestmark = pytest.mark.torch

CHANNELS, HEADS, TOKENS = 48, 3, 17
OPTIONS = {
    "clipped": Quantizable(clip=Clip()),
    "linear": Quantizable(gates=Gates("linear")),
    "mlp": Quantizable(gates=Gates("mlp")),
    "all_heads": Quantizable(gates=Gates("all_heads")),
    "embed_norm": Quantizable(embed_norm=True),
    "linear and embed_norm": Quantizable(gates=Gates("linear"), embed_norm=True),
}


def vit(options: Quantizable = Quantizable()) -> VisionTransformer:  # noqa: B008
    torch.manual_seed(0)
    model = VisionTransformer(32, 8, num_classes=5, embed_dim=CHANNELS, depth=2, num_heads=HEADS)
    make_quantizable(model, options)
    return model.eval()


def pictures() -> torch.Tensor:
    return torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def attention() -> Attention:
    torch.manual_seed(0)
    return Attention(CHANNELS, HEADS, qkv_bias=True).eval()


def tokens() -> torch.Tensor:
    return torch.randn(2, TOKENS, CHANNELS, generator=torch.Generator().manual_seed(2))


def scores() -> torch.Tensor:
    return 3 * torch.randn(2, HEADS, TOKENS, TOKENS, generator=torch.Generator().manual_seed(3))


@torch.no_grad()
def set_gates(layer: QuantizableAttention, bias: float) -> QuantizableAttention:
    """Gives gates one bias and no weights."""
    assert layer.gate is not None
    for name, parameter in layer.gate.named_parameters():
        parameter.fill_(bias if name == "bias" else 0)
    return layer


def context_of(layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """What the output projection reads."""
    seen: list[torch.Tensor] = []
    hook = layer.proj.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    layer(x)
    hook.remove()
    return seen[0]


# Clipped softmax


def test_without_a_stretch_it_is_softmax() -> None:
    plain = ClippedSoftmax(Clip(gamma=0.0))
    assert torch.equal(plain(scores()), scores().softmax(-1))


@pytest.mark.parametrize("gamma", [-0.001, -0.02, -0.2])
def test_rows_sum_to_one_at_most(gamma: float) -> None:
    rows = ClippedSoftmax(Clip(gamma=gamma))(scores())
    assert rows.min() >= 0
    assert rows.max() <= 1
    assert rows.sum(-1).max() <= 1 + 1e-6


@pytest.mark.parametrize("gamma", [-0.001, -0.02, -0.2])
def test_zeros_are_what_lies_below_the_bound(gamma: float) -> None:
    plain = scores().softmax(-1)
    bound = -gamma / (1 - gamma)
    clear = (plain - bound).abs() > 1e-6
    zero = ClippedSoftmax(Clip(gamma=gamma))(scores()) == 0
    assert torch.equal(zero[clear], (plain <= bound)[clear])
    assert 0 < zero.float().mean() < 1
    # With no probability below the bound there is none.
    even = torch.zeros(1, 4)
    assert (ClippedSoftmax(Clip(gamma=gamma))(even) > 0).all()


def test_zeta_reaches_one() -> None:
    sharp = torch.tensor([[6.0, 0.0, 0.0]])
    assert ClippedSoftmax(Clip(gamma=0.0))(sharp).max() < 1
    assert ClippedSoftmax(Clip(gamma=0.0, zeta=1.03))(sharp).max() == 1


def test_clipped_entries_pass_no_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[torch.Tensor] = []
    softmax = torch.Tensor.softmax

    def noted(x: torch.Tensor, axis: int) -> torch.Tensor:
        kept.append(softmax(x, axis))
        kept[0].retain_grad()
        return kept[0]

    monkeypatch.setattr(torch.Tensor, "softmax", noted)
    out = ClippedSoftmax(Clip(gamma=-0.05))(scores().requires_grad_())
    weights = torch.randn(out.shape, generator=torch.Generator().manual_seed(4))
    (out * weights).sum().backward()
    gradient = kept[0].grad
    assert gradient is not None
    assert (gradient[out == 0] == 0).all()
    torch.testing.assert_close(gradient[out > 0], 1.05 * weights[out > 0])


def test_gamma_follows_the_number_of_keys() -> None:
    softmax = ClippedSoftmax(Clip(alpha=4.0))
    assert softmax.gamma(197) == pytest.approx(-0.0203, abs=1e-4)
    fixed = ClippedSoftmax(Clip(gamma=-4 / TOKENS))
    assert torch.equal(softmax(scores()), fixed(scores()))


def test_even_attention_passes_up_to_an_alpha_of_one() -> None:
    even = torch.zeros(1, TOKENS)
    assert (ClippedSoftmax(Clip(alpha=1.0))(even) > 0).all()
    assert (ClippedSoftmax(Clip(alpha=TOKENS / (TOKENS - 1) + 0.01))(even) == 0).all()


@pytest.mark.parametrize(("alpha", "learns"), [(0.6, True), (4.0, False)])
def test_large_alphas_keep_a_fresh_vit_from_learning_to_attend(alpha: float, learns: bool) -> None:
    model = vit(Quantizable(clip=Clip(alpha=alpha))).train()
    model(pictures()).square().sum().backward()
    gradients = [block.attn.qkv.weight.grad for block in model.blocks]
    assert all((each != 0).any() == learns for each in gradients)


def test_it_comes_after_masking() -> None:
    layer = QuantizableAttention(attention(), Clip(gamma=0.0), None)
    mask = torch.rand(2, 1, TOKENS, TOKENS, generator=torch.Generator().manual_seed(5)) < 0.7
    mask |= torch.eye(TOKENS, dtype=torch.bool)
    for more in ({"attn_mask": mask}, {"is_causal": True}):
        torch.testing.assert_close(layer(tokens(), **more), attention()(tokens(), **more))


# Gates


@pytest.mark.parametrize("form", ["linear", "mlp", "all_heads"])
def test_open_gates_change_nothing(form: str) -> None:
    layer = set_gates(QuantizableAttention(attention(), None, Gates(form)), 40.0)
    torch.testing.assert_close(layer(tokens()), attention()(tokens()), rtol=0, atol=1e-6)


@pytest.mark.parametrize("form", ["linear", "mlp", "all_heads"])
def test_half_open_gates_halve_the_context(form: str) -> None:
    layer = QuantizableAttention(attention(), None, Gates(form, start=0.5))
    assert layer.gate is not None
    set_gates(layer, layer.gate.bias[0].item())
    assert torch.equal(context_of(layer, tokens()), 0.5 * context_of(attention(), tokens()))


@pytest.mark.parametrize("form", ["linear", "mlp", "all_heads"])
@pytest.mark.parametrize("start", [0.1, 0.5])
def test_fine_tuning_begins_with_the_network_itself(form: str, start: float) -> None:
    gates = Gates(form, start=start, fine_tuning=True)
    layer = QuantizableAttention(attention(), None, gates)
    assert layer.gate is not None
    begin = layer(tokens())
    torch.testing.assert_close(begin, attention()(tokens()), rtol=0, atol=0.1)
    set_gates(layer, layer.gate.bias[0].item())
    torch.testing.assert_close(layer(tokens()), attention()(tokens()), rtol=0, atol=1e-6)


def test_a_gate_weighs_its_head() -> None:
    layer = QuantizableAttention(attention(), None, Gates("linear"))
    assert layer.gate is not None
    shares = layer.gate(tokens()).sigmoid().repeat_interleave(CHANNELS // HEADS, -1)
    wanted = shares * context_of(attention(), tokens())
    torch.testing.assert_close(context_of(layer, tokens()), wanted, rtol=1e-6, atol=1e-6)


def test_gates_of_all_heads_equal_timms_with_repeated_rows() -> None:
    layer = QuantizableAttention(attention(), None, Gates("all_heads"))
    theirs = Attention(CHANNELS, HEADS, qkv_bias=True, gated=True).eval()
    weights = layer.state_dict()
    for name in ("gate.weight", "gate.bias"):
        weights[name] = weights[name].repeat_interleave(CHANNELS // HEADS, 0)
    theirs.load_state_dict(weights)
    torch.testing.assert_close(layer(tokens()), theirs(tokens()), rtol=0, atol=1e-6)


DEIT = {"tiny": 5_717_416, "small": 22_050_664, "base": 86_567_656}
ADDED = {
    "linear": {"tiny": 2_340, "small": 4_680, "base": 9_360},
    "mlp": {"tiny": 38_052, "small": 76_104, "base": 152_208},
    "all_heads": {"tiny": 6_948, "small": 27_720, "base": 110_736},
}


@pytest.mark.parametrize("size", DEIT)
@pytest.mark.parametrize("form", ADDED)
def test_parameters_of_deit_grow_as_the_card_says(form: str, size: str) -> None:
    with torch.device("meta"):
        model = timm.create_model(f"deit_{size}_patch16_224")
        before = sum(p.numel() for p in model.parameters())
        make_quantizable(model, Quantizable(gates=Gates(form)))
    after = sum(p.numel() for p in model.parameters())
    assert (before, after - before) == (DEIT[size], ADDED[form][size])


# The network


def test_embed_norm_is_timms() -> None:
    made = vit(Quantizable(embed_norm=True))
    theirs = VisionTransformer(
        32, 8, num_classes=5, embed_dim=CHANNELS, depth=2, num_heads=HEADS,
        embed_norm_layer=nn.LayerNorm,
    ).eval()  # fmt: skip
    theirs.load_state_dict(made.state_dict())
    assert torch.equal(made(pictures()), theirs(pictures()))
    assert not torch.allclose(made(pictures()), vit()(pictures()))


def test_weights_that_were_there_stay() -> None:
    plain = vit().state_dict()
    for name, options in OPTIONS.items():
        made = vit(options).state_dict()
        added = [key for key in made if key not in plain]
        assert all(torch.equal(made[key], plain[key]) for key in plain)
        assert all(".gate." in key or key.startswith("patch_embed.norm.") for key in added)
        assert bool(added) == (name != "clipped")


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_gradients_reach_all_parameters(options: Quantizable) -> None:
    model = vit(options).train()
    model(pictures()).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_onnx_computes_the_same(options: Quantizable) -> None:
    model = vit(options)
    for each in (model, for_inference(model)):
        graph = to_onnx(each, (pictures(),), ["image"], ["logits"], {"image": {0: "batch"}})
        session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
        found = session.run(None, {"image": pictures().numpy()})[0]
        wanted = model(pictures()).detach().numpy()
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)


def test_clipped_softmax_is_four_operators() -> None:
    softmax = ClippedSoftmax(Clip())
    graph = onnx.load_from_string(to_onnx(softmax, (scores(),), ["x"], ["y"], {}))
    kinds = [node.op_type for node in graph.graph.node if node.op_type != "Constant"]
    assert kinds == ["Softmax", "Mul", "Add", "Clip"]


def test_linear_gates_are_one_product_in_a_graph_for_inference() -> None:
    def products(options: Quantizable) -> Counter[str]:
        graph = to_onnx(for_inference(vit(options)), (pictures(),), ["x"], ["y"], {})
        return Counter(node.op_type for node in onnx.load_from_string(graph).graph.node)

    plain, gated = products(Quantizable()), products(OPTIONS["linear"])
    assert gated["MatMul"] - plain["MatMul"] == 2  # of two blocks
    assert gated["Sigmoid"] == 2
    assert not gated["ReduceSum"]


def test_mobilevit_takes_the_options() -> None:
    model = timm.create_model("mobilevit_xxs", num_classes=4).eval()
    plain = copy.deepcopy(model)
    make_quantizable(model, Quantizable(clip=Clip(gamma=0.0)))
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(6))
    torch.testing.assert_close(model(image), plain(image), rtol=1e-5, atol=1e-5)


# Refusals


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="clipped softmax or gates, found both"):
        Quantizable(clip=Clip(), gates=Gates())
    for wrong in ({"gamma": 0.1}, {"alpha": -1.0}, {"zeta": 0.9}):
        with pytest.raises(ValueError, match="expected alpha >= 0"):
            Clip(**wrong)
    with pytest.raises(ValueError, match="found none in Linear"):
        make_quantizable(nn.Linear(3, 3), Quantizable(clip=Clip()))
    with pytest.raises(ValueError, match="found Block with None"):
        make_quantizable(Block(CHANNELS, HEADS), Quantizable(embed_norm=True))
    with pytest.raises(ValueError, match="expected attention without gates"):
        QuantizableAttention(Attention(CHANNELS, HEADS, gated=True), None, Gates())
