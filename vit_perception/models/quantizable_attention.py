# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Training options by which vision transformers learn fewer activation outliers.

Quantizable Transformers (arXiv 2306.12929, card 55): a head that has nothing to add needs an
attention of zero, which softmax reaches with ever larger logits only. Clipped softmax reaches it,
a gate shuts the head, and a layer norm behind the patch projection removes what the picture
itself brings. A network keeps its options for inference and is quantized like any other.
"""

from __future__ import annotations

from dataclasses import dataclass

from timm.layers import Attention, maybe_add_mask, resolve_self_attn_mask
from torch import Tensor, nn
from torch.nn import functional

from vit_perception.models.head_gates import Gates, head_gates


@dataclass(frozen=True, slots=True)
class Clip:
    """How far softmax is stretched before it is clipped to 0 and 1 (Section 4.1).

    Attributes:
        alpha: gamma is -alpha / T for T keys; the paper's BERT has 3.2. From T / (T - 1) on, even
            attention is clipped to zeros that pass no gradient, and timm's ViTs start with
            nearly even attention: keep it below 1 for them.
        gamma: at most 0; in place of `alpha` if given.
        zeta: at least 1; more than 1 brought nothing in the paper.

    Raises:
        ValueError: a value is out of range.
    """

    alpha: float = 0.6
    gamma: float | None = None
    zeta: float = 1.0

    def __post_init__(self) -> None:
        if self.alpha < 0 or (self.gamma or 0.0) > 0 or self.zeta < 1:
            raise ValueError(f"expected alpha >= 0, gamma <= 0 and zeta >= 1, found {self}")


@dataclass(frozen=True, slots=True)
class Quantizable:
    """The paper's changes of a network; none by default.

    Clipped softmax excludes fused attention kernels, gates do not. For ViTs `embed_norm` alone
    removes most outliers. Gates can be added to a trained network as well, with
    `Gates(fine_tuning=True)`; the others change what it computes. Causal networks do not learn
    well with clipped softmax.

    Attributes:
        clip: clipped softmax.
        gates: gates of the heads.
        embed_norm: whether a layer norm follows the patch projection; timm's `embed_norm_layer`.

    Raises:
        ValueError: both clipped softmax and gates, which the paper did not combine.
    """

    clip: Clip | None = None
    gates: Gates | None = None
    embed_norm: bool = False

    def __post_init__(self) -> None:
        if self.clip and self.gates:
            raise ValueError("expected clipped softmax or gates, found both")


class ClippedSoftmax(nn.Module):
    """Softmax over the last axis, stretched to (gamma, zeta) and clipped to [0, 1].

    Args:
        clip: see :class:`Clip`.
    """

    def __init__(self, clip: Clip) -> None:
        super().__init__()
        self.clip = clip

    def gamma(self, keys: int) -> float:
        """Returns the lower end of the stretched softmax for a number of keys."""
        return -self.clip.alpha / keys if self.clip.gamma is None else self.clip.gamma

    def forward(self, scores: Tensor) -> Tensor:
        # A plain number: a traced one would add a division to every graph of free size.
        gamma = self.gamma(int(scores.shape[-1]))
        stretched = (self.clip.zeta - gamma) * scores.softmax(-1) + gamma
        return stretched.clamp(0, 1)

    def extra_repr(self) -> str:
        return str(self.clip)


class QuantizableAttention(nn.Module):
    """timm's `Attention` with clipped softmax or gates; its parameters keep their names.

    Args:
        attention: whose layers it takes over.
        clip: clipped softmax, or None for the plain one.
        gates: or None for none.

    Raises:
        ValueError: a gate for each channel is there already, or heads do not divide the input.
    """

    def __init__(self, attention: Attention, clip: Clip | None, gates: Gates | None) -> None:
        super().__init__()
        self.num_heads, self.head_dim = attention.num_heads, attention.head_dim
        self.scale = attention.scale
        self.qkv, self.proj = attention.qkv, attention.proj
        self.q_norm, self.k_norm, self.norm = attention.q_norm, attention.k_norm, attention.norm
        self.attn_drop, self.proj_drop = attention.attn_drop, attention.proj_drop
        channels = self.qkv.in_features
        if attention.gate is not None or (gates and channels % self.num_heads):
            raise ValueError(
                f"expected attention without gates, whose {self.num_heads} heads divide "
                f"{channels} channels, found {attention}"
            )
        self.softmax = None if clip is None else ClippedSoftmax(clip)
        self.gate = None if gates is None else head_gates(channels, self.num_heads, gates)
        self.gain = 1.0 if gates is None else gates.gain
        if self.gate is not None:
            self.gate.to(self.qkv.weight.device, self.qkv.weight.dtype)

    def forward(
        self, x: Tensor, attn_mask: Tensor | None = None, is_causal: bool = False
    ) -> Tensor:
        """Returns [B, N, C] of tokens [B, N, C]; masks are those of timm's `Attention`."""
        batch, tokens, _ = x.shape
        parts = self.qkv(x).reshape(batch, tokens, 3, self.num_heads, self.head_dim)
        q, k, v = parts.permute(2, 0, 3, 1, 4).unbind(0)
        q, k = self.q_norm(q), self.k_norm(k)
        context = self.attend(q, k, v, attn_mask, is_causal).transpose(1, 2)
        if self.gate is not None:
            opened = self.gate(x).sigmoid()
            if self.gain != 1:
                opened = opened * self.gain
            context = context * opened.unsqueeze(-1)
        joined = self.norm(context.reshape(batch, tokens, -1))
        out: Tensor = self.proj_drop(self.proj(joined))
        return out

    def attend(
        self, q: Tensor, k: Tensor, v: Tensor, attn_mask: Tensor | None, is_causal: bool
    ) -> Tensor:
        """Returns what heads gather, [B, heads, N, width], from as many q, k and v."""
        if self.softmax is None:
            dropped = self.attn_drop.p if self.training else 0.0
            return functional.scaled_dot_product_attention(
                q, k, v, attn_mask=attn_mask, dropout_p=dropped, is_causal=is_causal
            )
        scores = (q * self.scale) @ k.transpose(-2, -1)
        bias = resolve_self_attn_mask(q.shape[-2], scores, attn_mask, is_causal)
        shares: Tensor = self.attn_drop(self.softmax(maybe_add_mask(scores, bias)))
        return shares @ v


