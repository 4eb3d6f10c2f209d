"""Fixtures of the query tests."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from promontory.model.clock import SystemClock
from promontory.model.context import QueryContext


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Two kernel threads."""
    with ThreadPoolExecutor(2) as executor:
        yield executor


@pytest.fixture
def context(pool: ThreadPoolExecutor) -> QueryContext:
    """A query that tolerates failing parts."""
    return QueryContext(clock=SystemClock(), pool=pool)
