# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Texts as numbers of their characters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

PRINTABLE = "".join(chr(code) for code in range(32, 127)) + "\n"
NOTHING, BEGIN, END = 0, 1, 2
"""Behind the end, before the first character, and behind the last."""
_SPECIAL = 3


class CharacterError(ValueError):
    """A text has characters that the alphabet lacks; one line."""


@dataclass(frozen=True)
class Characters:
    """An alphabet.

    Attributes:
        alphabet: its characters, each once.
    """

    alphabet: str = PRINTABLE

    def __len__(self) -> int:
        return len(self.alphabet) + _SPECIAL

    def numbers(self, texts: Sequence[str]) -> Tensor:
        """Returns int64 [B, longest + 2]: BEGIN, the characters, END and then NOTHING.

        Raises:
            CharacterError: a character is not in the alphabet.
        """
        places = {character: index + _SPECIAL for index, character in enumerate(self.alphabet)}
        found = torch.full((len(texts), 2 + max(map(len, texts), default=0)), NOTHING)
        for row, text in enumerate(texts):
            missing = set(text) - places.keys()
            if missing:
                raise CharacterError(
                    f"text: expected characters of the alphabet, found {min(missing)!r}"
                )
            known = [BEGIN, *(places[character] for character in text), END]
            found[row, : len(known)] = torch.tensor(known)
        return found

    def texts(self, numbers: Tensor) -> list[str]:
        """Returns the texts of rows [B, T], up to the first END."""
        found = []
        for row in numbers.tolist():
            known = row[: row.index(END)] if END in row else row
            found.append("".join(self.alphabet[n - _SPECIAL] for n in known if n >= _SPECIAL))
        return found
