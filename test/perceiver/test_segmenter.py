# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Class maps in pixels of the source, at any size, on real engines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vit_perception.bundle.bundle import Bundle
from vit_perception.frame import Frame
from vit_perception.letterbox import Letterbox, fit
from vit_perception.perceiver.perceiver import Perceiver
from vit_perception.perceiver.segmenter import Segmenter, labels_at
from vit_perception.perceiver.settings import PerceiverError
from vit_perception.perceiver.stages import StageTimes

from ..refusals import refusal_of
from ..toy_segmenter import CLASSES, toy_segmenter, write_toy_segmenter

SIZES = [
    (64, 96), (48, 64), (480, 640), (720, 1280), (100, 37), (33, 400), (1, 1), (7, 5), (257, 385),
    (1080, 1920),
]  # fmt: skip


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return write_toy_segmenter(tmp_path_factory.mktemp("bundles") / "toy")


def edges(height: int, width: int) -> np.ndarray:
    """Returns a picture that is red on the left, green at the top right and blue below that."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, : width // 2, 0] = 255
    picture[: height // 3, width // 2 :, 1] = 255
    picture[height // 3 :, width // 2 :, 2] = 255
    return picture


@pytest.mark.parametrize("size", SIZES)
def test_edges_lie_where_the_picture_has_them(bundle: Bundle, size: tuple[int, int]) -> None:
    picture = edges(*size)
    times = StageTimes()
    found = Segmenter(bundle, threads=1)(Frame(picture, stamp=5), stages=times)
    assert (found.labels.shape, found.names, found.stamp) == (size, CLASSES, 5)
    assert list(times.seconds) == ["letterbox", "inference", "labels"]
    # What one cell of the network's output covers: an edge inside a cell is a mean of both sides.
    box = fit(*size, 64, 96)
    reach = 4 / min(box.scale_x, box.scale_y)
    y, x = np.mgrid[: size[0], : size[1]]
    near = (abs(x + 0.5 - size[1] // 2) <= reach) | (
        (abs(y + 0.5 - size[0] // 3) <= reach) & (x >= size[1] // 2 - reach)
    )
    wanted = picture.argmax(axis=2)
    assert (found.labels == wanted)[~near].all()
    # Beyond rounding to cells, an edge is moved to neither side.
    if min(size) > 30:
        right = np.count_nonzero(found.labels[-1] == 2)
        assert abs(right - (size[1] - size[1] // 2)) <= reach


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("stride", [1, 4, 8])
def test_labels_are_those_of_a_plain_interpolation(size: tuple[int, int], stride: int) -> None:
    logits = np.random.default_rng(stride).normal(size=(3, 64 // stride, 96 // stride))
    logits = logits.astype(np.float32)
    box = fit(*size, 64, 96, align=stride)
    assert box.top % stride == box.left % stride == 0
    wanted, margin = interpolated(logits, box, stride)
    found = labels_at(logits, box, stride)
    # Two classes may be equal but for rounding.
    assert (found == wanted)[margin > 1e-4].all()


def interpolated(logits: np.ndarray, box: Letterbox, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the highest class of each pixel, and by how much it is higher than the next."""

    def places(count: int, scale: float, margin: int, inside: int) -> tuple[np.ndarray, ...]:
        start = margin // stride
        last = start + -(-inside // stride) - 1
        at = ((np.arange(count) + 0.5) * scale + margin) / stride - 0.5
        at = np.clip(at, start, last)
        low = np.floor(at).astype(int)
        return low, np.minimum(low + 1, last), at - low

    y0, y1, fy = places(box.source_height, box.scale_y, box.top, box.resized_height)
    x0, x1, fx = places(box.source_width, box.scale_x, box.left, box.resized_width)
    fy = fy[:, None]

    def rows(of: np.ndarray) -> np.ndarray:
        return logits[:, of][:, :, x0] * (1 - fx) + logits[:, of][:, :, x1] * fx

    planes = rows(y0) * (1 - fy) + rows(y1) * fy
    ordered = np.sort(planes, axis=0)
    # No class is left out: of random logits, each is highest somewhere.
    return planes.argmax(axis=0), ordered[-1] - ordered[-2]


def test_another_provider_says_the_same(bundle: Bundle) -> None:
    pytest.importorskip("openvino")
    picture = edges(480, 640)
    found = [Segmenter(bundle, provider=each)(picture).labels for each in ("cpu", "openvino")]
    np.testing.assert_array_equal(*found)


def test_a_picture_of_one_class_is_whole(bundle: Bundle) -> None:
    green = np.zeros((50, 70, 3), np.uint8)
    green[..., 1] = 9
    assert Segmenter(bundle)(green).shares() == {"background": 0, "table": 1, "thing": 0}


# Refusals


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (toy_segmenter(output="logits"), "outputs: expected class_logits, found logits"),
        (
            toy_segmenter(32),
            "image: expected uint8 [1, 64, 96, 3], found uint8 [1, 32, 96, 3]",
        ),
    ],
)
def test_a_graph_that_breaks_the_contract_is_one_line(
    graph: bytes, message: str, tmp_path: Path
) -> None:
    bundle = write_toy_segmenter(tmp_path / "toy", graph)
    found = refusal_of(PerceiverError, lambda: Segmenter(bundle))
    assert found == f"{bundle.directory}/model.onnx: {message}"


def test_numbers_that_are_not_finite_are_one_line(tmp_path: Path) -> None:
    bundle = write_toy_segmenter(tmp_path / "toy", toy_segmenter(factor=float("nan")))
    segmenter = Segmenter(bundle)
    found = refusal_of(PerceiverError, lambda: segmenter(edges(20, 20)))
    assert "class_logits: expected finite numbers, found nan" in found


def test_each_task_has_its_own_perceiver(bundle: Bundle, toy_bundle: Bundle) -> None:
    found = refusal_of(PerceiverError, lambda: Segmenter(toy_bundle))
    assert found.endswith("expected task semantic_segmentation, found detection")
    refusal_of(PerceiverError, lambda: Perceiver(bundle))


def test_auto_is_refused(bundle: Bundle) -> None:
    found = refusal_of(PerceiverError, lambda: Segmenter(bundle, precision="auto"))
    assert found == "precision: expected one by its name for a segmenter, found 'auto'"
