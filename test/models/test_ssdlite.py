# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""MobileDets' SSDLite: counts, anchors, codes, losses and graph (card 64)."""

from __future__ import annotations

import math

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from test.models.backbones.randomised import randomise  # noqa: E402
from vit_perception.export.onnx_graph import to_onnx  # noqa: E402
from vit_perception.models.detectors.ssdlite import (  # noqa: E402
    SSDLite,
    SSDLiteOutput,
    anchors,
    centred,
    corners,
    decode,
    encode,
    losses,
    match,
    pairwise_iou,
)
from vit_perception.models.macs import multiply_adds  # noqa: E402
from vit_perception.models.shelf import for_inference  # noqa: E402

pytestmark = pytest.mark.torch

GRIDS = [(side, side) for side in (20, 10, 5, 3, 2, 1)]
#: Trainable parameters, millions with BatchNorm's statistics, and GMACs at 320.
CARD = {
    "mobiledet_cpu": (4_165_055, 4.205, 0.444),
    "mobiledet_dsp": (7_102_079, 7.159, 2.816),
    "mobiledet_edgetpu": (4_146_543, 4.196, 1.533),
    "mobiledet_gpu": (13_069_247, 13.109, 5.073),
}


@pytest.fixture(scope="module")
def detector() -> SSDLite:
    torch.manual_seed(0)
    return randomise(SSDLite("mobiledet_cpu", (96, 128), classes=5))


@pytest.mark.parametrize("name", CARD)
def test_counts_of_the_card(name: str) -> None:
    model = SSDLite(name).eval()
    parameters = sum(p.numel() for p in model.parameters())
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    statistics = sum(2 * norm.num_features for norm in norms)
    # Counted without computing.
    macs = multiply_adds(model.to("meta"), torch.zeros(1, 3, 320, 320, device="meta"))
    found = (parameters, round((parameters + statistics) / 1e6, 3), round(macs / 1e9, 3))
    assert found == CARD[name]
    assert {(n.eps, n.momentum) for n in norms} == {(0.01, 0.01), (1e-3, 0.03)}


@torch.no_grad()
def test_levels_and_outputs_at_320() -> None:
    model = SSDLite("mobiledet_cpu").eval()
    image = torch.zeros(2, 3, 320, 320)
    assert [tuple(x.shape[2:]) for x in model.maps(image)] == GRIDS
    output = model(image)
    assert output.codes.shape == (2, 2034, 4)
    assert output.logits.shape == (2, 2034, 91)


def test_anchors_of_a_square_picture() -> None:
    found = anchors(GRIDS, (320, 320))
    assert [rows * columns * (3 if rows == 20 else 6) for rows, columns in GRIDS] == [
        1200, 600, 150, 54, 24, 6
    ]  # fmt: skip
    assert found.shape == (2034, 4)
    # Height and width of ratio 2 are scale / sqrt(2) and scale * sqrt(2).
    half = math.sqrt(0.5)
    wanted = [
        [0.025, 0.025, 0.1, 0.1],
        [0.025, 0.025, 0.2 * half, 0.2 / half],
        [0.025, 0.025, 0.2 / half, 0.2 * half],
        [0.025, 0.075, 0.1, 0.1],
    ]
    torch.testing.assert_close(found[:4], torch.tensor(wanted))
    third = math.sqrt(3)
    sides = [
        [0.95, 0.95],
        [0.95 * half, 0.95 / half],
        [0.95 / half, 0.95 * half],
        [0.95 / third, 0.95 * third],
        [0.95 * third, 0.95 / third],
        [math.sqrt(0.95)] * 2,
    ]
    torch.testing.assert_close(found[-6:], torch.tensor([[0.5, 0.5, *side] for side in sides]))
    between = found[1200:1206, 2]
    assert between[5].item() == pytest.approx(math.sqrt(0.35 * 0.5))


def test_anchors_of_a_wide_picture_are_square_in_pixels() -> None:
    found = anchors([(15, 20), (8, 10), (4, 5), (2, 3), (1, 2), (1, 1)], (240, 320))
    assert found[0, 2].item() * 240 == pytest.approx(24)
    assert found[0, 3].item() * 320 == pytest.approx(24)


