"""Pieces of one operator's work, side by side in the kernel pool.

The caller works too, so that nothing waits for a thread of the pool that never comes: helpers that were not begun
when the pieces are gone are taken back, and a running one only has its own piece to end. Pieces write to places of
their own, so the result does not depend on who did which.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable

from promontory.model.context import QueryContext


def run_pieces(context: QueryContext, work: Callable[[int], None], pieces: int) -> None:
    """Call work(0), … work(pieces - 1), on several threads; raise what one of them raised, the caller's own first."""
    numbers = itertools.count()

    def drain() -> None:
        while (number := next(numbers)) < pieces:
            context.check()
            work(number)

    helpers = [context.pool.submit(drain) for _ in range(min(pieces, os.cpu_count() or 1) - 1)]
    try:
        drain()
    finally:
        waiting = [helper for helper in helpers if not helper.cancel()]
        for helper in waiting:
            helper.exception()
    for helper in waiting:
        helper.result()


def cut_pieces(count: int, *, size: int) -> list[tuple[int, int]]:
    """Return [start, end) of the pieces of `size` that `count` things make."""
    return [(start, min(start + size, count)) for start in range(0, count, max(1, size))]
