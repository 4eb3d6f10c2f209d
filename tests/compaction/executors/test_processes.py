"""Jobs in processes of their own, which are stopped, killed and orphaned."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from promontory.compaction.executors.child import HEADER, pack_frame
from promontory.compaction.executors.processes import MODULE, ProcessExecutor
from promontory.compaction.executors.remote import RemoteJob
from promontory.compaction.observer import Stage
from promontory.compaction.running.make_output import Make, make_output
from promontory.compaction.running.run_job import JobOptions
from promontory.errors import BadBlockError, JobError, StoppedError
from tests.compaction.executors.jobs import config_of, ignore, names_below, write_two_blocks
from tests.compaction.executors.makers import hang_once
from tests.compaction.proof.reading import join_raw, look
from tests.parts import wait_until


def executor_of(root: Path, make: Make = make_output) -> ProcessExecutor:
    return ProcessExecutor(config_of(root), root.parent / "work", options=JobOptions(workers=1), make=make)


async def test_a_process_makes_what_a_thread_would(tmp_path: Path) -> None:
    root = tmp_path / "bucket"
    job = write_two_blocks(root)
    before = look(root).blocks
    stages: list[Stage] = []
    executor = executor_of(root)
    result = await executor.submit(job, progress=lambda stage, done, total: stages.append(stage))
    await executor.close()
    assert result.output is not None
    assert join_raw(root, [result.output]) == join_raw(root, before.values())
    assert list(dict.fromkeys(stages)) == list(Stage)
    assert names_below(tmp_path / "work" / "promontory") == []


async def test_a_bad_block_is_named_as_in_a_thread(tmp_path: Path) -> None:
    root = tmp_path / "bucket"
    job = write_two_blocks(root)
    (root / job.inputs[1] / "index").write_bytes(b"broken")
    with pytest.raises(BadBlockError) as caught:
        await executor_of(root).submit(job, progress=ignore)
    assert caught.value.ulids == (job.inputs[1],)


async def test_a_process_that_is_killed_fails_its_job_alone(tmp_path: Path) -> None:
    root, marker = tmp_path / "bucket", tmp_path / "marker"
    job = write_two_blocks(root)
    executor = executor_of(root, functools.partial(hang_once, marker))
    task = asyncio.create_task(executor.submit(job, progress=ignore))
    await asyncio.to_thread(wait_until, marker.is_symlink, what="the job to begin")
    os.kill(int(os.readlink(marker)), signal.SIGKILL)
    with pytest.raises(JobError, match="was ended by SIGKILL"):
        await task
    assert set(look(root).blocks) == set(job.inputs)
    assert (await executor.submit(job, progress=ignore)).output is not None


async def test_a_canceled_job_ends_its_process_and_leaves_nothing(tmp_path: Path) -> None:
    root, marker = tmp_path / "bucket", tmp_path / "marker"
    job = write_two_blocks(root)
    before = names_below(root)
    task = asyncio.create_task(executor_of(root, functools.partial(hang_once, marker)).submit(job, progress=ignore))
    await asyncio.to_thread(wait_until, marker.is_symlink, what="the job to begin")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ProcessLookupError):
        os.kill(int(os.readlink(marker)), 0)
    assert names_below(root) == before
    assert names_below(tmp_path / "work" / "promontory") == []


def test_a_process_whose_parent_is_gone_stops_by_itself(tmp_path: Path) -> None:
    root, marker = tmp_path / "bucket", tmp_path / "marker"
    job = write_two_blocks(root)
    before = names_below(root)
    remote = RemoteJob(config_of(root), job, "topic", JobOptions(workers=1), functools.partial(hang_once, marker))
    with subprocess.Popen([sys.executable, "-m", MODULE], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        child.stdin.write(pack_frame((remote, str(tmp_path / "work"))))
        child.stdin.flush()
        wait_until(marker.is_symlink, what="the job to begin")
        answers, _ = child.communicate(timeout=30)
    assert b"StoppedError" in answers
    assert child.returncode == 0
    assert names_below(root) == before


def test_a_process_without_a_job_says_so() -> None:
    ended = subprocess.run([sys.executable, "-m", MODULE], input=b"", capture_output=True, timeout=60)
    assert (ended.returncode, ended.stdout) == (1, b"")
    assert b"expected a job on stdin" in ended.stderr


def test_an_error_that_cannot_travel_sends_its_words() -> None:
    class Local(Exception):
        pass

    for error, kind in ((Local("why"), "JobError"), (StoppedError("why"), "StoppedError")):
        body = pack_frame(error)
        assert HEADER.unpack(body[: HEADER.size])[0] == len(body) - HEADER.size
        assert kind.encode() in body
        assert b"why" in body


def test_what_travels_shows_no_credentials(tmp_path: Path) -> None:
    root = tmp_path / "bucket"
    remote = RemoteJob(config_of(root), write_two_blocks(root), "topic", JobOptions())
    assert str(root) not in repr(remote)
