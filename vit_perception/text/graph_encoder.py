# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A text encoder inside a bundle: a tokenizer and a graph, without torch.

Graph: `tokens` int64 [N, L], texts of equal length with the tokenizer's special tokens, to
`text_embeddings` float32 [N, D] of unit length; N and L are free. Tokenizer: a tokenizer.json of
the tokenizers library that sets the length at which texts are cut.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vit_perception.bundle.bundle import Bundle
from vit_perception.engine.factory import open_session
from vit_perception.engine.session import Session, SessionError, shown_shape
from vit_perception.input.file import InputError
from vit_perception.input.json_file import parse_json
from vit_perception.text.encoder import MAX_TOKENS, TextEncoderError, embed, refuse_unknown
from vit_perception.wording import one_line, shown, shown_path

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MAX_TOKENIZER_BYTES = 32 * 2**20
MAX_GROWTH = 1000
"""CLIP's and BERT's tokenizers make names at most 16 times as long."""


class GraphEncoder:
    """The text encoder inside a bundle; calls are thread-safe.

    Args:
        bundle: with `text_encoder_files`.

    Attributes:
        id, dimension: as in the bundle.
        sha256: of both files; embeddings of different ones are not interchangeable.

    Raises:
        TextEncoderError: the bundle has no encoder, or its files are damaged or do not fit.
        BundleError: a file changed since the bundle was loaded.
    """

    def __init__(self, bundle: Bundle) -> None:
        files = bundle.text_encoder()
        if files is None or bundle.text_encoder_files is None:
            raise TextEncoderError(
                f"{shown_path(bundle.directory)}: expected a text encoder in it, found none"
            )
        self.id, self.dimension = bundle.text_encoder_id, bundle.text_dimension
        self.sha256 = files_sha256(bundle)
        graph, tokenizer = bundle.text_encoder_files
        file = shown_path(bundle.directory / graph)
        path = shown_path(bundle.directory / tokenizer)
        self._tokenizer = _load_tokenizer(path, files.tokenizer)
        # Tokens that every text has; a text with no others has no meaning.
        with _refusing(f"{path}: expected a tokenizer"):
            self._around = frozenset(self._tokenizer.encode("").ids)
            self._unknown = unknown_token(self._tokenizer)
        try:
            # One thread: a few short texts gain little from more, and frames need the cores.
            self._session = open_session(files.graph, threads=1, name=file)
        except SessionError as error:
            raise TextEncoderError(str(error)) from error
        _check_graph(file, self._session, self.dimension)

    def __call__(self, names: Sequence[str]) -> NDArray[np.float32]:
        """Encodes N texts: float32 [N, D], unit length; N may be 0.

        Raises:
            TextEncoderError: a text is not valid Unicode, or it or a part of it is unknown to the
                tokenizer, or the graph fails.
        """
        tokens = [self._tokens(name) for name in names]
        return embed(self._session, tokens, self.dimension)

    def check(self, names: Sequence[str]) -> None:
        """Raises TextEncoderError where a call with these names would, but for the graph."""
        for name in names:
            self._tokens(name)

    def _tokens(self, name: str) -> list[int]:
        with _refusing(f"name {shown(name)}: expected text"):
            encoding = self._tokenizer.encode(name)
        ids: list[int] = encoding.ids
        if len(ids) > MAX_TOKENS:
            raise TextEncoderError(
                f"name {shown(name)}: expected at most {MAX_TOKENS} tokens, found {len(ids)}"
            )
        if self._around.issuperset(ids):
            raise TextEncoderError(f"name {shown(name)}: {self.id} knows no word or sign in it")
        refuse_unknown(self.id, name, encoding, self._unknown)
        return ids


def files_sha256(bundle: Bundle) -> str:
    """Returns a text that distinguishes the embeddings of a bundle's own encoder from others."""
    return " ".join(bundle.sha256[file] for file in bundle.text_encoder_files or ())


