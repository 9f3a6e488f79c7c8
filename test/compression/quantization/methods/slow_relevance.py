# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Relevance of an image in a ViT, written out from card 48 with every contribution by itself.

It shares no code with the package and stands in for the public implementation, to which it cannot
be compared here.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def divided(a: Tensor, b: Tensor) -> Tensor:
    return torch.where(b == 0, torch.zeros_like(b), a / torch.where(b == 0, torch.ones_like(b), b))


def linear(x: Tensor, weight: Tensor, relevance: Tensor, alpha: float = 1.0) -> Tensor:
    """Returns that of x [T, in] for weight [out, in] and the relevance [T, out] of the result."""
    found = torch.zeros_like(x)
    parts = x[:, None, :] * weight[None]
    for factor, kind in ((alpha, parts.clamp(min=0)), (1 - alpha, parts.clamp(max=0))):
        share = divided(kind, kind.sum(-1, keepdim=True).expand_as(kind))
        found = found + factor * (share * relevance[:, :, None]).sum(1)
    return found


def patches(x: Tensor, weight: Tensor, relevance: Tensor) -> Tensor:
    """Returns that of patches [T, in] of an image, by the z^B rule."""
    low, high = x.min(), x.max()
    parts = x[:, None, :] * weight[None] - low * weight.clamp(min=0) - high * weight.clamp(max=0)
    share = divided(parts, parts.sum(-1, keepdim=True).expand_as(parts))
    return (share * relevance[:, :, None]).sum(1)


def added(a: Tensor, b: Tensor, relevance: Tensor) -> tuple[Tensor, Tensor]:
    """Returns those of both parts of a sum."""
    of_a, of_b = a * divided(relevance, a + b), b * divided(relevance, a + b)
    both, total = of_a.sum().abs() + of_b.sum().abs(), relevance.sum()
    return (
        of_a * (of_a.sum().abs() / both * total / of_a.sum()),
        of_b * (of_b.sum().abs() / both * total / of_b.sum()),
    )


def product(a: Tensor, b: Tensor, relevance: Tensor) -> tuple[Tensor, Tensor]:
    """Returns those of a [N, K] and b [K, M] in a·b."""
    parts = a[:, :, None] * b[None]
    shares = divided(relevance, a @ b)[:, None, :] * parts / 2
    return shares.sum(2), shares.sum(0)


@torch.no_grad()
def of_vit(vit: nn.Module, image: Tensor) -> dict[str, list[Tensor]]:
    """Returns, by the name of a module, the relevance at each of its operands for an image.

    Args:
        vit: of timm, with a class token and without layer scales.
        image: float [3, H, W].
    """
    size = vit.patch_embed.patch_size[0]
    kernel = vit.patch_embed.proj.weight.flatten(1)
    cut = image.unfold(1, size, size).unfold(2, size, size)  # [3, rows, columns, size, size]
    rows, columns = cut.shape[1:3]
    flat = cut.permute(1, 2, 0, 3, 4).reshape(rows * columns, -1)
    tokens = torch.cat([vit.cls_token[0], flat @ kernel.T + vit.patch_embed.proj.bias])
    x = tokens + vit.pos_embed[0]
    kept = []
    for block in vit.blocks:
        x, seen = _block(block, x)
        kept.append(seen)
    last = vit.norm(x)[:1]
    logits = last @ vit.head.weight.T + vit.head.bias
    start = torch.zeros_like(logits)
    start[0, logits.argmax()] = 1
    found = {"head": [linear(last, vit.head.weight, start)]}
    relevance = torch.zeros_like(x)
    relevance[:1] = found["head"][0]
    for number in reversed(range(len(kept))):
        relevance = _back(vit.blocks[number], kept[number], relevance, f"blocks.{number}", found)
    of_tokens = added(tokens, vit.pos_embed[0], relevance)[0][1:]
    of_patches = patches(flat, kernel, of_tokens).reshape(rows, columns, 3, size, size)
    found["patch_embed.proj"] = [of_patches.permute(2, 0, 3, 1, 4).reshape(image.shape)]
    return found


def _block(block: nn.Module, x: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    attention, heads = block.attn, block.attn.num_heads
    normed = block.norm1(x)
    qkv = attention.qkv(normed).reshape(len(x), 3, heads, -1).permute(1, 2, 0, 3)
    q, k, v = qkv[0] * attention.scale, qkv[1].transpose(1, 2), qkv[2]
    weights = (q @ k).softmax(-1)
    context = (weights @ v).transpose(0, 1).reshape(len(x), -1)
    branch = attention.proj(context)
    middle = x + branch
    hidden = block.norm2(middle)
    active = block.mlp.act(block.mlp.fc1(hidden))
    second = block.mlp.fc2(active)
    seen = {"x": x, "normed": normed, "q": q, "k": k, "v": v, "weights": weights}
    seen |= {"context": context, "branch": branch, "middle": middle, "hidden": hidden}
    return middle + second, seen | {"active": active, "second": second}


def _back(
    block: nn.Module,
    seen: dict[str, Tensor],
    relevance: Tensor,
    name: str,
    found: dict[str, list[Tensor]],
) -> Tensor:
    attention, mlp = block.attn, block.mlp
    skip, branch = added(seen["middle"], seen["second"], relevance)
    found[f"{name}.mlp.fc2"] = [linear(seen["active"], mlp.fc2.weight, branch)]
    hidden = linear(seen["hidden"], mlp.fc1.weight, found[f"{name}.mlp.fc2"][0])
    found[f"{name}.mlp.fc1"] = [hidden]
    skip, branch = added(seen["x"], seen["branch"], skip + hidden)
    context = linear(seen["context"], attention.proj.weight, branch)
    found[f"{name}.attn.proj"] = [context]
    tokens, heads = len(context), attention.num_heads
    context = context.reshape(tokens, heads, -1).transpose(0, 1)
    of_weights, of_v, of_q, of_k = [], [], [], []
    for head in range(heads):
        weights, v = product(seen["weights"][head], seen["v"][head], context[head])
        q, k = product(seen["q"][head], seen["k"][head], weights)
        of_weights.append(weights), of_v.append(v), of_q.append(q), of_k.append(k)
    found[f"{name}.attn.context"] = [torch.stack(of_weights), torch.stack(of_v)]
    found[f"{name}.attn.scores"] = [torch.stack(of_q), torch.stack(of_k)]
    k = torch.stack(of_k).transpose(1, 2)
    qkv = torch.stack([torch.stack(of_q), k, torch.stack(of_v)])  # [3, heads, tokens, width]
    qkv = qkv.permute(2, 0, 1, 3).reshape(tokens, -1)
    normed = linear(seen["normed"], attention.qkv.weight, qkv)
    found[f"{name}.attn.qkv"] = [normed]
    found[name] = [skip + normed]
    return found[name][0]
