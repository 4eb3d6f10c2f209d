"""StoreGateway: the blocks of one bucket kept in step and served as a Store; it can live beside other parts."""

from __future__ import annotations

import logging

from promontory.bucket.port import Bucket
from promontory.catalog.catalog import Catalog
from promontory.catalog.filters import store_filters
from promontory.errors import ObjectNotFound
from promontory.service.command import one_line
from promontory.service.lifecycle import Service
from promontory.store.bucket_store import BucketStore
from store_gateway.metrics import StoreMetrics
from store_gateway.settings import StoreSettings

logger = logging.getLogger(__name__)

META_DIRECTORY = "meta-syncer"


class StoreGateway:
    """Its Store is to be served by the owner; `start` begins to look through the bucket."""

    def __init__(self, service: Service, settings: StoreSettings, bucket: Bucket, metrics: StoreMetrics) -> None:
        self._service = service
        self._settings = settings
        self._metrics = metrics
        self._told: dict[str, str] = {}
        self._uses_index: bool | None = None
        self.is_synced = False
        """Whether the bucket was looked through; before, the Store knows no block."""
        self.bucket_name = bucket.name
        directory = settings.directory
        self.catalog = Catalog(
            bucket,
            clock=service.clock,
            filters=store_filters(
                range_at=settings.range_at,
                consistency_delay_ms=settings.consistency_delay_ms,
                ignore_deletion_marks_delay_ms=settings.deletion_marks_delay_ms,
            ),
            cache_directory=directory and directory / META_DIRECTORY,
            index_fresh_ms=settings.index_fresh_ms,
        )
        self.store = BucketStore(bucket, self.catalog, directory=directory, opened_at_once=settings.opened_at_once)

    def start(self) -> None:
        """Sync now and again; the service is ready after the first time."""
        part = f"bucket {self.bucket_name}"
        self._service.repeat(part, self.sync, interval_s=self._settings.sync_interval_s)

    async def sync(self) -> None:
        """Sync once. Raises BucketError, also where a block did not open because the bucket did not answer."""
        report = await self.store.sync()
        if any(isinstance(error, ObjectNotFound) for error in report.failed.values()) and self.catalog.distrust_index():
            report = await self.store.sync()
        self.is_synced = True
        self._tell_index()
        broken = {ulid: one_line(error) for ulid, error in report.failed.items()} | dict(self.catalog.view.corrupt)
        self._metrics.observe(report, broken=len(broken), now_ms=self._service.clock.now_ms())
        self._tell(broken)
        if report.opened or report.dropped:
            changes = {"opened": len(report.opened), "dropped": len(report.dropped), "loaded": report.loaded}
            logger.info("blocks synced", extra=changes)
        for error in report.failed.values():
            if error.retryable:
                raise error

    def _tell_index(self) -> None:
        view = self.catalog.view
        is_used = view.index_ms is not None
        self._metrics.index_used.set(is_used)
        if self._settings.bucket_index and is_used != self._uses_index:
            self._uses_index = is_used
            logger.info("bucket index", extra={"used": is_used, "reason": view.index_problem})

    def _tell(self, broken: dict[str, str]) -> None:
        """Log each block that cannot be read once for as long as its reason stays the same."""
        for ulid, reason in broken.items():
            if self._told.get(ulid) != reason:
                logger.error("block cannot be read", extra={"block": ulid, "error": reason})
        self._told = broken
