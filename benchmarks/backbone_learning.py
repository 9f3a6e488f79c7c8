# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Whether backbones learn: the same few minutes of training on crops of rendered objects.

Every backbone gets the same crops in the same order, the same recipe and the same number of
steps, from random weights; accuracy is of other renderings. Data sets are those of
`vit-perception scenes`. A backbone that is right no more often than one that always names the
commonest category has not learned.

    python benchmarks/backbone_learning.py --train data/tables --test data/test_v1 \
        --backbones shvit_s1,mobilemamba_t2 --out learning.json
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vit_perception.cli.benchmark_candidates import chosen
from vit_perception.models.shelf import create_classifier, find
from vit_perception.training.annotations import load_pictures
from vit_perception.training.pictures import read

LEAST_SIDE = 24
"""Least side of an object in px; smaller ones are left out."""
MARGIN = 0.1
"""Share of a box that a crop shows around it."""


def main() -> int:
    """Trains each backbone, prints and writes the table."""
    options = parsed()
    train = crops(options.train, options.side)
    commonest = [name for name, _ in Counter(train[1]).most_common(options.categories)]
    images, labels = kept(train, commonest)
    test_images, test_labels = kept(crops(options.test, options.side), commonest)
    guess = Counter(test_labels.tolist()).most_common(1)[0][1] / len(test_labels)
    print(f"{len(images)} crops of {options.side} px, {len(commonest)} categories", flush=True)
    print(f"judged by {len(test_images)} others, {guess:.1%} of them of one category", flush=True)
    rows = json.loads(options.out.read_text()) if options.out.is_file() else {}
    for name in chosen(options.backbones):
        if name in rows:
            continue
        torch.manual_seed(0)
        model = create_classifier(name, (options.side, options.side), len(commonest))
        begin = time.perf_counter()
        loss = trained(model, images, labels, options)
        minutes = (time.perf_counter() - begin) / 60
        accuracy = judged(model, test_images, test_labels)
        rows[name] = {
            "card": find(name).card,
            "parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
            "accuracy": accuracy,
            "loss": loss,
            "minutes": minutes,
            "steps": options.steps,
        }
        options.out.write_text(json.dumps(rows, indent=1) + "\n")
        print(f"{name:<32}{accuracy:8.1%}  loss {loss:.2f}  {minutes:.1f} min", flush=True)
    return 0


def crops(folders: str, side: int) -> tuple[np.ndarray, list[str]]:
    """Returns objects of data sets, uint8 [N, side, side, 3], and their categories."""
    pictures, described = load_pictures(tuple(folders.split(",")))
    images, names = [], []
    for picture in pictures:
        pixels = read(picture)
        labels = picture.labels
        for box, number, hidden in zip(labels.boxes, labels.objects, labels.hidden, strict=True):
            x1, y1, x2, y2 = box
            if hidden or min(x2 - x1, y2 - y1) < LEAST_SIDE:
                continue
            grow = MARGIN * max(x2 - x1, y2 - y1)
            left, top = (max(0, int(v - grow)) for v in (x1, y1))
            part = pixels[top : int(y2 + grow) + 1, left : int(x2 + grow) + 1]
            images.append(cv2.resize(part, (side, side), interpolation=cv2.INTER_AREA))
            names.append(described[number].names[0])
    return np.array(images), names


def kept(data: tuple[np.ndarray, list[str]], names: list[str]) -> tuple[Tensor, Tensor]:
    """Returns crops of the categories, uint8 [N, 3, side, side], and their numbers."""
    numbers = {name: number for number, name in enumerate(names)}
    rows = [row for row, name in enumerate(data[1]) if name in numbers]
    images = torch.from_numpy(data[0][rows]).permute(0, 3, 1, 2).contiguous()
    return images, torch.tensor([numbers[data[1][row]] for row in rows])


def trained(
    model: nn.Module, images: Tensor, labels: Tensor, options: argparse.Namespace
) -> float:
    """Trains in place; returns the mean loss of the last twentieth of the steps."""
    model = model.train().to(memory_format=torch.channels_last)
    decayed = [p for p in model.parameters() if p.requires_grad and p.ndim > 1]
    plain = [p for p in model.parameters() if p.requires_grad and p.ndim <= 1]
    groups = [{"params": decayed}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=options.rate, weight_decay=0.05)
    generator = torch.Generator().manual_seed(0)
    losses = []
    for step in range(options.steps):
        warm = min(1.0, (step + 1) / (0.1 * options.steps))
        for group in optimizer.param_groups:
            group["lr"] = options.rate * warm * (1 + math.cos(math.pi * step / options.steps)) / 2
        rows = torch.randint(len(images), (options.batch,), generator=generator)
        batch = images[rows].float().div_(255)
        flips = torch.rand(options.batch, generator=generator) < 0.5
        batch[flips] = batch[flips].flip(3)
        batch = batch.to(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(batch)
        loss = F.cross_entropy(logits.float(), labels[rows], label_smoothing=0.1)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        losses.append(float(loss.detach()))
    return float(np.mean(losses[-max(1, options.steps // 20) :]))


@torch.no_grad()
def judged(model: nn.Module, images: Tensor, labels: Tensor, batch: int = 128) -> float:
    """Returns the share of the crops that get their category."""
    model.eval()
    right = 0
    for begin in range(0, len(images), batch):
        part = images[begin : begin + batch].float().div(255)
        part = part.to(memory_format=torch.channels_last)
        right += int((model(part).argmax(1) == labels[begin : begin + batch]).sum())
    return right / len(labels)


def parsed() -> argparse.Namespace:
    """Returns the options of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--train", required=True, help="data set folders, with commas")
    parser.add_argument("--test", required=True, help="data set folders, with commas")
    parser.add_argument("--backbones", required=True, help="of the shelf, with commas, or all")
    parser.add_argument("--out", type=Path, default=Path("learning.json"), help="continued")
    parser.add_argument("--side", type=int, default=64, help="of the crops, px")
    parser.add_argument("--categories", type=int, default=40, help="the commonest")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=1e-3, help="peak learning rate")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
