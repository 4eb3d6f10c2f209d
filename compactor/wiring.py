"""From settings to a Compactor."""

from __future__ import annotations

from compactor.settings import CompactorSettings
from promontory.bucket.port import Bucket
from promontory.bucket.secret import Secret
from promontory.compaction.compactor import WORK_DIRECTORY, Compactor
from promontory.compaction.executor import Executor
from promontory.compaction.executors.choose import choose_executor
from promontory.compaction.observer import PassObserver
from promontory.compaction.running.run_job import JobOptions
from promontory.model.clock import Clock


def make_compactor(
    settings: CompactorSettings, bucket: Bucket, executor: Executor, *, clock: Clock, observer: PassObserver
) -> Compactor:
    """Return a compactor whose jobs run in an executor."""
    return Compactor(
        bucket,
        settings.compaction,
        directory=settings.directory,
        clock=clock,
        observer=observer,
        filters=settings.filters,
        executor=executor,
        options=_options(settings),
        merges_at_once=settings.merges_at_once,
        downsampled_at_once=settings.downsampled_at_once,
    )


def make_executor(settings: CompactorSettings, bucket: Bucket, config: Secret, *, clock: Clock) -> Executor:
    """Return where jobs run; other machines open the bucket by `config`. Raises InputError naming the flag."""
    directory = settings.directory / WORK_DIRECTORY
    return choose_executor(settings.executor, bucket, config, directory, clock=clock, options=_options(settings))


def _options(settings: CompactorSettings) -> JobOptions:
    return JobOptions(
        hash_function=settings.compaction.hash_function,
        accept_malformed_index=settings.compaction.accept_malformed_index,
        blocks_fetched_at_once=settings.blocks_fetched_at_once,
        files_at_once=settings.files_at_once,
    )
