# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Builds vocabularies from names: from the bundle, the cache on disk, or the encoder."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vit_perception.bundle.bundle import Bundle, BundleError
from vit_perception.names import VocabularyError, checked_names
from vit_perception.output.cache_folder import cache_folder
from vit_perception.text.cache import EmbeddingCache
from vit_perception.text.encoder import (
    DIMENSION,
    ENCODER_ID,
    MODEL_SHA256,
    TextEncoder,
    TextEncoderError,
    check_encoder_id,
    find_text_encoder,
)
from vit_perception.text.graph_encoder import GraphEncoder, files_sha256
from vit_perception.vocabulary import Vocabulary
from vit_perception.wording import shown, shown_path

Source = Literal["bundle", "cache", "encoder"]

# An encoder other than the original must agree with the bundle's embeddings on its first names.
AGREEMENT_NAMES = 8
AGREEMENT_COSINE = 0.99
ALIKE = 1e-5
"""Embeddings of equal tokens differ by less, in batches of any size."""
_NAMES_SHOWN = 8

_log = logging.getLogger(__name__)


class VocabularyBuilder:
    """Builds vocabularies for one bundle; thread-safe.

    A name's embedding comes from the bundle's ready-made names (with the same spelling, else
    ignoring case and runs of spaces, as text encoders do), else from the cache, else from the
    text encoder, which is loaded for the first name that needs it. A bundle's own text encoder
    has precedence.

    Args:
        bundle: names the text encoder its network was trained with.
        text_encoder_dir: folder with model.safetensors and tokenizer.json; None or "" finds
            the installed package, which has to hold the original files. Not used if the bundle
            has its own encoder.
        cache_dir: folder of the cache; None or "" is `cache_folder()`.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        text_encoder_dir: Path | str | None = None,
        cache_dir: Path | str | None = None,
    ) -> None:
        self._bundle = bundle
        self._dimension = bundle.text_dimension
        self._text_encoder_dir = text_encoder_dir or None
        self._cache_dir = Path(os.path.expanduser(cache_dir)) if cache_dir else cache_folder()
        self._lock = threading.RLock()
        self._encoder: TextEncoder | GraphEncoder | None = None
        self._cache: EmbeddingCache | None = None
        self._ready_made = bundle.ready_made()
        self._rows = {name: row for row, name in enumerate(self._ready_made.names)}
        self._folded_rows: dict[str, int] = {}
        for name, row in self._rows.items():
            self._folded_rows.setdefault(folded(name), row)

    def build(self, names: Iterable[str], version: int) -> Vocabulary:
        """Returns the vocabulary of these names, in their order and spelling, stripped.

        Raises VocabularyError: a name is refused, two differ only in case or spaces or in what
        the encoder does not see, such as accents, or a name is new and cannot be encoded; in the
        last case the line says what to install.
        """
        checked = _distinct(names)
        embeddings = np.empty((len(checked), self._dimension), np.float32)
        new: dict[str, int] = {}
        for index, name in enumerate(checked):
            row = self._ready_row(name)
            if row is None:
                new[name] = index
            else:
                embeddings[index] = self._ready_made.embeddings[row]
        if new:
            found = self._new_embeddings(tuple(new))
            embeddings[list(new.values())] = [found[name] for name in new]
            _refuse_alike(checked, embeddings, tuple(new.values()))
        return Vocabulary(names=checked, embeddings=embeddings, version=version)

    def check(self, names: Iterable[str]) -> bool:
        """Returns whether `build` of these names has nothing to encode, so that it is quick.

        Raises:
            VocabularyError: as `build` does, as far as that is known without loading the encoder
                or running it.
        """
        checked = _distinct(names)
        new = [name for name in checked if self._ready_row(name) is None]
        cached = self._cached(new) if new else {}
        missing = [name for name in new if name not in cached]
        if not missing:
            return True
        try:
            if self._encoder is not None:
                self._encoder.check(missing)
            elif self._bundle.text_encoder_files is None:
                find_text_encoder(self._bundle.text_encoder_id, self._text_encoder_dir)
        except TextEncoderError as error:
            raise VocabularyError(f"new names {_listed(missing)}: {error}") from error
        return False

    def sources(self, names: Iterable[str]) -> tuple[Source, ...]:
        """Returns where `build` would take each name's embedding from; encodes nothing.

        "encoder" means that the name is new, not that an encoder is available. Raises
        VocabularyError as `build` does for the names themselves.
        """
        checked = _distinct(names)
        new = {name for name in checked if self._ready_row(name) is None}
        cached = self._cached(list(new)) if new else {}
        return tuple(
            "bundle" if name not in new else "cache" if name in cached else "encoder"
            for name in checked
        )

    def _ready_row(self, name: str) -> int | None:
        row = self._rows.get(name)
        return self._folded_rows.get(folded(name)) if row is None else row

    def _cached(self, names: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        try:
            return self._opened_cache().get(names)
        except TextEncoderError:
            return {}

    def _new_embeddings(self, names: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Returns embeddings of names that are not ready-made; encodes those not in the cache."""
        missing: Sequence[str] = names
        try:
            cache = self._opened_cache()
            found = cache.get(names)
            missing = [name for name in names if name not in found]
            if missing:
                encoded = self._loaded_encoder()(missing)
                cache.put(missing, encoded)
                found.update(zip(missing, encoded, strict=True))
        except (TextEncoderError, BundleError) as error:
            raise VocabularyError(f"new names {_listed(missing)}: {error}") from error
        return found

    def _opened_cache(self) -> EmbeddingCache:
        with self._lock:
            if self._cache is None:
                key = self._cache_key()
                self._cache = EmbeddingCache(self._cache_dir, key, self._dimension)
            return self._cache

    def _cache_key(self) -> str:
        """Returns the encoder's key, without loading the bundle's own or the installed encoder."""
        if self._bundle.text_encoder_files is not None:
            return files_sha256(self._bundle)
        check_encoder_id(self._bundle.text_encoder_id)
        if self._dimension != DIMENSION:
            raise TextEncoderError(
                f"text encoder {ENCODER_ID}: expected a bundle with {DIMENSION} "
                f"dimensions, found {self._dimension}"
            )
        # The installed package must have the original's sha256.
        if self._text_encoder_dir is None:
            return MODEL_SHA256
        return self._loaded_encoder().sha256

    def _loaded_encoder(self) -> TextEncoder | GraphEncoder:
        with self._lock:
            if self._encoder is None:
                if self._bundle.text_encoder_files is not None:
                    self._encoder, place = GraphEncoder(self._bundle), self._bundle.directory
                else:
                    self._encoder = self._found_encoder()
                    place = self._encoder.directory
                _log.info("text encoder %s loaded from %s", self._encoder.id, place)
            return self._encoder

    def _found_encoder(self) -> TextEncoder:
        where = find_text_encoder(self._bundle.text_encoder_id, self._text_encoder_dir)
        encoder = TextEncoder(where)
        if encoder.sha256 != MODEL_SHA256:
            self._check_other(encoder)
        return encoder

    def _check_other(self, encoder: TextEncoder) -> None:
        """Refuses files other than the original's unless a user chose them and they agree."""
        where = shown_path(encoder.directory)
        if self._text_encoder_dir is None:
            raise TextEncoderError(
                f"{where}: expected model.safetensors with sha256 {MODEL_SHA256}, "
                f"found {encoder.sha256}"
            )
        names = self._ready_made.names[:AGREEMENT_NAMES]
        ours = self._ready_made.embeddings[: len(names)]
        cosines = np.einsum("nd,nd->n", encoder(names), ours)
        worst = int(np.argmin(cosines))
        if cosines[worst] < AGREEMENT_COSINE:
            raise TextEncoderError(
                f"{where}: expected the encoder that the bundle was trained with, found another "
                f"(cosine {cosines[worst]:.2f} for {shown(names[worst])})"
            )


