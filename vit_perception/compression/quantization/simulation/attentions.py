# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Attention of timm's networks with both products as modules.

Each class here is the one of timm with another `forward`: `expose` gives a module its class, so
parameters, names and `isinstance` stay. Operands are [B, heads, …, rows, columns].
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from timm.layers.attention import Attention, maybe_add_mask, resolve_self_attn_mask
from timm.models import efficientformer, efficientformer_v2, mobilevit, shvit, swin_transformer
from torch import Tensor, nn

from vit_perception.compression.quantization.simulation.layers import QuantizedProduct
from vit_perception.models.quantizable_attention import QuantizableAttention


class _Attention(Attention):
    """Of ViT, DeiT and MobileViT."""

    scores: nn.Module
    context: nn.Module

    def forward(
        self, x: Tensor, attn_mask: Tensor | None = None, is_causal: bool = False
    ) -> Tensor:
        batch, tokens, _ = x.shape
        gate = None if self.gate is None else self.gate(x).sigmoid()
        qkv = self.qkv(x).reshape(batch, tokens, 3, self.num_heads, self.head_dim)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        q, k = self.q_norm(q), self.k_norm(k)
        scores = self.scores(q * self.scale, k.transpose(-2, -1))
        mask = resolve_self_attn_mask(tokens, scores, attn_mask, is_causal)
        x = self.context(maybe_add_mask(scores, mask).softmax(-1), v)
        x = self.norm(x.transpose(1, 2).reshape(batch, tokens, self.attn_dim))
        return self.proj_drop(self.proj(x if gate is None else x * gate))  # type: ignore[no-any-return]


class _QuantizableAttention(QuantizableAttention):
    """With clipped softmax or gated heads."""

    scores: nn.Module
    context: nn.Module

    def attend(
        self, q: Tensor, k: Tensor, v: Tensor, attn_mask: Tensor | None, is_causal: bool
    ) -> Tensor:
        scores = self.scores(q * self.scale, k.transpose(-2, -1))
        mask = resolve_self_attn_mask(q.shape[-2], scores, attn_mask, is_causal)
        scores = maybe_add_mask(scores, mask)
        shares = scores.softmax(-1) if self.softmax is None else self.softmax(scores)
        return self.context(shares, v)  # type: ignore[no-any-return]


class _WindowAttention(swin_transformer.WindowAttention):
    """Of Swin."""

    scores: nn.Module
    context: nn.Module

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        batch, tokens, _ = x.shape
        qkv = self.qkv(x).reshape(batch, tokens, 3, self.num_heads, -1)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        scores = self.scores(q * self.scale, k.transpose(-2, -1)) + self._get_rel_pos_bias()
        if mask is not None:
            windows = len(mask)
            scores = scores.view(-1, windows, self.num_heads, tokens, tokens)
            scores = (scores + mask[:, None]).view(-1, self.num_heads, tokens, tokens)
        x = self.context(scores.softmax(-1), v)
        x = x.transpose(1, 2).reshape(batch, tokens, -1)
        return self.proj_drop(self.proj(x))  # type: ignore[no-any-return]


class _LinearSelfAttention(mobilevit.LinearSelfAttention):
    """Of MobileViT v2; the sum of keys, weighted by the softmax, is the context product."""

    context: nn.Module

    def _forward_self_attn(self, x: Tensor) -> Tensor:
        query, key, value = self.qkv_proj(x).split([1, self.embed_dim, self.embed_dim], dim=1)
        # [B, 1, P, 1, N] times [B, 1, P, N, C], as there is one head.
        weights = query.softmax(-1)[:, :, :, None]
        context = self.context(weights, key.permute(0, 2, 3, 1)[:, None])
        context = context[:, 0, :, 0].transpose(1, 2)[..., None]
        return self.out_drop(self.out_proj(F.relu(value) * context))  # type: ignore[no-any-return]


