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
from collections import Counter
from pathlib import Path

import torch
from crop_learning import Recipe, accuracy, learn
from crops import crops, kept

from vit_perception.cli.benchmark_candidates import chosen
from vit_perception.models.shelf import create_classifier, find


def main() -> int:
    """Trains each backbone, prints and writes the table."""
    options = parsed()
    train = crops(options.train, options.side)
    commonest = [name for name, _ in Counter(train.names).most_common(options.categories)]
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
        recipe = Recipe(options.steps, batch=options.batch, rate=options.rate)
        learned = learn(model, images, labels, recipe)
        right = accuracy(model, test_images, test_labels)
        rows[name] = {
            "card": find(name).card,
            "parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
            "accuracy": right,
            "loss": learned.loss,
            "minutes": learned.minutes,
            "steps": learned.steps,
        }
        options.out.write_text(json.dumps(rows, indent=1) + "\n")
        print(
            f"{name:<32}{right:8.1%}  loss {learned.loss:.2f}  {learned.minutes:.1f} min",
            flush=True,
        )
    return 0


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
