"""Pieces of work that end in any order, taken in the order of their numbers."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from promontory.store.turnstile import Turnstile


def test_pieces_are_taken_by_number_whatever_the_order_they_come_in() -> None:
    for order in itertools.permutations(range(4)):
        taken: list[int] = []
        turnstile = Turnstile(taken.append, pytest.fail)
        for number in order:
            turnstile.put(number, number)
        assert taken == [0, 1, 2, 3]


def test_one_piece_is_taken_at_a_time_and_who_comes_meanwhile_does_not_wait() -> None:
    taken: list[int] = []
    begun, go_on = threading.Event(), threading.Event()

    def take(piece: int) -> None:
        taken.append(piece)
        if piece == 0:
            begun.set()
            assert go_on.wait(10)

    turnstile = Turnstile(take, pytest.fail)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(turnstile.put, 0, 0)
        assert begun.wait(10)
        turnstile.put(1, 1)
        assert taken == [0]
        go_on.set()
        first.result(10)
    assert taken == [0, 1]


def test_many_threads_bring_pieces_and_all_are_taken_once_in_order() -> None:
    taken: list[int] = []
    turnstile = Turnstile(taken.append, pytest.fail)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: turnstile.put(number, number), reversed(range(500))))
    assert taken == list(range(500))


def test_after_a_piece_that_fails_none_is_taken_and_what_is_left_is_dropped() -> None:
    dropped: list[int] = []

    def refuse(piece: int) -> None:
        raise ValueError(piece)

    turnstile = Turnstile(refuse, dropped.append)
    with pytest.raises(ValueError, match="0"):
        turnstile.put(0, 0)
    turnstile.put(1, 1)
    turnstile.close()
    turnstile.put(2, 2)
    assert dropped == [1, 2]