def folded(name: str) -> str:
    """Returns the name as an uncased text encoder sees it: lower case, single spaces."""
    return " ".join(name.lower().split())


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    if not isinstance(names, str):
        names = [name.strip() if isinstance(name, str) else name for name in names]
    checked = checked_names(names)
    seen: dict[str, str] = {}
    for name in checked:
        other = seen.setdefault(folded(name), name)
        if other != name:
            raise VocabularyError(
                f"names {shown(other)} and {shown(name)}: expected different names, "
                "found the same but for case and spaces"
            )
    return checked


def _refuse_alike(
    names: Sequence[str], embeddings: NDArray[np.float32], new: Sequence[int]
) -> None:
    """Refuses a new name that the encoder reads as it reads another one."""
    cosines = embeddings[list(new)] @ embeddings.T
    cosines[range(len(new)), list(new)] = -1
    row, other = divmod(int(np.argmax(cosines)), len(names))
    first, second = sorted((new[row], other))
    if first != second and np.abs(embeddings[first] - embeddings[second]).max() <= ALIKE:
        raise VocabularyError(
            f"names {shown(names[first])} and {shown(names[second])}: expected different names, "
            "found the same to the text encoder"
        )


def _listed(names: Sequence[str]) -> str:
    listed = ", ".join(shown(name) for name in names[:_NAMES_SHOWN])
    more = len(names) - _NAMES_SHOWN
    return f"{listed} and {more} more" if more > 0 else listed
