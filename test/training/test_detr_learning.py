# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""RT-DETR learns shapes, with either class loss."""

from __future__ import annotations

import contextlib
import io

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pycocotools.coco import COCO  # noqa: E402
from pycocotools.cocoeval import COCOeval  # noqa: E402

from vit_perception.models.backbones.resnet_vd import ResNetVD  # noqa: E402
from vit_perception.models.centred_boxes import corners  # noqa: E402
from vit_perception.models.detectors.rt_detr import RTDETR  # noqa: E402
from vit_perception.training.denoising import noisy_queries  # noqa: E402
from vit_perception.training.detr_losses import Objects, rt_detr_losses  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.slow]

SIZE, PICTURES, BATCH, STEPS = 96, 64, 8, 450

torch.set_num_threads(1)


def scenes() -> tuple[torch.Tensor, list[Objects]]:
    """Returns 64 pictures with two of squares, discs and triangles, [64, 3, SIZE, SIZE]."""
    rng = np.random.default_rng(0)
    pictures, targets = [], []
    for _ in range(PICTURES):
        image = rng.integers(90, 130, (SIZE, SIZE, 3)).astype(np.uint8)
        boxes, labels = [], []
        for part in range(2):
            kind, side = int(rng.integers(3)), int(rng.integers(18, 40))
            x = int(rng.integers(2, SIZE // 2 - 2)) if side > 30 else int(rng.integers(2, 56))
            y = part * SIZE // 2 + int(rng.integers(1, SIZE // 2 - side))
            colour = tuple(int(c) for c in rng.choice([20, 235], 3))
            if kind == 0:
                cv2.rectangle(image, (x, y), (x + side - 1, y + side - 1), colour, -1)
            elif kind == 1:
                cv2.circle(image, (x + side // 2, y + side // 2), side // 2, colour, -1)
            else:
                points = [[x, y + side - 1], [x + side - 1, y + side - 1], [x + side // 2, y]]
                cv2.fillPoly(image, [np.array(points)], colour)
            boxes.append([(x + side / 2) / SIZE, (y + side / 2) / SIZE, side / SIZE, side / SIZE])
            labels.append(kind)
        pictures.append(torch.from_numpy(image).permute(2, 0, 1).float() / 255)
        targets.append(Objects(torch.tensor(boxes), torch.eye(3, dtype=torch.bool)[labels]))
    return torch.stack(pictures), targets


def learnt(varifocal: bool) -> RTDETR:
    """Returns a small network that has seen the pictures for STEPS steps."""
    torch.manual_seed(0)
    backbone = ResNetVD((1, 1, 1, 1), (32, 48, 64, 96), bottleneck=False, stem=32)
    model = RTDETR(
        backbone, neck_width=64, neck_hidden=128, expansion=0.5, layers=2, classes=3, width=64,
        queries=30,
    ).train()  # fmt: skip
    images, targets = scenes()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-4)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1.5e-3, STEPS, pct_start=0.1)
    generator = torch.Generator().manual_seed(0)
    for _ in range(STEPS):
        rows = torch.randperm(PICTURES, generator=generator)[:BATCH].tolist()
        chosen = [targets[row] for row in rows]
        noise, told = noisy_queries(chosen, 30, total=20, generator=generator)
        output = model(images[rows], noise=noise)
        optimizer.zero_grad()
        rt_detr_losses(output, chosen, told, varifocal=varifocal).total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        optimizer.step()
        rates.step()
    return model.eval()


@torch.no_grad()
def ap50(model: RTDETR) -> float:
    images, targets = scenes()
    boxes, scores = model.detect(images)
    truth, found = [], []
    for number, (own, labels) in enumerate(targets):
        for box, label in zip(corners(own) * SIZE, labels.int().argmax(1).tolist(), strict=True):
            x1, y1, x2, y2 = box.tolist()
            truth.append(
                {
                    "id": len(truth) + 1, "image_id": number, "category_id": label,
                    "bbox": [x1, y1, x2 - x1, y2 - y1], "iscrowd": 0,
                    "area": (x2 - x1) * (y2 - y1),
                }
            )  # fmt: skip
        for index in scores[number].flatten().topk(30).indices.tolist():
            x1, y1, x2, y2 = boxes[number, index // 3].tolist()
            found.append(
                {
                    "image_id": number, "category_id": index % 3,
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "score": float(scores[number].flatten()[index]),
                }
            )  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        data = COCO()
        data.dataset = {
            "info": {}, "images": [{"id": n} for n in range(PICTURES)], "annotations": truth,
            "categories": [{"id": n} for n in range(3)],
        }  # fmt: skip
        data.createIndex()
        evaluation = COCOeval(data, data.loadRes(found), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[1])


@pytest.mark.parametrize("varifocal", [True, False])
def test_shapes_are_learnt(varifocal: bool) -> None:
    assert ap50(learnt(varifocal)) > 0.9
