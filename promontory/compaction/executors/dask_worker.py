"""What a worker of a Dask cluster does with a RemoteJob: runs it in the thread it is given, tells how far it is, stops.

A stop reaches a worker as a call of its event loop (`Client.run`), which knows the submissions that run there by topic.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, cast

from promontory.compaction.executors.remote import RemoteJob, run_remote_job
from promontory.compaction.executors.throttle import Throttle
from promontory.compaction.job_result import JobResult
from promontory.compaction.observer import Stage

if TYPE_CHECKING:
    from distributed import Worker

PROGRESS_INTERVAL_S = 0.5

_RUNNING = "promontory_running"  # an attribute of the worker: topic -> what stops it


def run_here(remote: RemoteJob) -> JobResult:
    """Run a job; the task of the cluster."""
    from distributed import get_worker

    worker, throttle = get_worker(), Throttle(PROGRESS_INTERVAL_S)
    stopped = _running(worker).setdefault(remote.topic, threading.Event())

    def progress(stage: Stage, done: int, total: int) -> None:
        if throttle.lets_through(stage, done, total):
            worker.log_event(remote.topic, (stage.value, done, total))

    try:
        return run_remote_job(remote, Path(worker.local_directory), stop=stopped.is_set, progress=progress)
    finally:
        _running(worker).pop(remote.topic, None)


def stop_here(topic: str, dask_worker: Worker) -> bool:
    """Stop a submission where it runs on this worker, and say whether it does."""
    stopped = _running(dask_worker).get(topic)
    if stopped is not None:
        stopped.set()
    return stopped is not None


def _running(worker: Worker) -> dict[str, threading.Event]:
    return cast("dict[str, threading.Event]", worker.__dict__.setdefault(_RUNNING, {}))
