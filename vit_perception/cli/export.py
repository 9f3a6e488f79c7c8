# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""`vit-perception export`: a training run to a bundle."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from vit_perception.cli.arguments import at_least, input_size, number, output_path
from vit_perception.perceiver.settings import GRAPH_ROWS
from vit_perception.wording import shown, shown_path

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from vit_perception.bundle.regions_file import Regions
    from vit_perception.export.trained import Trained
    from vit_perception.vocabulary import Vocabulary

_T = TypeVar("_T")

NAME = "export"
HELP = "export a training run, or a bundle again, as a bundle that robots run"
EPILOG = """example:
  vit-perception export runs/nano --out bundles/my_nano --names-file names.txt --size 320x320
  vit-perception export bundles/my_nano --out evaluated --top-k 10000"""

_CARD_BYTES = 2**20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("trained", type=Path, help="run folder of 'train', or a bundle")
    parser.add_argument("--out", type=output_path, required=True, help="bundle folder to write")
    parser.add_argument("--name", help="name of the bundle (default: the folder's)")
    parser.add_argument(
        "--names-file", type=Path, help="ready-made names, one a line (a bundle has its own)"
    )
    parser.add_argument(
        "--default-names", help="vocabulary to start with, 'red mug, spoon' (default: all names)"
    )
    parser.add_argument(
        "--size",
        type=input_size(32),
        metavar="HxW",
        help="network input, HEIGHTxWIDTH (default: as trained)",
    )
    parser.add_argument(
        "--top-k", type=at_least(1), default=GRAPH_ROWS, help=f"rows of the outputs ({GRAPH_ROWS})"
    )
    parser.add_argument(
        "--score-threshold",
        type=number(0, 1),
        help="recommended score (default: the bundle's, or 0.25)",
    )
    parser.add_argument(
        "--shown-threshold",
        type=number(0, 1),
        help="score of a shown name that is worth as much as the recommended score of a said one "
        "(default: as in the bundle, or the same)",
    )
    parser.add_argument(
        "--iou-threshold",
        type=number(0, 1),
        help="recommended NMS overlap (default: as in the bundle, or 0.6)",
    )
    parser.add_argument("--metrics", type=Path, help="JSON list of measured metrics for the card")
    parser.add_argument("--card", type=Path, help="Markdown for the model card: data, licences")
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="data set with every object labelled, to fit the embedding for anything to, which "
        "names that are shown need (a bundle has its own)",
    )
    parser.add_argument(
        "--count", type=at_least(1), default=150, metavar="N",
        help="pictures of --data, at most (150)",
    )  # fmt: skip
    parser.add_argument(
        "--calibrate",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="labelled data set on which a score of 0.5 is to be right half of the time; may be "
        "given several times, each weighs the same",
    )
    parser.add_argument(
        "--half-weights",
        action="store_true",
        help="store the graph's weights in half precision: half the size, float arithmetic",
    )
    parser.add_argument("--text-encoder-dir", help="folder with model.safetensors, tokenizer.json")


def run(args: argparse.Namespace) -> int:
    """Exports and checks; returns 0."""
    from vit_perception.export.segmenter import is_segmenter_run

    if is_segmenter_run(args.trained):
        return _run_segmenter(args)
    from vit_perception.bundle.bundle import Bundle
    from vit_perception.bundle.files import MANIFEST, check_destination
    from vit_perception.bundle.manifest import bundle_name
    from vit_perception.bundle.regions_file import ANYTHING
    from vit_perception.cli.progress import progress_bar
    from vit_perception.evaluation.dataset import load_dataset, spread
    from vit_perception.export.detector import export_bundle
    from vit_perception.export.trained import ExportError, load_bundle_model, load_run
    from vit_perception.input.file import read_text
    from vit_perception.names import names_from_file, parse_names
    from vit_perception.training.run import cached_encoder
    from vit_perception.vocabulary import Vocabulary

    # Bad options are refused before a network is loaded.
    check_destination(args.out)
    name = bundle_name(args.name, args.out)
    metrics = _metrics(args.metrics) if args.metrics else ()
    card = read_text(args.card, _CARD_BYTES) if args.card else ""
    default_names = parse_names(args.default_names) if args.default_names else None
    source = Bundle.load(args.trained) if os.path.isfile(args.trained / MANIFEST) else None
    if args.names_file is not None:
        names = names_from_file(args.names_file)
    elif source is not None:
        names = source.ready_made().names
    else:
        raise ExportError("--names-file: expected the ready-made names of the bundle, found none")
    unknown = [each for each in default_names or () if each not in names]
    if unknown:
        raise ExportError(f"--default-names: expected ready-made names, found {shown(unknown[0])}")
    recommended: tuple[float, float, float | None] = (0.25, 0.6, None)
    if source is not None:
        recommended = (source.score_threshold, source.iou_threshold, source.shown_threshold)
    trained = load_run(args.trained) if source is None else load_bundle_model(source)
    encode = cached_encoder(args.text_encoder_dir)
    if args.names_file is None and source is not None:
        vocabulary, names = source.ready_made(), source.default_names
    else:
        vocabulary = Vocabulary(names, encode(names), 0)
    known = None if source is None else source.regions
    anything = encode((ANYTHING,))[0] if known is None else known
    if args.calibrate:
        trained = _calibrated(args, trained, vocabulary, default_names or names, anything)
    data = None if args.data is None else spread(load_dataset(args.data), args.count)
    total = 0 if data is None else len(data.pictures)
    with progress_bar("fitting", total) as show:
        bundle = export_bundle(
            trained,
            args.out,
            name=name,
            vocabulary=vocabulary,
            anything=anything,
            data=data,
            progress=show,
            default_names=default_names or names,
            size=args.size,
            top_k=args.top_k,
            score_threshold=_first(args.score_threshold, recommended[0]),
            iou_threshold=_first(args.iou_threshold, recommended[1]),
            shown_threshold=_first(args.shown_threshold, recommended[2]),
            metrics=metrics,
            card=card,
            half_weights=args.half_weights,
        )
    print(f"{bundle.name} in {shown_path(args.out)}: {len(vocabulary)} ready-made names, "
          f"{len(bundle.default_names)} by default")  # fmt: skip
    return 0


