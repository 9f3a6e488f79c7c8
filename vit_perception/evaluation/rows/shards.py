# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Files of some pictures that were looked at; the same content gives the same bytes.

One file holds what all runs found in a block of pictures, so that a block is whole or absent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.rows.looked_at import FrameRows, LookedAt
from vit_perception.evaluation.samples.sample import FrameTruth
from vit_perception.output.write import write
from vit_perception.rle import Rle
from vit_perception.wording import one_line, shown_path

Arrays = dict[str, Any]


def write_shard(path: Path, frames: Sequence[LookedAt]) -> None:
    """Writes pictures of one sequence, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    arrays: Arrays = {
        "sequence": np.array([frame.sequence for frame in frames[:1]], np.str_),
        "numbers": np.array([frame.number for frame in frames], np.int64),
        **_prefixed("name", _flat_texts([frame.name for frame in frames])),
        **_prefixed("frame_id", _flat_texts([frame.frame_id for frame in frames])),
        "stamps": np.array([frame.stamp for frame in frames], np.int64),
        "sizes": np.array([frame.size for frame in frames], np.int64).reshape(-1, 2),
        "known": np.array([frame.truth is not None for frame in frames], np.bool_),
    }
    truths = [frame.truth for frame in frames if frame.truth is not None]
    arrays |= _prefixed("truth", _flat_truth(truths))
    for run, rows in enumerate(zip(*(frame.rows for frame in frames), strict=True)):
        arrays |= _prefixed(str(run), _flat_rows(rows))
    content = BytesIO()
    # numpy writes no times into the file.
    np.savez_compressed(content, **arrays)
    write(path, content.getvalue())


def read_shard(path: Path) -> list[LookedAt]:
    """Returns the pictures of a file.

    Raises:
        EvaluationError: it cannot be read, or is no such file.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        return _frames(arrays)
    except Exception as error:  # a file from anywhere; zip and numpy raise all kinds
        raise EvaluationError(
            f"{shown_path(path)}: expected results of a measurement, found: {one_line(error)}"
        ) from error


def same_truth(first: FrameTruth | None, second: FrameTruth | None) -> bool:
    """Returns whether the same is known of two pictures."""
    if first is None or second is None:
        return first is second
    one, other = (_flat_truth([truth]) for truth in (first, second))
    return all(np.array_equal(one[key], other[key]) for key in one)


def _frames(arrays: Arrays) -> list[LookedAt]:
    runs = sum(name.endswith(".scores") for name in arrays)
    sequence = str(arrays["sequence"][0]) if len(arrays["sequence"]) else ""
    sizes = arrays["sizes"].tolist()
    known = arrays["known"].tolist()
    truths = iter(_truths(arrays, sum(known), sizes, known))
    rows = [_rows(arrays, str(run), sizes) for run in range(runs)]
    names = _texts(arrays, "name", len(sizes))
    frame_ids = _texts(arrays, "frame_id", len(sizes))
    return [
        LookedAt(
            sequence=sequence,
            number=int(arrays["numbers"][index]),
            name=names[index],
            stamp=int(arrays["stamps"][index]),
            size=(int(size[0]), int(size[1])),
            truth=next(truths) if known[index] else None,
            rows=tuple(each[index] for each in rows),
            frame_id=frame_ids[index],
        )
        for index, size in enumerate(sizes)
    ]


def _flat_truth(truths: Sequence[FrameTruth]) -> Arrays:
    return {
        "counts": np.array([len(each) for each in truths], np.int64),
        "boxes": _joined([each.boxes for each in truths], np.zeros((0, 4), np.float32)),
        "areas": _joined([each.areas for each in truths], np.zeros(0, np.float32)),
        "crowds": _joined([each.crowds for each in truths], np.zeros(0, np.bool_)),
        **_prefixed("name", _flat_texts([name for each in truths for name in each.names])),
        **_prefixed("part", _flat_texts([part for each in truths for part in each.parts])),
        **_prefixed("id", _flat_texts([id for each in truths for id in each.ids])),
        "has_masks": np.array([each.masks is not None for each in truths], np.bool_),
    } | _flat_masks([each.masks for each in truths])