def _load_tokenizer(path: str, data: bytes) -> Tokenizer:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise TextEncoderError(
            f"new names need the package tokenizers ({one_line(error)}): pip install tokenizers"
        ) from error
    if len(data) > MAX_TOKENIZER_BYTES:
        raise TextEncoderError(
            f"{path}: expected at most {MAX_TOKENIZER_BYTES} bytes, found {len(data)}"
        )
    _check_growth(path, data)
    with _refusing(f"{path}: expected a tokenizer"):
        tokenizer = Tokenizer.from_str(data.decode("utf-8-sig"))
    cut = (tokenizer.truncation or {}).get("max_length")
    if cut is None or not 3 <= cut <= MAX_TOKENS:
        raise TextEncoderError(
            f"{path}: expected texts to be cut at 3..{MAX_TOKENS} tokens, found {shown(cut)}"
        )
    tokenizer.enable_truncation(cut)
    tokenizer.no_padding()
    return tokenizer


def _check_growth(path: str, data: bytes) -> None:
    """Refuses steps before the model that make a short name gigabytes long."""
    try:
        values = parse_json(data, path)
    except InputError as error:
        raise TextEncoderError(str(error)) from error
    if not isinstance(values, dict):
        raise TextEncoderError(f"{path}: expected a tokenizer, found {shown(values)}")
    growth = 1
    steps = [values.get("normalizer"), values.get("pre_tokenizer")]
    while steps:
        step = steps.pop()
        if isinstance(step, list):
            steps += step
        elif isinstance(step, dict):
            with _refusing(f"{path}: expected a tokenizer"):
                growth *= _growth(step)
            steps += [value for value in step.values() if isinstance(value, (list, dict))]
    if growth > MAX_GROWTH:
        raise TextEncoderError(
            f"{path}: expected steps that make names at most {MAX_GROWTH} times as long, "
            f"found {growth if growth < 10**9 else 'far more'}"
        )


def _growth(step: Mapping[str, Any]) -> int:
    """Returns how many times as long as its input the output of a step may be."""
    kind = step.get("type")
    if kind == "ByteLevel":  # a character for each byte
        return 4
    if kind == "Precompiled":
        table = str(step.get("precompiled_charsmap"))
        raw = base64.b64decode(table.encode("ascii", "replace"))
        # The size of the index, the index, and replacements that end in 0 (SentencePiece's).
        start = 4 + int.from_bytes(raw[:4], "little")
        return max(map(len, raw[start:].split(b"\0")), default=0) + 1
    added = step.get("content", step.get("prepend", ""))
    return 1 + len(added) if isinstance(added, str) else 1


def unknown_token(tokenizer: Tokenizer) -> int | None:
    """Returns the id of the token for what is not in the vocabulary; None if there is none.

    The library's Unigram model states a number, its other models a token.
    """
    model = json.loads(tokenizer.to_str())["model"]
    number, token = model.get("unk_id"), model.get("unk_token")
    return number if token is None else tokenizer.token_to_id(token)


@contextmanager
def _refusing(expected: str) -> Iterator[None]:
    """Converts exceptions and panics of the tokenizers library to `TextEncoderError`."""
    try:
        yield
    except BaseException as error:
        # Some damaged files cause a panic, which is no Exception.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise TextEncoderError(f"{expected}, found {one_line(error)}") from error


def _check_graph(path: str, session: Session, dimension: int) -> None:
    wanted = (("tokens",), ("text_embeddings",))
    found = (session.input_names, session.output_names)
    if found != wanted:
        raise TextEncoderError(
            f"{path}: expected tokens and text_embeddings, found {shown(found)}"
        )
    tokens, embeddings = session.inputs[0], session.outputs[0]
    fits = tokens.dtype == "int64" and tokens.shape == (None, None)
    if not fits or embeddings.dtype != "float32" or embeddings.shape[1:] != (dimension,):
        raise TextEncoderError(
            f"{path}: expected int64 [any, any] to float32 [any, {dimension}], "
            f"found {tokens.dtype} {shown_shape(tokens.shape)} "
            f"to {embeddings.dtype} {shown_shape(embeddings.shape)}"
        )