_OF_DETECTORS = (
    "names_file",
    "default_names",
    "size",
    "score_threshold",
    "shown_threshold",
    "iou_threshold",
    "data",
    "calibrate",
)


def _run_segmenter(args: argparse.Namespace) -> int:
    from vit_perception.bundle.manifest import bundle_name
    from vit_perception.export.segmenter import export_segmenter, load_segmenter_run
    from vit_perception.export.trained import ExportError
    from vit_perception.input.file import read_text
    from vit_perception.training.run import cached_encoder

    for option in _OF_DETECTORS:
        if getattr(args, option):
            raise ExportError(
                f"--{option.replace('_', '-')}: expected none for a segmenter, found one"
            )
    bundle = export_segmenter(
        load_segmenter_run(args.trained),
        args.out,
        name=bundle_name(args.name, args.out),
        encode=cached_encoder(args.text_encoder_dir),
        metrics=_metrics(args.metrics) if args.metrics else (),
        card=read_text(args.card, _CARD_BYTES) if args.card else "",
        half_weights=args.half_weights,
    )
    print(f"{bundle.name} in {shown_path(args.out)}: {len(bundle.default_names)} classes")
    return 0


def _calibrated(
    args: argparse.Namespace,
    trained: Trained,
    vocabulary: Vocabulary,
    default_names: Sequence[str],
    anything: NDArray[np.float32] | Regions,
) -> Trained:
    """Exports once to see how often which score is right, and returns the model that tells so."""
    from vit_perception.cli.progress import progress_bar
    from vit_perception.evaluation.dataset import load_dataset
    from vit_perception.evaluation.naming import calibration_error
    from vit_perception.export.calibration import fitted, judged
    from vit_perception.export.detector import export_bundle
    from vit_perception.export.trained import calibrated
    from vit_perception.output.scratch import scratch_folder

    labelled = [load_dataset(folder) for folder in args.calibrate]
    with scratch_folder() as scratch:
        bundle = export_bundle(
            trained,
            scratch / "bundle",
            name="uncalibrated",
            vocabulary=vocabulary,
            anything=anything,
            default_names=default_names,
            size=args.size,
        )
        sets = []
        for folder, data in zip(args.calibrate, labelled, strict=True):
            title = f"calibrating on {shown_path(folder)}"
            with progress_bar(title, len(data.pictures)) as show:
                sets.append(
                    judged(bundle, data, text_encoder_dir=args.text_encoder_dir, progress=show)
                )
    found = fitted(sets)
    for folder, each in zip(args.calibrate, sets, strict=True):
        told = (each.scores, found.scores(each.scores))
        before, after = (calibration_error(scores, each.right) for scores in told)
        print(
            f"calibrated on {shown_path(folder)}: {len(each.scores)} detections, expected "
            f"calibration error {before:.3f} -> {after:.3f}"
        )
    return calibrated(trained, found)


def _metrics(path: Path) -> list[dict[str, Any]]:
    from vit_perception.export.trained import ExportError
    from vit_perception.input.json_file import read_json

    found = read_json(path)
    keys = {"dataset", "command"}
    if not isinstance(found, list) or not all(
        isinstance(m, dict) and keys <= m.keys() for m in found
    ):
        raise ExportError(
            f"{shown_path(path)}: expected a list of metrics with dataset and command"
        )
    return found


def _first(wanted: _T | None, otherwise: _T) -> _T:
    return otherwise if wanted is None else wanted
