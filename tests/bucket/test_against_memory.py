"""Every bucket against MEMORY, by Hypothesis."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from promontory.bucket.config import open_bucket
from promontory.bucket.filesystem import FilesystemBucket
from promontory.bucket.memory import MemoryBucket
from promontory.bucket.port import Bucket
from promontory.bucket.prefix import take_part
from promontory.bucket.retry import RetryBucket, RetryPolicy
from promontory.testing.bucket_machine import make_bucket_machine
from promontory.testing.still_clock import StillClock
from tests.parts import S3Server, run_moto_s3, run_rclone_s3

NUMBERS = count()


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def compare(
    runner: asyncio.Runner,
    make_empty: Callable[[], Bucket],
    folder: Path,
    *,
    runs: int,
    phases: Sequence[Phase] = tuple(Phase),
    **abilities: bool,
) -> None:
    machine = make_bucket_machine(runner, make_empty, folder=folder, **abilities)
    bounds = settings(
        max_examples=runs,
        stateful_step_count=20,
        deadline=None,
        phases=phases,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=bounds)


def test_a_directory_is_as_memory(runner: asyncio.Runner, tmp_path: Path) -> None:
    def make_empty() -> Bucket:
        root = tmp_path / f"bucket-{next(NUMBERS)}"
        root.mkdir()
        return FilesystemBucket(root)

    compare(runner, make_empty, tmp_path, runs=30, nests_objects=False)


class ShortBucket(MemoryBucket):
    async def get_range(self, key: str, start: int, end: int) -> bytes:
        return (await super().get_range(key, start, end))[:30]


class FoldingBucket(MemoryBucket):
    async def put(self, key: str, body: bytes, *, if_absent: bool = False) -> None:
        await super().put(key.lower(), body, if_absent=if_absent)


@pytest.mark.parametrize("kind", [ShortBucket, FoldingBucket])
def test_a_bucket_that_differs_is_found(runner: asyncio.Runner, tmp_path: Path, kind: type[MemoryBucket]) -> None:
    with pytest.raises(AssertionError, match=r"expected .* found"):
        compare(runner, lambda: kind(StillClock()), tmp_path, runs=100, phases=[Phase.generate])


def test_a_part_behind_retries_is_as_memory(runner: asyncio.Runner, tmp_path: Path) -> None:
    inner = MemoryBucket(StillClock())
    retrying = RetryBucket(inner, clock=StillClock(), jitter=lambda: 0.0, policy=RetryPolicy())
    compare(runner, lambda: take_part(retrying, f"{next(NUMBERS)}"), tmp_path, runs=40)


@pytest.mark.parts
def test_s3_on_moto_is_as_memory(runner: asyncio.Runner, tmp_path: Path) -> None:
    with run_moto_s3(tmp_path / "moto") as server:
        compare_server(runner, server, tmp_path, nests_objects=True)


@pytest.mark.parts
def test_s3_on_rclone_is_as_memory(runner: asyncio.Runner, tmp_path: Path) -> None:
    with run_rclone_s3(tmp_path / "rclone") as server:
        compare_server(runner, server, tmp_path, nests_objects=False, tells_absence=False)


def compare_server(runner: asyncio.Runner, server: S3Server, folder: Path, **abilities: bool) -> None:
    shared = open_bucket(server.config("bucket"), clock=StillClock())
    try:
        compare(runner, lambda: take_part(shared, f"run/{next(NUMBERS)}"), folder, runs=8, **abilities)
    finally:
        runner.run(shared.close())
