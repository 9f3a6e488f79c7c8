# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A CLIP text tower small enough to make, with a byte-level BPE tokenizer of its own."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers.pre_tokenizers import ByteLevel
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModelWithProjection

from vit_perception.models.text.clip import ClipText, load_tokenizer

#: Words that are one token; others are spelt letter by letter.
WORDS = ("red", "mug", "spoon", "wooden")
POSITIONS = 77


def tokens_and_merges() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary and merges as CLIP's: bytes, bytes that end a word, merges, two specials."""
    letters = sorted(ByteLevel.alphabet())
    tokens, merges = [*letters, *(f"{letter}</w>" for letter in letters)], []
    for word in WORDS:
        parts = [*word[:-1], f"{word[-1]}</w>"]
        while len(parts) > 1:
            pair = (parts[0], parts[1])
            if pair not in merges:
                merges.append(pair)
                tokens.append("".join(pair))
            parts[:2] = ["".join(pair)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    return {token: index for index, token in enumerate(tokens)}, merges


def write_tokenizer(folder: Path) -> Path:
    """vocab.json and merges.txt, as the original has them."""
    folder.mkdir(parents=True, exist_ok=True)
    tokens, merges = tokens_and_merges()
    (folder / "vocab.json").write_text(json.dumps(tokens), encoding="utf-8")
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def tower_state(dimension: int = 64, seed: int = 0) -> dict[str, Tensor]:
    """Tensors of a random tower: 3 layers, width 128, 2 heads."""
    torch.manual_seed(seed)
    config = CLIPTextConfig(
        vocab_size=len(tokens_and_merges()[0]),
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=3,
        num_attention_heads=2,
        max_position_embeddings=POSITIONS,
        projection_dim=dimension,
        bos_token_id=None,
        eos_token_id=None,
    )
    state = CLIPTextModelWithProjection(config).state_dict()
    # Of a size at which every layer matters and no two names look alike.
    return {
        key: value + 0.1 * torch.randn_like(value) if value.ndim < 2 else 5 * value
        for key, value in state.items()
    }


def write_clip(folder: Path, dimension: int = 64) -> Path:
    """A folder as `--clip` takes it: tokenizer, config.json and model.safetensors."""
    write_tokenizer(folder)
    state = tower_state(dimension)
    # A whole CLIP has an image tower as well.
    state["vision_model.class_embedding"] = torch.zeros(3)
    save_file(state, folder / "model.safetensors")
    text = {"hidden_size": 128, "num_attention_heads": 2, "hidden_act": "quick_gelu"}
    config = {"model_type": "clip", "text_config": text}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def tiny_clip(folder: Path, dimension: int = 64) -> ClipText:
    """The tower with its tokenizer, which is written into the folder."""
    return ClipText(tower_state(dimension), load_tokenizer(write_tokenizer(folder)), "tiny")
