"""A bounded run of the differential test: a fixed seed, and a fresh one that a failure prints."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.differential.run import Comparison
from tests.differential.servers import run_both

FIXED_SEED = 20_242
QUERIES = 750

pytestmark = pytest.mark.parts


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Comparison]:
    with run_both(tmp_path_factory.mktemp("differential")) as (ours, theirs):
        yield Comparison(ours, theirs)


@pytest.mark.parametrize("seed", [FIXED_SEED, pytest.param(random.randrange(1 << 32), id="fresh")])
def test_random_queries_are_answered_as_by_the_real_prometheus(comparison: Comparison, seed: int) -> None:
    summary = comparison.run(seed, range(QUERIES))
    print(f"seed {seed}\n{summary}")
    assert not summary.findings, f"seed {seed}\n{summary.report()}\n{summary}"
    assert not summary.misses()
