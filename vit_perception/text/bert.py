# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The BERT encoder (Devlin et al., 2018) as plain numpy, at the size of MiniLM-L6-H384."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vit_perception.wording import one_line, shown

Array = NDArray[np.float32]

# The library reads headers of 100 MB, which as Python objects would take gigabytes.
MAX_HEADER_BYTES = 2**20

LAYERS = 6
HEADS = 12
HIDDEN = 384
INTERMEDIATE = 1536
VOCABULARY_SIZE = 30522
POSITIONS = 512
NORM_EPSILON = 1e-12


class WeightsError(ValueError):
    """Not a safetensors file, or not with the tensors expected; the message is one line."""


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """weight float32 [in, out], bias float32 [out]."""

    weight: Array
    bias: Array

    def __call__(self, x: Array) -> Array:
        y: Array = x @ self.weight
        y += self.bias
        return y


@dataclass(frozen=True, slots=True, eq=False)
class LayerNorm:
    """scale and shift float32 [HIDDEN]; normalises `x` in place and returns it."""

    scale: Array
    shift: Array

    def __call__(self, x: Array) -> Array:
        x -= x.mean(axis=-1, keepdims=True)
        variance = np.einsum("...i,...i->...", x, x)[..., None] / np.float32(HIDDEN)
        x /= np.sqrt(variance + np.float32(NORM_EPSILON))
        x *= self.scale
        x += self.shift
        return x


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One transformer layer; query, key and value are one matrix product."""

    query_key_value: Linear
    attention_output: Linear
    attention_norm: LayerNorm
    intermediate: Linear
    output: Linear
    output_norm: LayerNorm

    def __call__(self, x: Array) -> Array:
        """Map float32 [B, L, HIDDEN] to the same shape."""
        x = self.attention_norm(self.attention_output(attention(self.query_key_value(x))) + x)
        return self.output_norm(self.output(gelu(self.intermediate(x))) + x)


@dataclass(frozen=True, slots=True, eq=False)
class Bert:
    """The embeddings (positions with the type-0 embedding added) and the layers."""

    words: Array
    positions: Array
    embedding_norm: LayerNorm
    layers: tuple[Layer, ...]

    def __call__(self, tokens: NDArray[np.int64]) -> Array:
        """Encode sentences of one length.

        tokens: int64 [B, L], 1 <= L <= 512, no padding (so there is no attention mask).
        Returns the last hidden states, float32 [B, L, HIDDEN].
        """
        x = self.embedding_norm(self.words[tokens] + self.positions[: tokens.shape[1]])
        for layer in self.layers:
            x = layer(x)
        return x


def attention(query_key_value: Array) -> Array:
    """Multi-head self-attention: float32 [B, L, 3 * HIDDEN] -> [B, L, HIDDEN]."""
    batch, length, _ = query_key_value.shape
    split = query_key_value.reshape(batch, length, 3, HEADS, HIDDEN // HEADS)
    query, key, value = split.transpose(2, 0, 3, 1, 4)
    weights = query @ key.swapaxes(-1, -2)
    weights *= np.float32((HIDDEN // HEADS) ** -0.5)
    weights -= weights.max(axis=-1, keepdims=True)
    np.exp(weights, out=weights)
    weights /= weights.sum(axis=-1, keepdims=True)
    mixed: Array = (weights @ value).swapaxes(1, 2).reshape(batch, length, HIDDEN)
    return mixed


def erf(x: Array) -> Array:
    """The error function, |error| <= 5e-7 in float32 (Abramowitz & Stegun, 7.1.26)."""
    magnitude = np.abs(x)
    t = np.float32(1) / (np.float32(0.3275911) * magnitude + np.float32(1))
    y: Array = np.full_like(t, 1.061405429)
    for coefficient in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        y *= t
        y += np.float32(coefficient)
    y *= t
    magnitude *= -magnitude
    y *= np.exp(magnitude, out=magnitude)
    np.subtract(np.float32(1), y, out=y)
    np.copysign(y, x, out=y)
    return y


def gelu(x: Array) -> Array:
    """GELU in its exact form x * Phi(x), which BERT uses; in place."""
    gate = erf(x * np.float32(0.5**0.5))
    gate += np.float32(1)
    x *= np.float32(0.5)
    x *= gate
    return x


def expected_shapes() -> dict[str, tuple[int, ...]]:
    """Every tensor that `from_tensors` reads (float32), by the checkpoint's name."""
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (VOCABULARY_SIZE, HIDDEN),
        "embeddings.position_embeddings.weight": (POSITIONS, HIDDEN),
        "embeddings.token_type_embeddings.weight": (2, HIDDEN),
        "embeddings.LayerNorm.weight": (HIDDEN,),
        "embeddings.LayerNorm.bias": (HIDDEN,),
    }
    linears = {
        "attention.self.query": (HIDDEN, HIDDEN),
        "attention.self.key": (HIDDEN, HIDDEN),
        "attention.self.value": (HIDDEN, HIDDEN),
        "attention.output.dense": (HIDDEN, HIDDEN),
        "intermediate.dense": (INTERMEDIATE, HIDDEN),
        "output.dense": (HIDDEN, INTERMEDIATE),
    }
    for index in range(LAYERS):
        prefix = f"encoder.layer.{index}"
        for name, (outputs, inputs) in linears.items():
            shapes[f"{prefix}.{name}.weight"] = (outputs, inputs)
            shapes[f"{prefix}.{name}.bias"] = (outputs,)
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes[f"{prefix}.{name}.weight"] = (HIDDEN,)
            shapes[f"{prefix}.{name}.bias"] = (HIDDEN,)
    return shapes


