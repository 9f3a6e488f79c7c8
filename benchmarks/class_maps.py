# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Class maps of names, made of masks and painted from boxes, against labelled masks.

    python benchmarks/class_maps.py --bundle tabletop_nano --data data/test_v1 --count 200

All names of the data are asked for at once. IoU is over the pixels of all pictures, for each name
that occurs; pixels of no name count as one more, which the mean leaves out.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vit_perception.bundle.bundle import Bundle
from vit_perception.bundle.paths import find_bundle
from vit_perception.compression.gate.frames import read_frames
from vit_perception.detections import Detections
from vit_perception.evaluation.samples.sample import FrameTruth
from vit_perception.masks import Masks
from vit_perception.perceiver.candidates import detections_from
from vit_perception.perceiver.class_map import class_map
from vit_perception.perceiver.network import Network
from vit_perception.perceiver.query_maker import QueryMaker
from vit_perception.perceiver.settings import EngineSettings, Settings
from vit_perception.perceiver.stages import StageTimes
from vit_perception.rle import decode_mask
from vit_perception.text.builder import VocabularyBuilder


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--bundle", default="tabletop_nano", help="bundle folder or bundled name")
    parser.add_argument("--data", type=Path, required=True, help="data set with masks")
    parser.add_argument("--count", type=int, default=200, help="pictures (200)")
    parser.add_argument("--threshold", type=float, default=-1.0, help="score (the bundle's)")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    bundle = Bundle.load(find_bundle(options.bundle))
    frames = read_frames(options.data, options.count, bundle)
    assert frames.truths is not None
    network = Network(bundle, EngineSettings(options.precision, threads=options.threads))
    vocabulary = VocabularyBuilder(bundle).build(frames.names, 1)
    settings = Settings(score_threshold=options.threshold, max_detections=300)
    query = QueryMaker(bundle, network.session, options.threads)(vocabulary, settings)
    none = len(frames.names)
    counts = {
        way: np.zeros((none + 1, none + 1), np.int64) for way in ("made of masks", "boxes painted")
    }
    for laid, truth in zip(frames.laid, frames.truths, strict=True):
        seen = network.run(laid, query, StageTimes())
        found = detections_from(seen.named, laid.letterbox, query, StageTimes())
        wanted = map_of(truth, frames.names)
        for way, detections in (("made of masks", found), ("boxes painted", boxed(found))):
            names = class_map(detections)
            assert names is not None
            pairs = wanted.astype(np.int64) * (none + 1) + np.minimum(names, none)
            counts[way] += np.bincount(pairs.ravel(), minlength=(none + 1) ** 2).reshape(
                none + 1, none + 1
            )
    print(f"{bundle.name}, {len(frames)} pictures, {none} names")
    for way, matrix in counts.items():
        overlaps = ious(matrix)
        print(f"{way:<16}mIoU {overlaps[:-1].mean():.4f}  no name {overlaps[-1]:.4f}")
    return 0


def map_of(truth: FrameTruth, names: tuple[str, ...]) -> NDArray[np.int64]:
    """Returns the index of the name of each pixel [H, W]; their number where there is none."""
    assert truth.masks is not None
    masks = [decode_mask(each) for each in truth.masks]
    found = np.full(masks[0].shape, len(names), np.int64)
    for mask, name in zip(masks, truth.names, strict=True):
        found[mask] = names.index(name)
    return found


def boxed(found: Detections) -> Detections:
    """Returns the detections with their whole boxes as masks."""
    assert found.masks is not None
    height, width = found.masks.height, found.masks.width
    corners = np.rint(found.boxes).astype(np.int64)
    crops = tuple(
        np.ones((max(1, y2 - y1), max(1, x2 - x1)), np.bool_) for x1, y1, x2, y2 in corners
    )
    origins = np.minimum(corners[:, :2], [[width - 1, height - 1]])
    cut = tuple(
        crop[: height - y, : width - x]
        for crop, (x, y) in zip(crops, origins.tolist(), strict=True)
    )
    return replace(found, masks=Masks(origins, cut, height, width))


def ious(matrix: NDArray[np.int64]) -> NDArray[np.float64]:
    """Returns the IoU of each name that occurs, that of no name last."""
    union = matrix.sum(0) + matrix.sum(1) - matrix.diagonal()
    occurs = matrix.sum(1) > 0
    return matrix.diagonal()[occurs] / union[occurs]


if __name__ == "__main__":
    raise SystemExit(main())