def _truths(
    arrays: Arrays, count: int, sizes: Sequence[Sequence[int]], known: Sequence[bool]
) -> list[FrameTruth]:
    there = [size for size, is_known in zip(sizes, known, strict=True) if is_known]
    of = _reader(arrays, "truth")
    total = int(of("counts").sum())
    names, parts, ids = (_texts(arrays, f"truth.{key}", total) for key in ("name", "part", "id"))
    masks = _masks(arrays, "truth", there)
    truths = []
    for index, (begin, end) in enumerate(_spans(of("counts"), count)):
        truths.append(
            FrameTruth(
                boxes=of("boxes")[begin:end],
                names=tuple(names[begin:end]),
                masks=masks[index],
                areas=of("areas")[begin:end],
                crowds=of("crowds")[begin:end],
                parts=tuple(parts[begin:end]),
                ids=tuple(ids[begin:end]),
            )
        )
    return truths


def _flat_rows(rows: Sequence[FrameRows]) -> Arrays:
    return {
        "counts": np.array([len(each) for each in rows], np.int64),
        "boxes": _joined([each.boxes for each in rows], np.zeros((0, 4), np.float32)),
        "scores": _joined([each.scores for each in rows], np.zeros(0, np.float32)),
        "labels": _joined([each.labels for each in rows], np.zeros(0, np.int64)),
        "has_masks": np.array([each.masks is not None for each in rows], np.bool_),
    } | _flat_masks([each.masks for each in rows])


def _rows(arrays: Arrays, run: str, sizes: Sequence[Sequence[int]]) -> list[FrameRows]:
    of = _reader(arrays, run)
    masks = _masks(arrays, run, sizes)
    return [
        FrameRows(
            of("boxes")[begin:end], of("scores")[begin:end], of("labels")[begin:end], masks[index]
        )
        for index, (begin, end) in enumerate(_spans(of("counts"), len(sizes)))
    ]


def _flat_masks(masks: Sequence[tuple[Rle, ...] | None]) -> Arrays:
    """Returns the run lengths as one text of bytes, and the length of each."""
    texts = [rle["counts"].encode("ascii") for each in masks if each for rle in each]
    return {
        "mask_lengths": np.array([len(text) for text in texts], np.int64),
        "mask_texts": np.frombuffer(b"".join(texts), np.uint8),
    }


def _masks(
    arrays: Arrays, prefix: str, sizes: Sequence[Sequence[int]]
) -> list[tuple[Rle, ...] | None]:
    of = _reader(arrays, prefix)
    counts = np.where(of("has_masks"), of("counts"), 0)
    text = of("mask_texts").tobytes().decode("ascii")
    places = _spans(of("mask_lengths"), int(counts.sum()))
    masks: list[tuple[Rle, ...] | None] = []
    spans = _spans(counts, len(sizes))
    for has, size, (begin, end) in zip(of("has_masks").tolist(), sizes, spans, strict=True):
        side = [int(size[0]), int(size[1])]
        rles: list[Rle] = [{"size": side, "counts": text[a:b]} for a, b in places[begin:end]]
        masks.append(tuple(rles) if has else None)
    return masks


def _flat_texts(texts: Sequence[str]) -> Arrays:
    """Returns texts one after the other, and the bytes of each.

    An array of texts would give each the room of the longest, and drop zeros at its end.
    """
    encoded = [text.encode() for text in texts]
    return {
        "lengths": np.array([len(each) for each in encoded], np.int64),
        "texts": np.frombuffer(b"".join(encoded), np.uint8),
    }


def _texts(arrays: Arrays, prefix: str, count: int) -> list[str]:
    of = _reader(arrays, prefix)
    joined = of("texts").tobytes()
    return [joined[begin:end].decode() for begin, end in _spans(of("lengths"), count)]


def _reader(arrays: Arrays, prefix: str) -> Callable[[str], NDArray[Any]]:
    return lambda key: arrays[f"{prefix}.{key}"]


def _spans(counts: NDArray[Any], expected: int) -> list[tuple[int, int]]:
    """Returns where each of the counted begins and ends.

    Raises:
        ValueError: there are more or fewer of them.
    """
    if len(counts) != expected:
        raise ValueError(f"{len(counts)} entries in place of {expected}")
    return list(pairwise([0, *np.cumsum(counts).tolist()]))


def _joined(arrays: Sequence[NDArray[Any]], empty: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([empty, *arrays])


def _prefixed(prefix: str, arrays: Arrays) -> Arrays:
    return {f"{prefix}.{name}": values for name, values in arrays.items()}
