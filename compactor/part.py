"""CompactorPart: a compactor in a service: wired, watched and shown; it can live beside other parts."""

from __future__ import annotations

from collections.abc import Sequence

from compactor.blocks_api import BlocksApi
from compactor.job_metrics import JobMetrics
from compactor.loop import CompactionLoop
from compactor.metrics import PassMetrics
from compactor.observers import ChangeLog, JobLog, Observers
from compactor.settings import CompactorSettings, ViewerSettings
from compactor.viewer import BlockViewer
from compactor.wiring import make_compactor, make_executor
from promontory.bucket.port import Bucket
from promontory.bucket.secret import Secret
from promontory.compaction.observer import PassObserver
from promontory.service.http_app import App
from promontory.service.lifecycle import Service


class CompactorPart:
    """`start` begins with the first pass; `view` makes the application that shows the bucket.

    `config` is the bucket's, for jobs on other machines; `observers` are told of jobs in place of the log.
    """

    def __init__(
        self, service: Service, settings: CompactorSettings, shown: ViewerSettings, bucket: Bucket, config: Secret,
        observers: Sequence[PassObserver] | None = None,
    ) -> None:  # fmt: skip
        self._service = service
        self._bucket = bucket
        self._shown = shown
        registry, clock = service.metrics.registry, service.clock
        metrics = PassMetrics(registry, clock, delete_delay_ms=settings.compaction.delete_delay_ms)
        self._viewer = BlockViewer(bucket, clock, label=shown.label, timeout_s=shown.timeout_s)
        told: list[PassObserver] = [metrics, JobMetrics(registry, clock), self._viewer, ChangeLog()]
        told += [JobLog()] if observers is None else observers
        executor = make_executor(settings, bucket, config, clock=clock)
        service.on_close(executor.close)
        self._compactor = make_compactor(settings, bucket, executor, clock=clock, observer=Observers(told))
        self._loop = CompactionLoop(service, settings, self._compactor, metrics)

    def start(self) -> None:
        """Begin."""
        self._loop.start()

    def view(self, inner: App | None = None) -> BlocksApi:
        """Return what shows the bucket over HTTP, and begin to look through it."""
        service, viewer = self._service, self._viewer
        service.repeat("block viewer", viewer.look, interval_s=self._shown.interval_s)
        return BlocksApi(
            self._bucket, service.clock, service.pool, self._shown, everything=viewer.everything,
            loaded=viewer.loaded, page=lambda: viewer.page, inner=inner,
        )  # fmt: skip
