"""Two compactors at once on one bucket lose nothing and double nothing, and one more pass leaves no duplicate."""

from __future__ import annotations

import asyncio
import os
import random
import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from promontory.bucket.config import open_bucket
from promontory.bucket.filesystem import FilesystemBucket
from promontory.bucket.port import Bucket
from promontory.model.clock import SystemClock
from tests.compaction.proof.crash import MortalBucket, Points, run_mortal
from tests.compaction.proof.passes import run_pass
from tests.compaction.proof.scenarios import Scenario, make_horizontal, make_vertical
from tests.compaction.proof.sweep import Sweep
from tests.parts import run_rclone_s3

SEEDS = range(4)


class SlowPoints(Points):
    """Lets the other process have a turn now and then."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._random = random.Random(seed)

    def reach(self, name: str) -> None:
        """Give way, as the seed says."""
        for _ in range(self._random.choice((0, 0, 1, 20))):
            os.sched_yield()


def run_both(scenario: Scenario, open_one: Callable[[], Bucket], seed: int) -> list[int]:
    """Run a pass in each of two processes at the same time, with a directory each; return their exit codes."""
    processes = []
    for number in (0, 1):
        process = os.fork()
        if process == 0:
            _run_child(scenario, open_one, seed * 2 + number, name=f"work{number}")
        processes.append(process)
    return [os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in processes]


def _run_child(scenario: Scenario, open_one: Callable[[], Bucket], seed: int, *, name: str) -> None:
    async def work() -> None:
        bucket = MortalBucket(open_one(), SlowPoints(seed))
        await run_pass(scenario.site, scenario.settings, now_ms=scenario.now_ms, bucket=bucket, name=name)

    code = 1
    try:
        asyncio.run(work())
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


@pytest.mark.e2e
@pytest.mark.parametrize("make", [make_horizontal, make_vertical])
def test_two_at_once_on_a_directory(make: Callable[[Path], Scenario], tmp_path: Path) -> None:
    made = make(tmp_path / "made")
    sweep = Sweep(made, tmp_path)
    undisturbed = made.site.copy(tmp_path / "undisturbed")
    sweep.settle(undisturbed)
    for seed in SEEDS:
        scenario = replace(made, site=made.site.copy(tmp_path / "site"))
        codes = run_both(scenario, partial(FilesystemBucket, scenario.site.bucket), seed)
        assert codes == [0, 0]
        scenario.site.touch(scenario.now_ms)
        sweep.check_readers(scenario.site, f"seed {seed}")
        asyncio.run(run_pass(scenario.site, scenario.settings, now_ms=scenario.now_ms))
        scenario.site.touch(scenario.now_ms)
        sweep.check_readers(scenario.site, f"seed {seed}, one more pass")
        held = sweep.describe_unmarked(scenario.site)
        assert len(held) == len({(one[0], one[1], one[2], one[3], one[4]) for one in held}), "a duplicate was left"
        sweep.settle(scenario.site)
        assert sweep.describe_unmarked(scenario.site) == sweep.describe_unmarked(undisturbed)


@pytest.mark.e2e
@pytest.mark.parts
def test_two_at_once_on_a_real_s3_server(tmp_path: Path) -> None:
    made = make_horizontal(tmp_path / "made")
    sweep = Sweep(made, tmp_path)
    undisturbed = made.site.copy(tmp_path / "undisturbed")
    sweep.settle(undisturbed)
    site = made.site.copy(tmp_path / "site")
    with run_rclone_s3(site.root, buckets=("bucket",)) as s3:
        open_one = partial(open_bucket, s3.config("bucket"), clock=SystemClock())
        assert run_both(replace(made, site=site), open_one, 1) == [0, 0]
    site.touch(made.now_ms)
    sweep.check_readers(site, "two at once")
    sweep.settle(site)
    assert sweep.describe_unmarked(site) == sweep.describe_unmarked(undisturbed)


def test_a_second_compactor_killed_leaves_the_first_its_work(tmp_path: Path) -> None:
    made = make_horizontal(tmp_path / "made")
    sweep = Sweep(made, tmp_path)

    async def work(points: Points) -> None:
        bucket = MortalBucket(FilesystemBucket(made.site.bucket), points)
        await run_pass(made.site, made.settings, now_ms=made.now_ms, bucket=bucket, name="other")

    asyncio.run(run_pass(made.site.copy(tmp_path / "warm"), made.settings, now_ms=made.now_ms))
    assert run_mortal(work, fatal=60).was_killed
    made.site.touch(made.now_ms)
    sweep.settle(made.site)
    assert not made.site.look().partial
    sweep.check_readers(made.site, "after a killed one")
