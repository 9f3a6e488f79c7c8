# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""A ROS domain for each bench, also with several test runs on one machine."""

from __future__ import annotations

import fcntl
import itertools
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Above 101 the ports of a domain are those that Linux gives to clients.
_DOMAINS = 100
# In turns: what an earlier bench left in a domain has gone when that comes again.
_turns = itertools.count(os.getpid() * 37)


@contextmanager
def own_domain() -> Iterator[int]:
    """Give a domain id that no other bench on this machine has, as long as the block lasts."""
    for turn in itertools.islice(_turns, 10 * _DOMAINS):
        domain = 2 + turn % _DOMAINS
        path = Path(tempfile.gettempdir()) / f"vit_perception_test_domain_{domain}.lock"
        if not path.exists():
            path.touch()
        # For reading, as the file may be another user's.
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            yield domain
            return
    raise RuntimeError(f"no free ROS domain among {_DOMAINS}")
