# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The text tower of CLIP ViT-B/32 (Radford et al., 2021) through transformers, as in DOSOD.

Names are encoded without a prompt. Texts are padded with the end-of-text token, so the first of
those is pooled; its state passes the last LayerNorm and the projection and is normalised to unit
length (card 01). Weights come from a DOSOD file or a local folder: nothing is downloaded.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional
from transformers import CLIPTextConfig, CLIPTextModelWithProjection, CLIPTokenizer

from vit_perception.input.file import InputError, read_file
from vit_perception.input.json_file import parse_json, read_json
from vit_perception.models.checkpoint_file import MAX_FILE_BYTES, read_state_dict
from vit_perception.wording import one_line, shown, shown_path

CLIP_ID = "clip-vit-base-patch32"
SOURCE = f"openai/{CLIP_ID} on Hugging Face"
"""Source of the folder's content."""

_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_TOKENIZERS = (("tokenizer.json",), ("vocab.json", "merges.txt"))
_TOKENIZER_FILES = (
    *("tokenizer.json", "vocab.json", "merges.txt"),
    *("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
)
MAX_TOKENIZER_BYTES = 32 * 2**20
"""Ten times CLIP's tokenizer.json."""
MAX_CONFIG_BYTES = 2**20
_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_TOWER = ("text_model.", "text_projection.")
# Older files contain it; its values are 0, 1, 2 ….
_POSITION_IDS = "text_model.embeddings.position_ids"
# Of every CLIP tower; shapes do not determine it.
_HEAD_WIDTH = 64
_MAX_SIZE = 2**17


class ClipTextError(ValueError):
    """CLIP's text tower or tokenizer is absent or unsuitable; one line says what is needed."""


class ClipText:
    """The tower in torch, from which the robot's graph is made and with which it is compared.

    Args:
        state: the tower's tensors, named as in transformers (`text_model.…`).
        tokenizer: of the same model.
        where: the file of the tensors, for messages.

    Attributes:
        tower: CLIPTextModelWithProjection in eval mode.
        positions: tokens of the longest text.
        dimension: D.

    Raises:
        ClipTextError: tensors are missing, unexpected or of other shapes, or a foreign tokenizer.
    """

    def __init__(self, state: Mapping[str, Tensor], tokenizer: CLIPTokenizer, where: str) -> None:
        config = _config(state, tokenizer, where)
        # Compared before memory is allocated: a file's shapes may be of any size.
        with torch.device("meta"):
            own = CLIPTextModelWithProjection(config).state_dict()
        missing, unexpected = sorted(own.keys() - state), sorted(state.keys() - own)
        if missing or unexpected:
            named = ", ".join([*missing[:2], *unexpected[:2]])
            raise ClipTextError(
                f"{where}: expected the {len(own)} tensors of CLIP's text tower, "
                f"found {len(missing)} missing and {len(unexpected)} unexpected ({named})"
            )
        for key, value in own.items():
            if value.shape != state[key].shape:
                raise ClipTextError(
                    f"{where}: {key}: expected {list(value.shape)}, found {list(state[key].shape)}"
                )
        self.tower = CLIPTextModelWithProjection(config).eval().requires_grad_(False)
        self.tower.load_state_dict(state)
        self.tokenizer = tokenizer
        self.positions = config.max_position_embeddings
        self.dimension = config.projection_dim

    @torch.inference_mode()
    def __call__(self, names: Sequence[str]) -> NDArray[np.float32]:
        """Encodes N texts: float32 [N, D], unit length."""
        batch = self.tokenizer(
            list(names),
            padding=True,
            truncation=True,
            max_length=self.positions,
            return_tensors="pt",
        )
        tokens, mask = batch["input_ids"], batch["attention_mask"]
        found = self.tower(input_ids=tokens, attention_mask=mask).text_embeds
        embeddings: NDArray[np.float32] = functional.normalize(found, dim=-1).numpy()
        return embeddings


def load_tokenizer(directory: Path) -> CLIPTokenizer:
    """Returns the tokenizer in a local folder of Hugging Face's layout.

    Raises:
        ClipTextError: it is absent or damaged.
    """
    if not any(all((directory / file).is_file() for file in files) for files in _TOKENIZERS):
        raise ClipTextError(
            f"--clip {shown_path(directory)}: expected the tokenizer of {SOURCE} "
            f"(tokenizer.json, or vocab.json and merges.txt), found {_content(directory)}; "
            "nothing is downloaded"
        )
    try:
        return _tokenizer_in(directory)
    except InputError as error:
        raise ClipTextError(f"--clip {error}") from None
    # The library's errors of damaged files share no base class, and some are panics.
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise ClipTextError(
            f"--clip {shown_path(directory)}: expected a tokenizer, found {one_line(error, 120)}"
        ) from None


def _tokenizer_in(directory: Path) -> CLIPTokenizer:
    """Loads the tokenizer from checked copies; the library reads files of any size."""
    with tempfile.TemporaryDirectory(prefix="vit_perception_") as scratch:
        for name in _TOKENIZER_FILES:
            if not os.path.lexists(directory / name):
                continue
            data = read_file(directory / name, MAX_TOKENIZER_BYTES)
            if name.endswith(".json"):
                parse_json(data, shown_path(directory / name))
            Path(scratch, name).write_bytes(data)
        found: CLIPTokenizer = CLIPTokenizer.from_pretrained(scratch, local_files_only=True)
        return found


def load_tower(directory: Path) -> tuple[dict[str, Tensor], str]:
    """Returns the text tower's tensors in a local folder, as float32, and the file they come from.

    Raises:
        ClipTextError: there are no weights, or they are of another configuration.
        CheckpointError: a pytorch_model.bin cannot be read.
    """
    _check_config(directory)
    files = [directory / file for file in _WEIGHTS if (directory / file).is_file()]
    if not files:
        raise ClipTextError(
            f"--clip {shown_path(directory)}: expected the weights of {SOURCE} "
            f"({' or '.join(_WEIGHTS)}), found {_content(directory)}; nothing is downloaded"
        )
    where = shown_path(files[0])
    if files[0].name == _WEIGHTS[0]:
        if files[0].stat().st_size > MAX_FILE_BYTES:
            raise ClipTextError(f"{where}: expected at most {MAX_FILE_BYTES} bytes, found more")
        try:
            state = load_file(files[0])
        except (SafetensorError, OSError) as error:
            raise ClipTextError(
                f"{where}: expected safetensors, found {one_line(error, 120)}"
            ) from None
    else:
        state = read_state_dict(files[0])
    tower = {
        key: value
        for key, value in state.items()
        if key.startswith(_TOWER) and key != _POSITION_IDS
    }
    for key, value in tower.items():
        if value.dtype not in _FLOATS:
            raise ClipTextError(f"{where}: {key}: expected floats, found {value.dtype}")
    return {key: value.float() for key, value in tower.items()}, where


def _check_config(directory: Path) -> None:
    """Refuses a tower that differs from CLIP's only in its config.json."""
    path = directory / "config.json"
    if not os.path.lexists(path):
        return
    where = f"--clip {shown_path(path)}"
    try:
        values = read_json(path, MAX_CONFIG_BYTES)
        if not isinstance(values, dict):
            raise ValueError(shown(values))
        config = CLIPTextConfig.from_dict(values.get("text_config", values))
        found = (config.hidden_act, config.hidden_size / config.num_attention_heads)
    except InputError as error:
        raise ClipTextError(f"--clip {error}") from None
    except Exception as error:
        raise ClipTextError(
            f"{where}: expected CLIP's configuration, found {one_line(error, 120)}"
        ) from None
    if found != ("quick_gelu", _HEAD_WIDTH):
        raise ClipTextError(
            f"{where}: expected quick_gelu and heads of {_HEAD_WIDTH}, "
            f"found {shown(found[0])} and {found[1]:g}"
        )


def _config(state: Mapping[str, Tensor], tokenizer: CLIPTokenizer, where: str) -> CLIPTextConfig:
    """Returns the configuration, from the shapes and the tokenizer."""
    layers = {
        int(found[1])
        for key in state
        if (found := re.match(r"text_model\.encoder\.layers\.(\d{1,3})\.", key))
    }
    vocabulary, width = _shape(state, "text_model.embeddings.token_embedding.weight", where)
    positions, _ = _shape(state, "text_model.embeddings.position_embedding.weight", where)
    between, _ = _shape(state, "text_model.encoder.layers.0.mlp.fc1.weight", where)
    dimension, _ = _shape(state, "text_projection.weight", where)
    if width % _HEAD_WIDTH:
        raise ClipTextError(f"{where}: expected a width of heads of {_HEAD_WIDTH}, found {width}")
    if len(tokenizer) != vocabulary:
        raise ClipTextError(
            f"{where}: expected a tokenizer of {vocabulary} tokens, found {len(tokenizer)}"
        )
    return CLIPTextConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=between,
        num_hidden_layers=len(layers),
        num_attention_heads=width // _HEAD_WIDTH,
        max_position_embeddings=positions,
        projection_dim=dimension,
        hidden_act="quick_gelu",
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        # Every configuration of transformers accepts it, though its types do not say so.
        attn_implementation="eager",  # type: ignore[call-arg]
    )


def _shape(state: Mapping[str, Tensor], key: str, where: str) -> tuple[int, int]:
    shape = tuple(state[key].shape) if key in state else ()
    if len(shape) != 2 or not all(0 < size <= _MAX_SIZE for size in shape):
        raise ClipTextError(
            f"{where}: expected a matrix {key} of CLIP's text tower, found {list(shape) or 'none'}"
        )
    return shape


def _content(directory: Path) -> str:
    """Returns the content of a folder in a few words."""
    if not directory.is_dir():
        return "no such folder"
    names = sorted(os.listdir(directory))
    return ", ".join(map(shown_path, names[:5])) + (" …" if names[5:] else "") or "it empty"
