# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Which of MobileDets' blocks is fast on this machine, by resolution and width (card 64).

Inverted bottlenecks (depthwise), fused ones and Tucker ones of the same width take turns. The last
column says which is ahead per multiply-add and which in time.

    python benchmarks/mobiledets_blocks.py --size 320 --threads 1
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import nn

from vit_perception.engine.factory import open_session
from vit_perception.engine.session import Session
from vit_perception.evaluation.latency import take_turns
from vit_perception.export.onnx_graph import to_onnx
from vit_perception.models.bottlenecks import Block, Spec, fused, inverted, tucker
from vit_perception.models.macs import multiply_adds
from vit_perception.models.shelf import for_inference

WIDTHS = {4: (16, 32), 8: (32, 64), 16: (72, 128), 32: (104, 160)}
"""Strides of the maps, and the widths that the four networks have there."""
BLOCKS: dict[str, Callable[[int], Spec]] = {
    "inverted e4": lambda width: inverted(4, width),
    "fused e4": lambda width: fused(4, width),
    "Tucker .25 .75": lambda width: tucker(0.25, 0.75, width),
}


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--size", type=int, default=320, help="side of the picture")
    parser.add_argument("--threads", type=int, default=1, help="of a session")
    parser.add_argument("--provider", default="cpu", help="engine (cpu)")
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    title = (
        f"{options.size}x{options.size}, {options.threads} threads, "
        f"load average {os.getloadavg()[0]:.1f}"
    )
    columns = [f"{name}: ms (GMAC/s)" for name in BLOCKS]
    table = Table("map", "width", *columns, "fused / inverted", title=title)
    for stride, widths in WIDTHS.items():
        side = options.size // stride
        for width in widths:
            blocks = {name: Block(make(width), width, nn.ReLU6) for name, make in BLOCKS.items()}
            image = np.random.default_rng(0).random((1, width, side, side), np.float32)
            sessions = {name: opened(block, image, options) for name, block in blocks.items()}
            timing = take_turns(
                {name: call(session, image) for name, session in sessions.items()}, options.rounds
            )
            cells = []
            for name, block in blocks.items():
                took = timing.median_ms(name)
                macs = multiply_adds(block.eval(), torch.from_numpy(image))
                cells.append(f"{took:.3f} ({macs / took / 1e6:.0f})")
            ratio = timing.ratio("fused e4", "inverted e4")
            table.add_row(f"{side}x{side}", str(width), *cells, f"{ratio:.2f}")
    Console().print(table)
    return 0


def opened(block: nn.Module, image: np.ndarray, options: argparse.Namespace) -> Session:
    """Returns a session of a block in its form for inference."""
    module = for_inference(nn.Sequential(block))
    graph = to_onnx(module, (torch.from_numpy(image),), ("x",), ("y",), {})
    return open_session(graph, provider=options.provider, threads=options.threads)


def call(session: Session, image: np.ndarray) -> Callable[[], object]:
    """Returns a run of a session, to be timed."""
    return lambda: session.run({"x": image})


if __name__ == "__main__":
    raise SystemExit(main())