def read_tensors(data: bytes, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Array]:
    """Returns the float32 tensors of these names and shapes in the bytes of a safetensors file.

    Further tensors in the file are ignored. Raises WeightsError: damaged, or a tensor is absent
    or of another type or shape.
    """
    try:
        from safetensors import SafetensorError, deserialize
    except ImportError as error:
        raise WeightsError(
            f"expected the package safetensors, found {one_line(error)}: pip install safetensors"
        ) from error
    header = int.from_bytes(data[:8], "little")
    if header > MAX_HEADER_BYTES:
        raise WeightsError(
            f"expected a safetensors header of at most {MAX_HEADER_BYTES} bytes, found {header}"
        )
    try:
        found = dict(deserialize(data))  # type: ignore[no-untyped-call]
    except SafetensorError as error:
        raise WeightsError(f"expected a safetensors file, found {one_line(error)}") from None
    tensors = {}
    for name, shape in shapes.items():
        entry = found.get(name, {"dtype": "none", "shape": []})
        if entry["dtype"] != "F32" or entry["shape"] != list(shape):
            raise WeightsError(
                f"expected tensor {name} F32 {list(shape)}, "
                f"found {entry['dtype']} {shown(entry['shape'])}"
            )
        tensors[name] = np.frombuffer(entry["data"], np.float32).reshape(shape)
    return tensors


def from_tensors(tensors: Mapping[str, Array]) -> Bert:
    """Build the network from the tensors that `expected_shapes` lists."""

    def linear(*names: str) -> Linear:
        weight = np.concatenate([tensors[f"{name}.weight"] for name in names])
        bias = np.concatenate([tensors[f"{name}.bias"] for name in names])
        return Linear(weight.T, bias)

    def norm(name: str) -> LayerNorm:
        return LayerNorm(tensors[f"{name}.weight"], tensors[f"{name}.bias"])

    def layer(prefix: str) -> Layer:
        projections = (f"{prefix}.attention.self.{part}" for part in ("query", "key", "value"))
        return Layer(
            query_key_value=linear(*projections),
            attention_output=linear(f"{prefix}.attention.output.dense"),
            attention_norm=norm(f"{prefix}.attention.output.LayerNorm"),
            intermediate=linear(f"{prefix}.intermediate.dense"),
            output=linear(f"{prefix}.output.dense"),
            output_norm=norm(f"{prefix}.output.LayerNorm"),
        )

    return Bert(
        words=tensors["embeddings.word_embeddings.weight"],
        positions=(
            tensors["embeddings.position_embeddings.weight"]
            + tensors["embeddings.token_type_embeddings.weight"][0]
        ),
        embedding_norm=norm("embeddings.LayerNorm"),
        layers=tuple(layer(f"encoder.layer.{index}") for index in range(LAYERS)),
    )
