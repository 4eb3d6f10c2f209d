"""What one query carries: deadline, stop flag, budget, and what becomes of a failing part."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from promontory.errors import LimitError, StoreError
from promontory.model.context import Budget, QueryContext


class StillClock:
    """A clock that moves only when told."""

    def __init__(self) -> None:
        self.time_s = 100.0

    def now_ms(self) -> int:
        return int(self.time_s * 1000)

    def monotonic_s(self) -> float:
        return self.time_s

    async def sleep(self, duration_s: float) -> None:
        self.time_s += duration_s


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


def test_a_failing_part_is_a_warning_once_or_the_query_s_error(pool: ThreadPoolExecutor) -> None:
    error = StoreError("peer is gone", endpoint="peer")
    lenient = QueryContext(clock=StillClock(), pool=pool)
    lenient.tolerate(error)
    lenient.tolerate(error)
    assert list(lenient.warnings) == ["peer is gone"]
    with pytest.raises(StoreError):
        QueryContext(clock=StillClock(), pool=pool, partial_response=False).tolerate(error)


async def test_past_the_deadline_all_work_stops(pool: ThreadPoolExecutor) -> None:
    clock = StillClock()
    context = QueryContext(clock=clock, pool=pool, timeout_s=10)
    assert await context.run(lambda: 7) == 7
    assert context.remaining_s() == 10
    clock.time_s += 10
    with pytest.raises(LimitError, match="timed out") as caught:
        await context.run(lambda: 7)
    assert (caught.value.http_status, caught.value.error_type) == (503, "timeout")
    assert context.stop[0] == 1


def test_a_canceled_query_says_so(pool: ThreadPoolExecutor) -> None:
    context = QueryContext(clock=StillClock(), pool=pool)
    context.check()
    context.cancel()
    with pytest.raises(LimitError, match="canceled"):
        context.check()
    assert context.stop[0] == 1


def test_the_budget_names_the_flag_that_moves_it() -> None:
    budget = Budget(100, flag="--some.flag")
    budget.charge(60)
    budget.release(60)
    with pytest.raises(LimitError, match=r"101 bytes in memory, more than the limit of 100 \(--some.flag\)"):
        budget.charge(101)
    assert budget.peak_bytes == 101
