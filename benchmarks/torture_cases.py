# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The commands of the robot side, and of scenes, that `torture.py` kills."""

from __future__ import annotations

import shutil
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import ClassVar

from torture_case import CHECKOUT, Case

from vit_perception.bags.reader import BagReader
from vit_perception.bags.writer import BagWriter
from vit_perception.images.video_writer import VideoWriter

BUNDLE = CHECKOUT / "bundles" / "tabletop_nano"
BAG = CHECKOUT / "samples" / "tabletop"
PHOTOS = CHECKOUT / "samples" / "photos"


class Replay(Case):
    """A bag to a bag."""

    name = "replay"
    once = True

    def arrange(self, inputs: Path) -> None:
        """Takes a few images of the sample."""
        with BagReader(BAG) as bag, BagWriter(inputs / "bag") as short:
            topic = bag.image_topic(None)
            for message, _ in islice(bag.frames(topic), 12):
                short.add_topic(topic, message.msgtype)
                short.write_cdr(topic, message.time, bag.cdr(message))

    def arguments(self, inputs: Path, out: Path) -> list[str | Path]:
        """See Case."""
        bag = inputs / "bag"
        return ["replay", bag, "--bundle", BUNDLE, "--out", out / "bag", "--with-images"]


class Detect(Case):
    """Pictures and a video to annotated copies and JSON."""

    name = "detect"
    # An earlier state of each is as whole as the last one: what was found up to a kill.
    growing = ("found/run.json", "found/detections.json", "found/annotated/*.mp4")
    untimed: ClassVar = {"run.json": ("timings_ms",)}

    def arrange(self, inputs: Path) -> None:
        """Takes a few photographs, and a few images of the sample as a video."""
        pictures = inputs / "pictures"
        pictures.mkdir()
        for name in ("coffee_cup.jpg", "cookie_bag.jpg", "juice_carton.jpg"):
            shutil.copy(PHOTOS / "images" / name, pictures)
        with BagReader(BAG) as bag, VideoWriter(pictures / "clip.mp4", 10) as clip:
            for _, frame in islice(bag.frames(), 20):
                clip.write(frame.image)

    def arguments(self, inputs: Path, out: Path) -> list[str | Path]:
        """See Case."""
        return [
            "detect", inputs / "pictures", "--vocabulary", "cup, bottle, box", "--threads", "1",
            "--bundle", BUNDLE, "--out", out / "found",
        ]  # fmt: skip


class Evaluate(Case):
    """Labelled pictures to metrics."""

    name = "evaluate"

    def arguments(self, inputs: Path, out: Path) -> list[str | Path]:
        """See Case."""
        return [
            "evaluate", PHOTOS, "--limit", "4", "--threads", "1", "--bundle", BUNDLE,
            "--json", out / "metrics.json",
        ]  # fmt: skip


class Vocabulary(Case):
    """Names to embeddings."""

    name = "vocabulary"

    def arguments(self, inputs: Path, out: Path) -> list[str | Path]:
        """See Case."""
        return ["vocabulary", "--names", "spork, red mug", "--bundle", BUNDLE,
                "--out", out / "names.npz"]  # fmt: skip


class Benchmark(Case):
    """A bundle to a table, a plot and JSON."""

    name = "benchmark"
    untimed: ClassVar = {
        "benchmark.json": ("p50_ms", "p95_ms", "min_ms", "ratio", "memory_bytes"),
        "benchmark.png": None,
    }

    def arguments(self, inputs: Path, out: Path) -> list[str | Path]:
        """See Case."""
        return ["benchmark", "--bundle", BUNDLE, "--rounds", "5", "--threads", "1",
                "--out", out / "measured"]  # fmt: skip


class ComposedScenes(Case):
    """Objects to cut-outs, and those to a data set."""

    name = "scenes"
    options: ClassVar[tuple[str, ...]] = (
        "--count", "150", "--size", "160x120", "--objects", "1-6", "--views", "20",
        "--parametric", "3",
    )  # fmt: skip

    def arrange(self, inputs: Path) -> None:
        """Makes a few objects."""
        script = "import sys; from pathlib import Path; from test.scenes.pack import write_pack; "
        script += "write_pack(Path(sys.argv[1]))"
        pack = str(inputs / "pack")
        subprocess.run([sys.executable, "-c", script, pack], cwd=CHECKOUT, check=True)

    def arguments(self, inputs: Path, out: Path) -> list[str | Path]:
        """See Case."""
        return ["scenes", "--assets", inputs / "pack", "--out", out / "set", "--workers", "2",
                *self.options]  # fmt: skip


class TableScenes(ComposedScenes):
    """Whole tables, rendered."""

    name = "scenes_table"
    options: ClassVar = (
        "--kind", "table", "--count", "90", "--views", "10", "--size", "96x64", "--objects", "3-4",
    )  # fmt: skip


CASES: tuple[Case, ...] = (
    Replay(),
    Detect(),
    Evaluate(),
    Vocabulary(),
    Benchmark(),
    ComposedScenes(),
    TableScenes(),
)
