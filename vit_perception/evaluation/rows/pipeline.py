# Copyright 2026 The vit_perception Authors
# SPDX-License-Identifier: Apache-2.0
"""Work before and behind the network, each in a thread of its own, in order and bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

Item = TypeVar("Item")


@contextmanager
def ahead(source: Iterable[Item], room: int) -> Iterator[Iterator[Item]]:
    """Yields the items of a source, which are made in a thread, at most `room` of them ahead.

    What the source raises comes in its place. When the block ends, however it ends, the thread
    has ended, and the source is closed if it is a generator.
    """
    end = object()
    items = iter(source)
    with ThreadPoolExecutor(1, "ahead") as thread:
        waiting: deque[Future[Any]] = deque()

        def taken() -> Iterator[Item]:
            while True:
                while len(waiting) <= room:
                    waiting.append(thread.submit(next, items, end))
                item = waiting.popleft().result()
                if item is end:
                    return
                yield item

        try:
            yield taken()
        finally:
            for future in waiting:
                future.cancel()
            # Behind what is being made now; a generator closes in the thread that ran it.
            thread.submit(getattr(items, "close", lambda: None)).result()


@contextmanager
def behind(room: int, close: Callable[[], object] = lambda: None) -> Iterator[Callable[..., None]]:
    """Yields what has calls made in a thread, one after the other, at most `room` of them waiting.

    It is called as `later(function, *arguments)`. The block ends after the last of the calls.
    What one of them raises is raised by a later call of `later` or at the end, and the calls
    behind it are left out, as they are if the block raises. `close` is called in the same thread
    as the last, whatever happens.
    """
    with ThreadPoolExecutor(1, "behind") as thread:
        waiting: deque[Future[Any]] = deque()

        def later(function: Callable[..., Any], *arguments: Any) -> None:
            waiting.append(thread.submit(function, *arguments))
            while len(waiting) > room or (waiting and waiting[0].done()):
                waiting.popleft().result()

        try:
            yield later
            while waiting:
                waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
            thread.submit(close).result()
