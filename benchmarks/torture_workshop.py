# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The commands of the workshop that `torture.py` kills: training, and all that write bundles."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import torch
from torture_case import CHECKOUT, Case

_MAKE = """
import sys
from pathlib import Path
root = Path(sys.argv[1])
{}
"""
_OLD = """
from test.toy_bundle import write_toy_bundle
write_toy_bundle(root / "old", extra_files={"old.txt": b"old"})
(root / "names.txt").write_text("mug\\nspoon\\nfork\\n")
"""
_TRAINING = """
from test.training.toy import write_pictures
write_pictures(root / "pictures", 40)
(root / "recipe.yaml").write_text(
    "{data: [pictures], size: 64, batch: 4, texts: 16, warmup: 5, steps: 40, prototypes: 8, "
    "mosaic: 0.5, checkpoint_minutes: 0.005}"
)
"""
_RELEASED = """
from test.export.released_files import folded, lively, write_released
write_released(root / "released.pth", folded(lively(text_dimension=64), 3))
"""
_QUANTIZED = """
from test.compression.deep_toy import deep_toy_graph, write_squares
write_toy_bundle(root / "toy", graphs={"fp32": deep_toy_graph("relu")})
write_squares(root / "squares", 40)
"""


def _make(root: Path, *scripts: str) -> None:
    """Runs scripts with `root`, which may import the tests' makers of files."""
    script = _MAKE.format("\n".join(scripts))
    subprocess.run([sys.executable, "-c", script, str(root)], cwd=CHECKOUT, check=True)


class Train(Case):
    """Pictures to weights, with checkpoints on the way."""

    name = "train"
    growing = ("run/*",)

    def arrange(self, inputs: Path) -> None:
        """Makes pictures and a recipe."""
        _make(inputs, _TRAINING)

    def arguments(self, inputs: Path, out: Path) -> list[str | Path]:
        """See Case."""
        return ["train", inputs / "recipe.yaml", "--out", out / "run", "--workers", "2",
                "--threads", "1"]  # fmt: skip

    def digest(self, path: Path) -> str:
        """Compares a checkpoint's tensors: torch writes equal ones in other bytes."""
        if path.name != "checkpoint.pt":
            return super().digest(path)
        found = hashlib.sha256()
        _add(found, torch.load(path, weights_only=True))
        return found.hexdigest()


def _add(digest: hashlib._Hash, value: object) -> None:
    if isinstance(value, dict):
        for key in sorted(value, key=str):
            digest.update(str(key).encode())
            _add(digest, value[key])
    elif isinstance(value, (list, tuple)):
        for item in value:
            _add(digest, item)
    elif isinstance(value, torch.Tensor):
        digest.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    else:
        digest.update(repr(value).encode())


class _ToBundle(Case):
    """A command that puts a bundle into the place of another."""

    scripts: ClassVar[tuple[str, ...]]
    words: ClassVar[tuple[str, ...]]

    def arrange(self, inputs: Path) -> None:
        """Makes an old bundle, and what the command reads."""
        _make(inputs, _OLD, *self.scripts)

    def begin(self, inputs: Path, out: Path) -> None:
        """Puts the old bundle there."""
        out.mkdir()
        shutil.copytree(inputs / "old", out / "bundle")

    def arguments(self, inputs: Path, out: Path) -> list[str | Path]:
        """See Case."""
        words = [word.format(inputs=inputs) for word in self.words]
        return [*words, "--out", out / "bundle"]


class Import(_ToBundle):
    """A released checkpoint to a bundle."""

    name = "import"
    scripts = (_RELEASED,)
    words = ("import", "{inputs}/released.pth", "--names-file", "{inputs}/names.txt",
             "--size", "64x96")  # fmt: skip


class Quantize(_ToBundle):
    """A bundle to one with INT8."""

    name = "quantize"
    scripts = (_QUANTIZED,)
    words = ("quantize", "{inputs}/toy", "--data", "{inputs}/squares")


class _FromRun(_ToBundle):
    """A command that begins with a trained run."""

    scripts = (_TRAINING,)

    def arrange(self, inputs: Path) -> None:
        """Trains, and exports."""
        super().arrange(inputs)
        for case, out in ((Train(), inputs), (Export(), inputs / "exported")):
            out.mkdir(exist_ok=True)
            subprocess.run(case.command(inputs, out), check=True, stdout=subprocess.DEVNULL)


class Export(_FromRun):
    """A run to a bundle."""

    name = "export"
    words = ("export", "{inputs}/run", "--names-file", "{inputs}/names.txt", "--size", "64x96")


class Reparameterize(_FromRun):
    """A bundle to one with fixed names."""

    name = "reparameterize"
    words = ("reparameterize", "--bundle", "{inputs}/exported/bundle",
             "--vocabulary", "mug, spoon")  # fmt: skip


CASES: tuple[Case, ...] = (Train(), Import(), Quantize(), Export(), Reparameterize())
