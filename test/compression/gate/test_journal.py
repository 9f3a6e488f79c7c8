# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""What was measured is found again."""

from __future__ import annotations

from pathlib import Path

from vit_perception.compression.gate.journal import Journal

ONE, TWO = frozenset({"a"}), frozenset({"a", "b"})


def test_it_is_found_again_whatever_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(path, "graph and pictures")
    assert journal.get(ONE) is None
    journal.put(ONE, {"AP": 0.1 + 0.2})
    journal.put(TWO, {"AP": 0.25, "mask_AP": 0.5})
    whole = path.read_bytes()
    again = Journal(path, "graph and pictures")
    assert again.get(ONE) == {"AP": 0.1 + 0.2}
    assert again.get(TWO) == {"AP": 0.25, "mask_AP": 0.5}
    assert path.read_bytes() == whole
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        found = Journal(path, "graph and pictures")
        assert len(found) <= 2
        for choice in (ONE, TWO):
            assert found.get(choice) in (None, journal.get(choice))
        found.put(ONE, {"AP": 0.75})
        assert Journal(path, "graph and pictures").get(ONE) == {"AP": 0.75}


def test_another_measurement_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    Journal(path, "one").put(ONE, {"AP": 0.5})
    assert Journal(path, "two").get(ONE) is None
    assert Journal(path, "one").get(ONE) is None


def test_strange_lines_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    Journal(path, "one").put(ONE, {"AP": 0.5})
    strange = (
        "[]",
        "{}",
        '{"choice": 1, "figures": {"AP": NaN}}',
        '{"choice": "x", "figures": 3}',
    )
    with path.open("a") as file:
        file.write("\n".join(strange) + "\n")
    found = Journal(path, "one")
    assert len(found) == 1 and found.get(ONE) == {"AP": 0.5}
