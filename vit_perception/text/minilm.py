# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""MiniLM-L6-H384 (Wang et al., 2020), a BERT (Devlin et al., 2018), on ONNX Runtime.

minilm.onnx beside this file has only the structure, from tokens int64 [N, L] of texts of equal
length to text_embeddings float32 [N, HIDDEN] of unit length; `vit_perception.export.minilm_graph`
writes it. The weights come from a safetensors file when a session is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vit_perception.wording import one_line, shown

LAYERS = 6
HEADS = 12
HIDDEN = 384
INTERMEDIATE = 1536
VOCABULARY_SIZE = 30522
POSITIONS = 512
NORM_EPSILON = 1e-12

GRAPH = Path(__file__).with_name("minilm.onnx")
MAX_HEADER_BYTES = 2**20
"""The library accepts headers of 100 MB, which would take gigabytes as Python objects."""


class WeightsError(ValueError):
    """The file is no safetensors file, or lacks expected tensors; the message is one line."""


def tensor_shapes() -> dict[str, tuple[int, ...]]:
    """Returns the shape of every tensor that the graph takes (float32), by checkpoint name."""
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


def read_tensors(
    data: bytes, shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, NDArray[np.float32]]:
    """Returns the float32 tensors of these names and shapes in the bytes of a safetensors file.

    Other tensors in the file are ignored. Raises WeightsError if the file is damaged, or a tensor
    is absent or of another type or shape.
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