def make_quantizable(model: nn.Module, options: Quantizable) -> None:
    """Changes a network of timm's ViT blocks (ViT, DeiT, MobileViT) in place, before training.

    Weights that are there keep names and values.

    Args:
        model: the network.
        options: what to change.

    Raises:
        ValueError: the network has no such block, no patch projection without a norm, or an
            attention that cannot be gated.
    """
    if options.clip or options.gates:
        found = [
            (parent, name, child)
            for parent in model.modules()
            for name, child in parent.named_children()
            if isinstance(child, Attention)
        ]
        if not found:
            raise ValueError(
                f"expected blocks with timm's Attention, found none in {type(model).__name__}"
            )
        for parent, name, child in found:
            setattr(parent, name, QuantizableAttention(child, options.clip, options.gates))
    if options.embed_norm:
        _add_embed_norm(model)


def _add_embed_norm(model: nn.Module) -> None:
    embed = getattr(model, "patch_embed", None)
    projection = getattr(embed, "proj", None)
    plain = isinstance(getattr(embed, "norm", None), nn.Identity)
    if embed is None or not plain or not isinstance(projection, nn.Conv2d):
        raise ValueError(
            "expected a patch projection without a norm to put a layer norm behind, found "
            f"{type(model).__name__} with {embed}"
        )
    norm = nn.LayerNorm(projection.out_channels)
    embed.norm = norm.to(projection.weight.device, projection.weight.dtype)
