"""DaskExecutor: jobs on the workers of a Dask cluster, `--executor=dask://HOST:PORT`.

    here                                     scheduler                   worker
    submit(RemoteJob) ──────────────────────► queued ───────────────────► run_here: run_job, a ULID of its own
    progress ◄───────────────────────────────────────── events of the topic
                                             worker lost: queued again ──► another worker, another ULID
    canceled: the task is taken back, and stop_here is called on each worker

A worker that dies leaves at most an upload without meta.json, which is cleaned up as any partial one. One that only
seemed dead may yet commit its block beside that of the second try: equal blocks, of which the duplicate rule keeps one.
Both happen to a compactor that is killed, too. The scheduler gives up after as many lost workers as it was told to
(distributed.scheduler.allowed-failures). Source: distributed.dask.org.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING

from promontory.bucket.secret import Secret
from promontory.compaction.executors.dask_worker import run_here, stop_here
from promontory.compaction.executors.remote import RemoteJob
from promontory.compaction.job import Job
from promontory.compaction.job_result import JobResult
from promontory.compaction.observer import Stage, StageProgress
from promontory.compaction.running.make_output import Make, make_output
from promontory.compaction.running.run_job import JobOptions
from promontory.errors import InputError, JobError, StoppedError

if TYPE_CHECKING:
    from distributed import Client, Future

SCHEME = "dask://"
CONNECT_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0


class DaskExecutor:
    """Runs jobs on the cluster whose scheduler listens at `address`; connects on first use."""

    def __init__(
        self, address: str, config: Secret, *, options: JobOptions | None = None, make: Make = make_output
    ) -> None:
        self._address = parse_address(address)
        self._config = config
        self._options = options or JobOptions()
        self._make = make
        self._client: Client | None = None
        self._lock = asyncio.Lock()

    async def submit(self, job: Job, *, progress: StageProgress) -> JobResult:
        """Run a job on some worker, again where that one is lost."""
        topic = f"promontory-{uuid.uuid4().hex}"
        remote = RemoteJob(self._config, job, topic, self._options, self._make)
        with _translated(job):
            client = await self._connected()
            client.subscribe_topic(topic, _teller(progress))
            future = client.submit(run_here, remote, key=topic, pure=False)
            try:
                result: JobResult = await future
            except asyncio.CancelledError:
                await asyncio.shield(_take_back(client, future, topic))
                raise
            finally:
                client.unsubscribe_topic(topic)
                future.release()
        return result

    async def close(self) -> None:
        """Leave the cluster."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.close()

    async def _connected(self) -> Client:
        from distributed import Client

        async with self._lock:
            if self._client is None or self._client.status != "running":
                await self.close()
                try:
                    self._client = await Client(self._address, asynchronous=True, timeout=CONNECT_TIMEOUT_S)
                except (OSError, TimeoutError) as error:
                    raise StoppedError(f"the scheduler at {self._address} does not answer: {error}") from error
            return self._client


def parse_address(text: str) -> str:
    """Return the address of a scheduler as Dask has it. Raises InputError."""
    host, separator, port = text.removeprefix(SCHEME).rpartition(":")
    if not text.startswith(SCHEME) or not separator or not host or not port.isdecimal():
        raise InputError(f"flag --executor: expected local, processes or dask://HOST:PORT, found {text!r}")
    return f"tcp://{host}:{port}"


def require_dask() -> None:
    """Raise InputError where Dask is not installed."""
    if find_spec("distributed") is None:
        raise InputError("flag --executor: dask:// needs the extra: pip install 'promontory[dask]'")


def _teller(progress: StageProgress) -> object:
    def tell(event: tuple[float, object]) -> None:
        match event[1]:
            case (str(stage), int(done), int(total)):
                progress(Stage(stage), done, total)

    return tell


async def _take_back(client: Client, future: Future[JobResult], topic: str) -> None:
    """Cancel a task, wherever it is. A cluster that does not answer is left: what it makes is a duplicate at worst."""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await future.cancel()
            await client.run(stop_here, topic, on_error="ignore")


@contextmanager
def _translated(job: Job) -> Iterator[None]:
    """Raise what Dask says of its machines as JobError: the job is as good as before."""
    from distributed import CancelledError, KilledWorker
    from distributed.comm.core import CommClosedError

    try:
        yield
    except KilledWorker as error:
        message = f"job of {job.group} on {', '.join(job.inputs)}: every worker that tried it was lost"
        raise JobError(message) from error
    except (CancelledError, CommClosedError) as error:
        raise JobError(f"job of {job.group}: the cluster let go of it: {error}") from error