class _EfficientFormer(efficientformer.Attention):
    """Of EfficientFormer."""

    scores: nn.Module
    context: nn.Module

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, _ = x.shape
        qkv = self.qkv(x).reshape(batch, tokens, self.num_heads, -1).permute(0, 2, 1, 3)
        q, k, v = qkv.split([self.key_dim, self.key_dim, self.val_dim], dim=3)
        scores = self.scores(q, k.transpose(-2, -1)) * self.scale + _biases(self)
        x = self.context(scores.softmax(-1), v)
        x = x.transpose(1, 2).reshape(batch, tokens, self.val_attn_dim)
        return self.proj(x)  # type: ignore[no-any-return]


class _Attention2d(efficientformer_v2.Attention2d):
    """Of EfficientFormer v2."""

    scores: nn.Module
    context: nn.Module

    def forward(self, x: Tensor) -> Tensor:
        batch = len(x)
        if self.stride_conv is not None:
            x = self.stride_conv(x)
        q, k, v = self.q(x), self.k(x), self.v(x)
        local = self.v_local(v)
        shape = (batch, self.num_heads, -1, self.N)
        q, k, v = q.reshape(shape).transpose(2, 3), k.reshape(shape), v.reshape(shape)
        scores = self.scores(q, k) * self.scale + _biases(self)
        weights = self.talking_head2(self.talking_head1(scores).softmax(-1))
        x = self.context(weights, v.transpose(2, 3)).transpose(2, 3)
        x = x.reshape(local.shape) + local
        if self.upsample is not None:
            x = self.upsample(x)
        return self.proj(self.act(x))  # type: ignore[no-any-return]


class _Attention2dDownsample(efficientformer_v2.Attention2dDownsample):
    """Of EfficientFormer v2, between stages."""

    scores: nn.Module
    context: nn.Module

    def forward(self, x: Tensor) -> Tensor:
        batch = len(x)
        q, k, v = self.q(x), self.k(x), self.v(x)
        local = self.v_local(v)
        q = q.reshape(batch, self.num_heads, -1, self.N2).transpose(2, 3)
        k = k.reshape(batch, self.num_heads, -1, self.N)
        v = v.reshape(batch, self.num_heads, -1, self.N).transpose(2, 3)
        scores = self.scores(q, k) * self.scale + _biases(self)
        x = self.context(scores.softmax(-1), v).transpose(2, 3)
        x = x.reshape(local.shape) + local
        return self.proj(self.act(x))  # type: ignore[no-any-return]


class _SHSA(shvit.SHSA):
    """Of SHViT, with one head."""

    scores: nn.Module
    context: nn.Module

    def forward(self, x: Tensor) -> Tensor:
        batch, _, height, width = x.shape
        attended, kept = x.split([self.pdim, self.dim - self.pdim], dim=1)
        qkv = self.qkv(self.pre_norm(attended)).flatten(2)[:, None]
        q, k, v = qkv.split([self.qk_dim, self.qk_dim, self.pdim], dim=2)
        scores = self.scores(q.transpose(-2, -1), k) * self.scale
        context = self.context(scores.softmax(-1), v.transpose(-2, -1))
        attended = context.transpose(-2, -1).reshape(batch, self.pdim, height, width)
        return self.proj(torch.cat([attended, kept], dim=1))  # type: ignore[no-any-return]


_EXPOSED: dict[type[nn.Module], type[nn.Module]] = {
    Attention: _Attention,
    QuantizableAttention: _QuantizableAttention,
    swin_transformer.WindowAttention: _WindowAttention,
    mobilevit.LinearSelfAttention: _LinearSelfAttention,
    efficientformer.Attention: _EfficientFormer,
    efficientformer_v2.Attention2d: _Attention2d,
    efficientformer_v2.Attention2dDownsample: _Attention2dDownsample,
    shvit.SHSA: _SHSA,
}


def expose(model: nn.Module) -> None:
    """Gives each attention of `model` the modules `scores` and `context`, in place.

    Other attention, such as `nn.MultiheadAttention`, stays as it is.
    """
    for module in list(model.modules()):
        exposed = _EXPOSED.get(type(module))
        if exposed is None:
            continue
        module.__class__ = exposed
        for role in exposed.__annotations__:
            module.add_module(role, QuantizedProduct(role))


def _biases(attention: Any) -> Tensor:
    """Returns the table of biases; timm's cache of it would outlive a change of parameters."""
    biases: Tensor = attention.attention_biases[:, attention.attention_bias_idxs]
    return biases
