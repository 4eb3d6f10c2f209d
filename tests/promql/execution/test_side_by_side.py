"""Pieces of work in the pool: each is done once, nobody waits for a thread that is taken, failures come out."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from promontory.errors import LimitError
from promontory.model.clock import SystemClock
from promontory.model.context import QueryContext
from promontory.promql.execution.side_by_side import cut_pieces, run_pieces


def test_each_piece_is_done_once() -> None:
    with ThreadPoolExecutor(2) as pool:
        context = QueryContext(clock=SystemClock(), pool=pool)
        done: list[int] = []
        run_pieces(context, done.append, 100)
        assert sorted(done) == list(range(100))
        run_pieces(context, done.append, 0)
        assert len(done) == 100


def test_work_is_done_where_all_threads_are_taken() -> None:
    with ThreadPoolExecutor(1) as pool:
        context = QueryContext(clock=SystemClock(), pool=pool)
        done: list[int] = []
        # The only thread of the pool is the caller.
        pool.submit(run_pieces, context, done.append, 5).result(timeout=10)
        assert done == [0, 1, 2, 3, 4]


def test_a_failure_ends_the_work_and_waits_for_what_runs() -> None:
    running, failing, caller = threading.Event(), threading.Event(), threading.get_ident()
    ended: list[int] = []

    def work(piece: int) -> None:
        if threading.get_ident() == caller:
            assert running.wait(10)
            failing.set()
            raise ValueError(f"piece {piece}")
        running.set()
        assert failing.wait(10)
        ended.append(piece)

    with ThreadPoolExecutor(2) as pool:
        context = QueryContext(clock=SystemClock(), pool=pool)
        with pytest.raises(ValueError, match="piece"):
            run_pieces(context, work, 50)
        assert ended


def test_nothing_is_begun_once_the_query_is_canceled() -> None:
    with ThreadPoolExecutor(2) as pool:
        context = QueryContext(clock=SystemClock(), pool=pool)
        context.cancel()
        done: list[int] = []
        with pytest.raises(LimitError, match="canceled"):
            run_pieces(context, done.append, 5)
        assert done == []


def test_pieces_cover_everything() -> None:
    assert cut_pieces(7, size=3) == [(0, 3), (3, 6), (6, 7)]
    assert cut_pieces(0, size=0) == []
