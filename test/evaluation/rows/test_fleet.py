# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""The same measurement through Ray on this machine."""

from __future__ import annotations

import builtins
import signal
import socket
import sys
from pathlib import Path

import pytest

from vit_perception.bundle.bundle import Bundle
from vit_perception.evaluation.errors import EvaluationError
from vit_perception.evaluation.rows.looker import Engine
from vit_perception.evaluation.rows.workers import look_at_all

from .sequences import NAMES, Squares, rows_on_disk, runs_of


def test_without_ray_the_extra_is_named(
    toy_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(EvaluationError, match=r"found none: pip install vit_perception\[fleet\]$"):
        look_at_all([Squares()], runs_of(toy_bundle), NAMES, tmp_path, ray="")


def test_a_cluster_that_is_not_there_is_told_at_once(toy_bundle: Bundle, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{bound.getsockname()[1]}"
        with pytest.raises(EvaluationError, match=f"^ray: expected to reach it at '{address}', "):
            look_at_all([Squares()], runs_of(toy_bundle), NAMES, tmp_path, ray=address)


def test_ray_gives_the_same_files(
    toy_bundle: Bundle, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """One worker is killed, one source is broken, one kills all its workers."""
    ray = pytest.importorskip("ray")
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    said_by = builtins.print
    broken = Squares(key="broken", count=70, error="frame 69: expected a box, found none")
    plain = [Squares(key="a", broken=frozenset({3})), broken]
    alone = look_at_all(
        plain, runs_of(toy_bundle), NAMES, tmp_path / "alone", engine=Engine(threads=1)
    )
    killed = Squares(key="a", broken=frozenset({3}), killed_once=tmp_path / "was killed")
    deadly = Squares(key="deadly", count=5, always_killed=True)
    met: list[int] = []
    *accounts, lost = look_at_all(
        [killed, *plain[1:], deadly],
        runs_of(toy_bundle),
        NAMES,
        tmp_path / "fleet",
        ray="",
        progress=met.append,
    )
    assert not ray.is_initialized()
    # Ray has put its own in their places.
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert builtins.print is said_by
    assert (tmp_path / "was killed").exists()
    assert tuple(accounts) == alone
    assert lost.error.startswith("squares of a test: expected a worker to finish, found it lost 3")
    assert lost.error.isprintable()
    assert rows_on_disk(tmp_path / "fleet") == rows_on_disk(tmp_path / "alone")
    assert met == sorted(met) and met[-1] == 150
    # Ray itself tells of a worker that died, and nothing turns that off.
    said = capfd.readouterr()
    assert said.out.startswith("\x1b[33m(raylet)\x1b[0m A worker died or was killed")
    assert (said.err, "Started a local Ray" in said.out) == ("", False)
