"""Which executor a text asks for: `local`, `processes`, or `dask://HOST:PORT`."""

from __future__ import annotations

from pathlib import Path

from promontory.bucket.port import Bucket
from promontory.bucket.secret import Secret
from promontory.compaction.executor import Executor
from promontory.compaction.executors.dask_cluster import DaskExecutor, require_dask
from promontory.compaction.executors.local import LocalExecutor
from promontory.compaction.executors.processes import ProcessExecutor
from promontory.compaction.running.run_job import JobOptions
from promontory.model.clock import Clock

LOCAL, PROCESSES = "local", "processes"


def choose_executor(
    text: str, bucket: Bucket, config: Secret, directory: Path, *, clock: Clock, options: JobOptions
) -> Executor:
    """Return the executor that --executor names; `config` is the bucket's. Raises InputError where there is none such.

    Jobs of this process work below `directory`, those of a cluster in the scratch directories of its workers.
    """
    if text == LOCAL:
        return LocalExecutor(bucket, directory, clock=clock, options=options)
    if text == PROCESSES:
        return ProcessExecutor(config, directory, options=options)
    executor = DaskExecutor(text, config, options=options)
    require_dask()
    return executor
