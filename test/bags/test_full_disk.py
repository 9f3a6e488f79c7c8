# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""No room for the bag that is written, or for the copy that is read."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from backports import zstd

from vit_perception.bags.mcap_records import MAGIC as MCAP_MAGIC
from vit_perception.bags.sqlite import MAGIC as SQLITE_MAGIC

from ..small_disk import on_small_disk


def test_a_bag_that_does_not_fit_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    script = f"""
import numpy as np
from pathlib import Path
from test.bags.recordings import IMAGE, TOPIC, raw_message
from vit_perception.bags.writer import BagWriter
from vit_perception.output.failure import OutputError
noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
try:
    with BagWriter(Path({str(disk / "bag")!r})) as bag:
        bag.add_topic(TOPIC, IMAGE)
        for index in range(100):
            bag.write(TOPIC, index, raw_message(index, noise))
except OutputError as error:
    print(error)
"""
    outcome = on_small_disk(disk, "1m", "-c", script)
    assert outcome.stderr == ""
    assert outcome.stdout == (
        f"{disk}/bag: expected to write here, found No space left on device\n"
    )
    assert outcome.left == ()


@pytest.mark.parametrize("form", ["packed", "journal"])
def test_no_room_for_temporary_files_is_one_line(tmp_path: Path, form: str) -> None:
    """A packed file is unpacked before it is read; one with a journal is copied."""
    disk = tmp_path / "disk"
    if form == "packed":
        file = tmp_path / "bag.mcap.zstd"
        file.write_bytes(zstd.compress(MCAP_MAGIC + np.random.default_rng(0).bytes(10**6)))
    else:
        file = tmp_path / "bag.db3"
        file.write_bytes(SQLITE_MAGIC + bytes(10**6))
        Path(f"{file}-wal").write_bytes(b"pages")
    script = f"""
import tempfile
from pathlib import Path
from vit_perception.bags.reader import BagReader
from vit_perception.output.failure import OutputError
tempfile.tempdir = {str(disk)!r}
try:
    with BagReader(Path({str(file)!r})):
        pass
except OutputError as error:
    print(error)
"""
    outcome = on_small_disk(disk, "64k", "-c", script)
    assert outcome.stderr == ""
    assert re.fullmatch(
        rf"{disk}/vit_perception_\w+/bag\.\w+: expected to write here, "
        "found No space left on device\n",
        outcome.stdout,
    )
    assert outcome.left == ()
