# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Keeps libraries from starting threads of their own beside the network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import cv2
from threadpoolctl import threadpool_limits


@contextmanager
def one_thread() -> Iterator[None]:
    """Lets OpenCV and numpy's products work in the thread that calls them, while the block runs.

    Their threads wait for each other in a loop that takes a core. On two cores that the network,
    the reader and what follows share already, a picture took a third longer for it.
    """
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with threadpool_limits(1, user_api="blas"):
            yield
    finally:
        cv2.setNumThreads(before)
