"""Turnstile: work that ends in any order on any thread is taken in the order of its numbers, one piece at a time.

    thread 1   put(0) ─ takes 0, 1 ──────── takes 3
    thread 2        put(1)   put(2) ─ takes 2 ┘
    thread 3                      put(3)

Who brings a piece whose turn it is takes it, and all after it that are there; nobody waits for anybody. So a pool
needs no second hop to go from work that may run side by side to work that may not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Piece = TypeVar("Piece")


class Turnstile(Generic[Piece]):
    """Gives pieces to `take` by their numbers, from 0 on; to `drop` what comes when it is closed or never has a turn.

    What `take` raises comes out of the `put` that called it, and ends the taking.
    """

    def __init__(self, take: Callable[[Piece], None], drop: Callable[[Piece], None]) -> None:
        self._take = take
        self._drop = drop
        self._lock = threading.Lock()
        self._waiting: dict[int, Piece] = {}
        self._next = 0
        self._taking = False
        self._closed = False

    def put(self, number: int, piece: Piece) -> None:
        """Bring a piece, and take what has its turn unless another thread does; thread-safe."""
        with self._lock:
            dropped = self._closed
            if not dropped:
                self._waiting[number] = piece
        if dropped:
            self._drop(piece)
            return
        while (turn := self._begin_turn()) is not None:
            self._take(turn)
            with self._lock:
                self._taking = False

    def close(self) -> None:
        """Drop what waits, and what is still brought."""
        with self._lock:
            self._closed = True
            left, self._waiting = self._waiting, {}
        for piece in left.values():
            self._drop(piece)

    def _begin_turn(self) -> Piece | None:
        with self._lock:
            if self._taking or self._next not in self._waiting:
                return None
            self._taking = True
            self._next += 1
            return self._waiting.pop(self._next - 1)