def test_codes_of_a_box() -> None:
    prior = torch.tensor([[0.5, 0.5, 0.2, 0.4]])
    box = torch.tensor([[0.6, 0.4, 0.2 * math.e, 0.4]])
    code = encode(box, prior)
    torch.testing.assert_close(code, torch.tensor([[5.0, -2.5, 5.0, 0.0]]), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(decode(code, prior), box)
    priors = anchors(GRIDS, (320, 320))
    boxes = centred(corners(torch.rand(2034, 4) * 0.5 + 0.1))
    torch.testing.assert_close(decode(encode(boxes, priors), priors), boxes)


@torch.no_grad()
def test_predictions_are_in_the_order_of_the_anchors(detector: SSDLite) -> None:
    maps = detector.maps(torch.rand(1, 3, 96, 128))
    wanted = detector.predict(maps).codes
    rows, columns = maps[0].shape[2:]
    # Another value in one cell of the finest map moves anchors of its neighbourhood only.
    maps[0][:, :, 2, 3] += 1
    moved = (detector.predict(maps).codes - wanted).abs().amax(2)[0].nonzero().flatten()
    cells = {(i // 3 // columns, i // 3 % columns) for i in moved.tolist()}
    assert cells == {(row, column) for row in (1, 2, 3) for column in (2, 3, 4)}
    assert rows * columns * 3 > moved.max()
    last = detector.boxes[0][-1]
    last.weight.zero_()
    last.bias.copy_(torch.arange(12))
    codes = detector.predict(maps).codes[0, : rows * columns * 3]
    assert torch.equal(codes, torch.arange(12.0).reshape(3, 4).repeat(rows * columns, 1))


@torch.no_grad()
def test_detections_are_pixels_xyxy() -> None:
    model = SSDLite("mobiledet_cpu", (96, 128), classes=5).eval()
    for predictor in model.boxes:
        predictor[-1].weight.zero_()
    boxes, scores = model.detect(torch.rand(2, 3, 96, 128))
    # Codes of 0 give the anchors: the first is a tenth of the shorter side, in the first cell.
    assert boxes.shape == (2, 6 * 8 * 3 + (3 * 4 + 2 * 2 + 1 + 1 + 1) * 6, 4)
    torch.testing.assert_close(boxes[1, 0], torch.tensor([3.2, 3.2, 12.8, 12.8]))
    assert scores.shape == (2, boxes.shape[1], 5)
    assert 0 < scores.min() < scores.max() < 1


def test_each_box_has_an_anchor() -> None:
    priors = torch.tensor(
        [
            [0.25, 0.25, 0.5, 0.5],
            [0.25, 0.25, 0.5, 0.4],
            [0.75, 0.75, 0.5, 0.5],
            [0.5, 0.1, 1, 0.1],
        ]
    )
    # The first box covers the first anchor and 0.8 of the second, the other barely the third.
    boxes = torch.tensor([[0.0, 0.0, 0.5, 0.5], [0.9, 0.9, 1.0, 1.0]])
    overlap = pairwise_iou(boxes, corners(priors))
    torch.testing.assert_close(overlap[0, :3], torch.tensor([1.0, 0.8, 0.0]))
    assert overlap[1, 2].item() == pytest.approx(0.04)
    assert match(priors, boxes).tolist() == [0, 0, 1, -1]
    assert match(priors, boxes[:0]).tolist() == [-1] * 4


def test_losses_by_hand() -> None:
    priors = torch.tensor([[0.25, 0.25, 0.5, 0.5], [0.75, 0.75, 0.5, 0.5]])
    box = torch.tensor([[0.0, 0.0, 0.5, 0.5]])
    logits = torch.zeros(1, 2, 3)
    codes = torch.tensor([[[0.5, 0.0, 0.0, 3.0], [9.0, 9.0, 9.0, 9.0]]])
    focal, location = losses(SSDLiteOutput(codes, logits), priors, [(box, torch.tensor([1]))])
    # Each of two anchors has one positive (0.75) and two negative columns (0.25) at p = 0.5.
    assert focal.item() == pytest.approx(2 * (0.75 + 2 * 0.25) * 0.25 * math.log(2))
    assert location.item() == pytest.approx((0.5 * 0.25 + 2.5) / 4)
    sure = torch.tensor([[[-20.0, -20.0, 20.0], [20.0, -20.0, -20.0]]])
    perfect = losses(SSDLiteOutput(torch.zeros(1, 2, 4), sure), priors, [(box, torch.tensor([1]))])
    assert sum(perfect).item() < 1e-6


def test_losses_reach_every_parameter() -> None:
    torch.manual_seed(0)
    model = SSDLite("mobiledet_cpu", (96, 96), classes=5).train()
    output = model(torch.rand(2, 3, 96, 96))
    priors = anchors([(6, 6), (3, 3), (2, 2), (1, 1), (1, 1), (1, 1)], (96, 96))
    # A box of the shape of each level's first anchor, and a picture without any.
    first = [0, 108, 162, 186, 192, 198]
    truth = [
        (corners(priors[first]), torch.tensor([0, 1, 2, 3, 4, 0])),
        (torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64)),
    ]
    # A shift, since codes of 0 at boxes that fit have a loss of 0.
    focal, location = losses(output, priors * 1.01, truth)
    (focal + location).backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert not without


class Detecting(nn.Module):
    def __init__(self, model: SSDLite) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.model.detect(image)


@torch.no_grad()
def test_the_graph_equals_torch(detector: SSDLite) -> None:
    image = torch.rand(1, 3, 96, 128)
    wanted = detector.detect(image)
    graph = to_onnx(
        Detecting(for_inference(detector)), (image,), ("image",), ("boxes", "scores"), {}
    )
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    for found, expected in zip(session.run(None, {"image": image.numpy()}), wanted, strict=True):
        tolerance = 1e-4 * expected.abs().max().item()
        np.testing.assert_allclose(found, expected.numpy(), rtol=0, atol=tolerance)
