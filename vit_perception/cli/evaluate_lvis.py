# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The LVIS part of the subcommand `evaluate`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from vit_perception.cli.asker import SCORE_THRESHOLD, Asker, refuse_to_overwrite
from vit_perception.wording import shown_path

if TYPE_CHECKING:
    from vit_perception.evaluation.lvis_dataset import LvisDataset

# Options of `evaluate` that have no meaning for LVIS: its pictures are only partly annotated,
# and all names are asked for.
_OTHERS = ("score_threshold", "names", "names_file", "wordings", "taught", "shots")


def measured_lvis(
    document: dict[str, Any], source: Path, args: argparse.Namespace
) -> dict[str, Any]:
    """Returns the metrics of `evaluate_lvis` and the conditions of measurement.

    Raises:
        EvaluationError: an option does not apply to LVIS, the file is no LVIS file, or the graph
            leaves out most pairs of box and name.
    """
    from vit_perception.cli.progress import progress_bar
    from vit_perception.evaluation.coco_file import ANNOTATIONS
    from vit_perception.evaluation.errors import EvaluationError
    from vit_perception.evaluation.lvis import (
        IOU_THRESHOLD,
        PAIRS,
        PER_CATEGORY,
        PER_PICTURE,
        evaluate_lvis,
    )
    from vit_perception.evaluation.lvis_dataset import lvis_from

    for option in _OTHERS:
        if getattr(args, option) is not None:
            raise EvaluationError(
                f"--{option.replace('_', '-')}: expected a COCO dataset, found LVIS, all of "
                f"whose names are asked at once"
            )
    images = source.parent / "images" if args.images is None else Path(args.images)
    name = source.resolve().parent.name if source.name == ANNOTATIONS else source.name
    data = lvis_from(document, source, images, args.limit)
    refuse_to_overwrite(args, source, data.pictures)
    document.clear()  # hundreds of megabytes of polygons
    ask = Asker(args, iou_threshold=IOU_THRESHOLD, max_detections=PAIRS)
    names = tuple(data.asked())
    rows = _rows(ask, names, data)
    with progress_bar("evaluating", len(data.pictures)) as show:
        metrics = evaluate_lvis(data, ask(names), lambda done, _: show(done))
    return {
        **metrics,
        "dataset": name,
        "bundle": ask.bundle.name,
        "precision": args.precision,
        "limits": {
            "score_threshold": SCORE_THRESHOLD,
            "iou_threshold": ask.published.iou_threshold,
            "pairs": rows,
            "per_picture": PER_PICTURE,
            "per_category": PER_CATEGORY,
        },
    }


def refuse_others(source: Path) -> NoReturn:
    """Raises an error that says what the file should have been.

    Raises:
        EvaluationError: always.
    """
    from vit_perception.evaluation.errors import EvaluationError

    raise EvaluationError(
        f"{shown_path(source)}: expected LVIS, whose pictures have neg_category_ids, found none; "
        f"of COCO give the folder that holds images/ and annotations.json, without --images"
    )


def _rows(ask: Asker, names: tuple[str, ...], data: LvisDataset) -> int:
    """Returns how many pairs of box and name the graph gives for the first picture.

    Raises:
        EvaluationError: there are fewer than names: a graph for robots keeps only the best few.
    """
    from vit_perception.evaluation.dataset import read_frame
    from vit_perception.evaluation.errors import EvaluationError
    from vit_perception.evaluation.lvis import PAIRS

    rows = len(ask.everything(names)(read_frame(data.pictures[0])))
    if rows < len(names):
        raise EvaluationError(
            f"{ask.bundle.name}: expected a graph that gives {PAIRS} pairs of box and name, "
            f"found {rows}: 'vit-perception export BUNDLE --out evaluated --top-k {PAIRS}'"
        )
    return rows
