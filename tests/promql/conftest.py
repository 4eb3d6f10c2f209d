"""Fixtures of the tests of plans and their execution."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from promontory.testing.promqltest.database import Database
from promontory.testing.promqltest.reading import read_script
from promontory.testing.promqltest.script import Load
from tests.promql.plan.repeating_queries import DATA


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    """The series that repeating queries ask for."""
    with ThreadPoolExecutor(1) as pool:
        found = Database(pool)
        for command in read_script(DATA):
            assert isinstance(command, Load)
            found.load(command)
        yield found
