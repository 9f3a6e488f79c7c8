# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What is measured, in a file of the measurement's folder, so that only the same is resumed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.files import find_manifest
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.rows.looker import Engine
from vit_perception.evaluation.rows.reading import BLOCK
from vit_perception.evaluation.rows.run import LEAST_SCORE, PER_PICTURE, Run
from vit_perception.output.lock import sole_writer_in
from vit_perception.output.write import write
from vit_perception.text.builder import VocabularyBuilder
from vit_perception.wording import one_line, shown, shown_path

PLAN = "plan.json"
FORMAT = 1
"""Of the files in `rows/`; another number means that they cannot be read together."""
_PIECE = 2**18
"""Bytes that are hashed at the beginning, in the middle and at the end of a large file.

Files of labels are hashed whole: one that is corrected may keep its size.
"""


def plan_of(
    names: Sequence[str],
    runs: Sequence[Run],
    sources: Mapping[str, Sequence[Path]],
    engine: Engine,
) -> dict[str, Any]:
    """Returns what is measured, in words that are the same wherever the files lie.

    New names are encoded here, so that the processes that look find them in the cache.

    Args:
        names: that are asked for.
        runs: in their order.
        sources: key of each sequence, in their order, to all files that it is read from: of a
            bag, its folder will do.
        engine: what runs the networks.

    Raises:
        BundleError: a bundle cannot be read.
        VocabularyError: it cannot be asked for these names.
    """
    return {
        "format": FORMAT,
        "names": list(names),
        "limits": {"per_picture": PER_PICTURE, "least_score": LEAST_SCORE, "block": BLOCK},
        "provider": engine.provider,
        "runs": [_run_entry(run, names, engine) for run in runs],
        "sequences": [{"key": key, **_files_entry(files)} for key, files in sources.items()],
    }


@contextmanager
def measuring(folder: Path, plan: Mapping[str, Any]) -> Iterator[None]:
    """Holds the folder of a measurement, which is new, empty, or one of the same plan.

    Raises:
        EvaluationError: it holds another measurement, or other things.
        OutputError: another process writes there, or it cannot be written.
    """
    with sole_writer_in(folder):
        _check(folder, plan)
        text = json.dumps(plan, indent=1, ensure_ascii=False)
        write(folder / PLAN, f"{text}\n".encode())
        yield


def _check(folder: Path, plan: Mapping[str, Any]) -> None:
    file = folder / PLAN
    if not file.exists():
        # A process that was killed while it wrote the plan leaves `.plan.json.….partial.json`.
        own = (".lock", f".{PLAN}.")
        there = sorted(each.name for each in folder.iterdir() if not each.name.startswith(own))
        if there:
            raise EvaluationError(
                f"{shown_path(folder)}: expected a new folder or one with the same measurement, "
                f"found {shown_path(there[0])} in it and no {PLAN}"
            )
        return
    try:
        found = json.loads(file.read_bytes())
    except Exception as error:  # a file from anywhere
        raise EvaluationError(
            f"{shown_path(file)}: expected the plan of a measurement, found: {one_line(error)}"
        ) from error
    # What is written differs from what is read: tuples, and numbers of other kinds.
    if difference := _difference(found, json.loads(json.dumps(plan))):
        raise EvaluationError(
            f"{shown_path(folder)}: expected a new folder or one with the same measurement, "
            f"found another one: {difference}"
        )


def _difference(there: Any, now: Any, where: str = "") -> str:
    """Returns the first thing that differs between two documents, "" if nothing does."""
    if type(there) is type(now) is dict and there.keys() == now.keys():
        pairs = [(f"{where} {key}", there[key], now[key]) for key in now]
    elif type(there) is type(now) is list and len(there) == len(now) and _are_entries(now):
        labels = [shown_path(str(each.get("key", ""))) for each in now]
        pairs = [
            (f"{where} {label}", *both)
            for label, both in zip(labels, zip(there, now, strict=True), strict=True)
        ]
    elif there == now:
        return ""
    elif type(there) is type(now) is list and _are_entries(there + now):
        return f"{where.strip()}: {len(there)} there, {len(now)} now"
    else:
        return f"{where.strip() or 'the plan'}: {shown(there)} there, {shown(now)} now"
    return next((line for label, a, b in pairs if (line := _difference(a, b, label))), "")


def _are_entries(values: Sequence[Any]) -> bool:
    return bool(values) and all(isinstance(each, dict) for each in values)


def _run_entry(run: Run, names: Sequence[str], engine: Engine) -> dict[str, Any]:
    bundle = Bundle.load(run.bundle)
    vocabulary = VocabularyBuilder(bundle, text_encoder_dir=engine.text_encoder).build(names, 1)
    return {
        "key": run.key,
        "bundle": bundle.name,
        "precision": run.precision,
        "sha256": run.sha256,
        # It has the digests of all other files, and how pictures are fitted into the network.
        "manifest": _hex(find_manifest(run.bundle).read_bytes()),
        "embeddings": _hex(vocabulary.embeddings.tobytes()),
        "thresholds": list(run.thresholds),
        "iou_threshold": run.iou_threshold,
        "max_detections": run.max_detections,
    }


def _files_entry(paths: Sequence[Path]) -> dict[str, Any]:
    """Returns how many files there are, their bytes, and a digest that is cheap to make."""
    total = count = 0
    digest = sha256()
    for path in paths:
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in inside:
            if file.is_dir():
                continue
            name = str(file.relative_to(path)) if path.is_dir() else file.name
            try:
                size, pieces = _pieces(file)
            except OSError:  # what reads it will tell
                size, pieces = 0, _hex(b"unreadable")
            total, count = total + size, count + 1
            digest.update(json.dumps([name, size, pieces]).encode())
    return {"files": count, "bytes": total, "digest": digest.hexdigest()}


def _pieces(file: Path) -> tuple[int, str]:
    """Returns the size of a file and the digest of some of its bytes, of a small one of all."""
    digest = sha256()
    with file.open("rb") as opened:
        size = opened.seek(0, 2)
        whole = size <= 3 * _PIECE or file.suffix == ".json"
        for begin in range(0, size, _PIECE) if whole else _places(size):
            opened.seek(begin)
            digest.update(opened.read(_PIECE))
    return size, digest.hexdigest()


def _places(size: int) -> tuple[int, int, int]:
    return 0, (size - _PIECE) // 2, size - _PIECE


def _hex(data: bytes) -> str:
    return sha256(data).hexdigest()
