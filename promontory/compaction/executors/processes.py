"""ProcessExecutor: each job in a process of its own on this machine, `--executor=processes`.

What a job holds goes back to the system when it ends, and what kills it, be it a lack of memory, kills no more than it.
A process takes about a second to start; merges of hours of data take longer. Frames: executors/child.py.
"""

from __future__ import annotations

import asyncio
import pickle
import signal
import sys
import uuid
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from pathlib import Path

from promontory.bucket.secret import Secret
from promontory.compaction.executors.child import HEADER, pack_frame
from promontory.compaction.executors.remote import RemoteJob
from promontory.compaction.job import Job
from promontory.compaction.job_result import JobResult
from promontory.compaction.observer import StageProgress
from promontory.compaction.running.make_output import Make, make_output
from promontory.compaction.running.run_job import JobOptions
from promontory.errors import JobError

MODULE = "promontory.compaction.executors.child"
STOP_TIMEOUT_S = 30.0


class ProcessExecutor:
    """Runs jobs below `directory`; `config` is the bucket's, as --objstore.config has it."""

    def __init__(
        self, config: Secret, directory: Path, *, options: JobOptions | None = None, make: Make = make_output
    ) -> None:
        self._config = config
        self._directory = directory
        self._options = options or JobOptions()
        self._make = make

    async def submit(self, job: Job, *, progress: StageProgress) -> JobResult:
        """Run a job in a new process. Raises JobError where that ends without an answer."""
        remote = RemoteJob(self._config, job, f"promontory-{uuid.uuid4().hex}", self._options, self._make)
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", MODULE, stdin=PIPE, stdout=PIPE)
        try:
            return await _converse(process, pack_frame((remote, str(self._directory))), job, progress)
        finally:
            await asyncio.shield(asyncio.ensure_future(_end(process)))

    async def close(self) -> None:
        """Do nothing: no process outlives its job."""


async def _converse(process: Process, request: bytes, job: Job, progress: StageProgress) -> JobResult:
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(ConnectionError):  # it ended already; its exit code tells more
        process.stdin.write(request)
        await process.stdin.drain()
    while True:
        try:
            (size_bytes,) = HEADER.unpack(await process.stdout.readexactly(HEADER.size))
            answer = pickle.loads(await process.stdout.readexactly(size_bytes))
        except asyncio.IncompleteReadError as error:
            how = _tell_end(await process.wait())
            raise JobError(f"job of {job.group} on {', '.join(job.inputs)}: its process {how}") from error
        if isinstance(answer, JobResult):
            return answer
        if isinstance(answer, Exception):
            raise answer
        progress(*answer)


async def _end(process: Process) -> None:
    """Let a process stop, which its stdin's end asks it to, and kill it where it does not."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await process.communicate()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


def _tell_end(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
