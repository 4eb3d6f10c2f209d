"""Jobs on a real Dask cluster of two processes, one of which may be killed."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from distributed import LocalCluster

from promontory.bucket.filesystem import FilesystemBucket
from promontory.bucket.secret import Secret
from promontory.compaction.compactor import Compactor
from promontory.compaction.executors.dask_cluster import DaskExecutor, parse_address
from promontory.compaction.executors.local import LocalExecutor
from promontory.compaction.job import Job, JobKind, Part
from promontory.compaction.observer import Stage
from promontory.compaction.running.make_output import Make, make_output
from promontory.compaction.running.run_job import JobOptions
from promontory.compaction.settings import CompactionSettings
from promontory.errors import BadBlockError, InputError, JobError, StoppedError
from promontory.model.clock import SystemClock
from tests.compaction.executors.jobs import config_of, ignore, names_below, write_bucket, write_two_blocks
from tests.compaction.executors.makers import die, hang_once
from tests.compaction.proof.reading import join_raw, look
from tests.parts import wait_until


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    scratch = tmp_path_factory.mktemp("dask")
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, local_directory=str(scratch)
    ) as cluster:  # fmt: skip
        yield cluster


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "bucket"


def executor_of(
    cluster: LocalCluster, root: Path, marker: Path | None = None, make: Make = make_output
) -> DaskExecutor:
    address = cluster.scheduler_address.replace("tcp://", "dask://")
    make = make if marker is None else functools.partial(hang_once, marker)
    return DaskExecutor(address, config_of(root), options=JobOptions(workers=1), make=make)


@pytest.mark.e2e
async def test_a_job_goes_on_elsewhere_when_its_worker_is_killed(
    cluster: LocalCluster, root: Path, tmp_path: Path
) -> None:
    job = write_two_blocks(root)
    before = look(root).blocks
    marker = tmp_path / "marker"
    executor = executor_of(cluster, root, marker)
    stages: list[Stage] = []
    task = asyncio.create_task(executor.submit(job, progress=lambda stage, done, total: stages.append(stage)))
    await asyncio.to_thread(wait_until, marker.is_symlink, what="the first try")
    os.kill(int(os.readlink(marker)), signal.SIGKILL)
    result = await task
    await executor.close()
    assert result.output is not None
    after = look(root).blocks
    assert set(after) == {*before, result.output.ulid}
    assert join_raw(root, [result.output]) == join_raw(root, before.values())
    assert [meta.ulid for meta in result.inputs] == list(result.job.inputs)
    assert stages.count(Stage.WORK) >= 2
    assert stages[-1] is Stage.READ_BACK


@pytest.mark.e2e
async def test_a_pass_whose_cluster_loses_a_worker_keeps_every_sample(
    cluster: LocalCluster, root: Path, tmp_path: Path
) -> None:
    write_bucket(root, hours=20)
    before = look(root).blocks
    marker = tmp_path / "marker"
    executor = executor_of(cluster, root, marker)
    compactor = Compactor(
        FilesystemBucket(root), CompactionSettings(), directory=tmp_path / "data", clock=SystemClock(),
        executor=executor, merges_at_once=2,
    )  # fmt: skip
    task = asyncio.create_task(compactor.run_pass())
    await asyncio.to_thread(wait_until, marker.is_symlink, what="the first try")
    os.kill(int(os.readlink(marker)), signal.SIGKILL)
    outcome = await task
    await executor.close()
    assert len(outcome.results) == 2
    lying = look(root)
    left = [meta for ulid, meta in lying.blocks.items() if ulid not in lying.deletions_s]
    assert len(left) < len(before)
    assert join_raw(root, left) == join_raw(root, before.values())


@pytest.mark.e2e
async def test_a_job_that_is_canceled_ends_on_its_worker_and_leaves_nothing(
    cluster: LocalCluster, root: Path, tmp_path: Path
) -> None:
    job = write_two_blocks(root)
    before = names_below(root)
    marker = tmp_path / "marker"
    executor = executor_of(cluster, root, marker)
    task = asyncio.create_task(executor.submit(job, progress=ignore))
    await asyncio.to_thread(wait_until, marker.is_symlink, what="the job to begin")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    scratches = [Path(worker.local_directory) for worker in cluster.scheduler.workers.values()]

    def is_clean() -> bool:
        return not any(list((scratch / "promontory").glob("*")) for scratch in scratches)

    await asyncio.to_thread(wait_until, is_clean, what="the worker to have cleaned up")
    await executor.close()
    assert names_below(root) == before


@pytest.mark.e2e
async def test_errors_come_back_as_they_were_raised(cluster: LocalCluster, root: Path) -> None:
    job = write_two_blocks(root)
    (root / job.inputs[1] / "index").write_bytes(b"broken")
    executor = executor_of(cluster, root)
    with pytest.raises(BadBlockError) as remote:
        await executor.submit(job, progress=ignore)
    await executor.close()
    with pytest.raises(BadBlockError) as local:
        await LocalExecutor(FilesystemBucket(root), root.parent / "work", clock=SystemClock()).submit(
            job, progress=ignore
        )
    assert (remote.value.ulids, remote.value.reason) == ((job.inputs[1],), local.value.reason)
    assert str(remote.value) == str(local.value)


@pytest.mark.e2e
async def test_parts_of_one_merge_run_side_by_side_and_hold_together_all(cluster: LocalCluster, root: Path) -> None:
    job = write_two_blocks(root)
    before = look(root).blocks
    executor = executor_of(cluster, root)
    parts = [replace(job, part=Part(index, 2)) for index in range(2)]
    results = await asyncio.gather(*(executor.submit(part, progress=ignore) for part in parts))
    await executor.close()
    outputs = [result.output for result in results if result.output is not None]
    assert len(outputs) == 2
    held = join_raw(root, outputs)
    assert len({str(labels) for labels in held}) == 2, "parts are streams of their own"
    rows = [content for stream in held.values() for content in stream.items()]
    (whole,) = join_raw(root, before.values()).values()
    assert len(rows) == len(whole)
    assert dict(rows) == whole


@pytest.mark.e2e
async def test_a_job_that_costs_every_worker_its_life_is_given_up_alone(cluster: LocalCluster, root: Path) -> None:
    job = write_two_blocks(root)
    before = names_below(root)
    executor = executor_of(cluster, root, make=die)
    with pytest.raises(JobError, match="every worker that tried it was lost"):
        await executor.submit(job, progress=ignore)
    assert names_below(root) == before
    good = executor_of(cluster, root)
    assert (await good.submit(job, progress=ignore)).output is not None
    for one in (executor, good):
        await one.close()


async def test_without_a_scheduler_the_job_is_as_good_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("promontory.compaction.executors.dask_cluster.CONNECT_TIMEOUT_S", 0.1)
    executor = DaskExecutor("dask://127.0.0.1:1", Secret(""))
    with pytest.raises(StoppedError, match=r"tcp://127\.0\.0\.1:1 does not answer"):
        await executor.submit(Job(JobKind.MERGE, "0@1", (), 0), progress=ignore)
    await executor.close()


@pytest.mark.parametrize("text", ["dask", "dask://", "dask://host", "dask://host:port", "tcp://host:1", "dask://:1"])
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"dask://HOST:PORT"):
        parse_address(text)
    assert parse_address("dask://scheduler.example:8786") == "tcp://scheduler.example:8786"
    assert parse_address("dask://[::1]:8786") == "tcp://[::1]:8786"
