"""Sidecar: one Prometheus watched, served as a Store and shipped from; several can live in one process."""

from __future__ import annotations

import logging

from promontory.bucket.port import Bucket
from promontory.errors import BucketError, InputError, PromontoryError
from promontory.service.command import one_line
from promontory.service.lifecycle import Service
from promontory.shipper.shipper import Shipper, ShipReport
from promontory.store.prometheus.client import PrometheusClient
from promontory.store.prometheus.store import PrometheusStore
from sidecar.metrics import SidecarMetrics
from sidecar.settings import SidecarSettings

logger = logging.getLogger(__name__)

SHIP_INTERVAL_S = 30.0


class Sidecar:
    """Its Store is to be served by the owner; `start` begins to watch and, where there is a bucket, to ship."""

    def __init__(
        self, service: Service, settings: SidecarSettings, metrics: SidecarMetrics, bucket: Bucket | None
    ) -> None:
        self._service = service
        self._settings = settings
        self._metrics = metrics
        self._client = PrometheusClient(settings.prometheus_url, timeout_s=settings.request_timeout_s)
        self.store = PrometheusStore(self._client, name=settings.name, oldest_ms=settings.oldest_ms)
        self._shipper = None if bucket is None else self._make_shipper(bucket)
        self._bucket = bucket
        self._bucket_was_seen = False
        self._is_shipping = False
        self._was_ready = False
        self._told: dict[str, str] = {}
        self._flags_are_checked = bucket is None or settings.ignore_unequal_block_size

    @property
    def is_ready(self) -> bool:
        """Whether Prometheus has said its labels, without which nothing can be served."""
        return bool(self.store.state.labels.pairs)

    @property
    def _shipping_part(self) -> str:
        return f"shipper {self._settings.name} to bucket {'' if self._bucket is None else self._bucket.name}"

    def start(self) -> None:
        """Watch Prometheus, and ship its blocks once it has said its labels."""
        name = self._settings.name
        self._service.on_close(self._client.close)
        self._service.repeat(f"prometheus {name}", self._watch, interval_s=self._settings.poll_interval_s)

    def _make_shipper(self, bucket: Bucket) -> Shipper:
        return Shipper(
            self._settings.tsdb_path,
            bucket,
            lambda: self.store.state.labels,
            clock=self._service.clock,
            upload_compacted=self._settings.upload_compacted,
            state_file=self._settings.shipper_file,
        )

    async def _watch(self) -> None:
        try:
            await self.store.refresh()
            await self._check_flags()
        except InputError as error:
            self._metrics.prometheus_up.set(0)
            if not self._was_ready:
                # Nothing that waiting mends: it ends the service, as a wrong flag does. Later it is an edit gone wrong,
                # and the service may be more than this sidecar.
                self._service.fail(error)
            raise
        except PromontoryError:
            self._metrics.prometheus_up.set(0)
            raise
        if self._shipper is not None and not self._is_shipping:
            self._is_shipping = True
            self._service.repeat(self._shipping_part, self._ship, interval_s=SHIP_INTERVAL_S)
        self._was_ready = True
        self._metrics.prometheus_up.set(1)
        self._metrics.heartbeat.set(self._service.clock.now_ms() / 1000)

    async def _check_flags(self) -> None:
        """Refuse to ship where Prometheus compacts the blocks that are to be shipped. Raises InputError."""
        if self._flags_are_checked:
            return
        flags = await self._client.flags()
        shortest = flags.get("storage.tsdb.min-block-duration", "")
        longest = flags.get("storage.tsdb.max-block-duration", "")
        if shortest != longest:
            raise InputError(
                f"Prometheus {self._settings.name} compacts its blocks: expected "
                "--storage.tsdb.min-block-duration and --storage.tsdb.max-block-duration to be equal, found "
                f"{shortest} and {longest} (--shipper.ignore-unequal-block-size overrides)"
            )
        self._flags_are_checked = True

    async def _ship(self) -> None:
        assert self._shipper is not None
        await self._look_into_bucket()
        self._metrics.syncs.inc()
        try:
            report = await self._shipper.sync()
        except OSError as error:
            raise InputError(f"data directory {self._settings.tsdb_path}: {error.strerror}") from error
        self._tell(report)
        # The bucket's trouble, not the blocks': `repeat` tells it once and tries again soon.
        for failure in report.failed.values():
            if isinstance(failure, BucketError):
                raise failure

    async def _look_into_bucket(self) -> None:
        """List something once, so that a missing bucket is told before there is a block to ship."""
        if not self._bucket_was_seen:
            assert self._bucket is not None
            async for _ in self._bucket.list(recursive=False):
                break
            self._bucket_was_seen = True
            # The blocks that wait may take hours; nothing that is asked of us waits for them.
            self._service.probes.set_ready(self._shipping_part)

    def _tell(self, report: ShipReport) -> None:
        for ulid in report.uploaded:
            self._metrics.uploads.inc()
            logger.info("block uploaded", extra={"block": ulid})
        self._metrics.upload_failures.inc(len(report.failed))
        broken = {ulid: one_line(error) for ulid, error in report.failed.items() if not isinstance(error, BucketError)}
        for ulid, reason in broken.items():
            if self._told.get(ulid) != reason:
                logger.error("block not uploaded, trying again", extra={"block": ulid, "error": reason})
        self._told = broken
        if report.state_problem:
            logger.warning("list of shipped blocks", extra={"problem": report.state_problem})
        if not report.is_complete:
            self._metrics.sync_failures.inc()
