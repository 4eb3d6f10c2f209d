"""A small site in one process: sidecars, store gateway, a querier over the fan-out of their Stores, and a compactor."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from compactor.part import CompactorPart
from compactor.settings import CompactorSettings, ViewerSettings, read_ladder, read_share
from promontory.bucket.config import open_bucket
from promontory.bucket.filesystem import FilesystemBucket
from promontory.bucket.port import Bucket
from promontory.bucket.secret import Secret
from promontory.compaction.settings import CompactionSettings
from promontory.errors import InputError
from promontory.model.store_status import StoreStatus
from promontory.model.url import without_user
from promontory.service.lifecycle import Service
from promontory.service.values import Values
from promontory.store.fanout import FanoutStore
from promontory.store.port import Store
from promontory.store.rpc.server import add_store
from querier.api import make_api
from querier.metrics import QuerierMetrics
from querier.missing_store import MissingStore
from sidecar.metrics import SidecarMetricFamilies
from sidecar.settings import SidecarSettings, parse_prometheus_url
from sidecar.sidecar import Sidecar
from store_gateway.gateway import StoreGateway
from store_gateway.metrics import StoreMetrics
from store_gateway.settings import StoreSettings


async def build(service: Service) -> None:
    """Wire everything; ready once the bucket was looked through and every Prometheus answered."""
    values = service.values
    bucket = open_site_bucket(values.text("--bucket"), service)
    service.on_close(bucket.close)
    gateway = StoreGateway(service, _store_settings(values), bucket, StoreMetrics(service.metrics.registry))
    families = SidecarMetricFamilies(service.metrics.registry)
    sidecars = [Sidecar(service, settings, families.of(settings.name), bucket) for settings in read_sidecars(values)]

    def stores() -> Sequence[Store]:
        # What is not known yet must not go missing in silence.
        missing = MissingStore(f"bucket {bucket.name} has not been looked through yet")
        return [gateway.store if gateway.is_synced else missing, *(sidecar.store for sidecar in sidecars)]

    fanout = FanoutStore(stores)

    def statuses() -> Sequence[StoreStatus]:
        now_ms = service.clock.now_ms()
        return [StoreStatus(info.name, info, now_ms) for info in (store.describe() for store in stores())]

    api = make_api(service, fanout, statuses)
    compactor = make_compactor(service, bucket) if values.flag("--compactor") else None
    service.mount(api if compactor is None else compactor.view(inner=api))
    service.metrics.registry.register(QuerierMetrics(statuses, api.gate))
    server = service.serve_grpc("thanos.Store", "thanos.info.Info").server
    add_store(server, fanout, new_context=service.new_context, is_ready=lambda: service.probes.is_ready)
    gateway.start()
    for sidecar in sidecars:
        sidecar.start()
    if compactor is not None:
        compactor.start()


def make_compactor(service: Service, bucket: Bucket) -> CompactorPart:
    """Return the site's compactor; it works in the data directory, or in one that is gone when the service ends."""
    values = service.values
    directory = Path(values.text("--data-dir")) / "compactor"
    if not values.text("--data-dir"):
        directory = Path(tempfile.mkdtemp(prefix="promontory-compact-"))

        async def remove() -> None:
            await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)

        service.on_close(remove)
    settings = CompactorSettings(
        directory,
        compaction=CompactionSettings(
            ladder=read_ladder(values),
            downsampling=not values.flag("--downsampling.disable"),
            delete_delay_ms=values.duration_ms("--delete-delay"),
            deletion_share=read_share(values),
        ),
        does_wait=True,
        wait_interval_s=values.duration_s("--compact.interval"),
    )
    may_mark = not values.flag("--disable-admin-operations")
    shown = ViewerSettings(may_mark=may_mark, cors=not values.flag("--web.disable-cors"))
    return CompactorPart(service, settings, shown, bucket, Secret(""))


def open_site_bucket(text: str, service: Service) -> Bucket:
    """Return the bucket of `--bucket`. Raises InputError naming the flag."""
    path = Path(text)
    if path.is_dir():
        return FilesystemBucket(path)
    try:
        content = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise InputError(f"flag --bucket: expected a directory or a YAML file, found {text!r}: {reason}") from None
    try:
        return open_bucket(content, clock=service.clock)
    except InputError as error:
        raise InputError(f"flag --bucket: {text}: {error}") from error


def read_sidecars(values: Values) -> list[SidecarSettings]:
    """Return one for each `--prometheus`. Raises InputError naming the flag."""
    found = []
    for text in values.texts("--prometheus"):
        url, separator, path = text.partition("=")
        if not separator or not Path(path).is_dir():
            raise InputError(
                f"flag --prometheus: expected URL=TSDB_PATH with the URL of a Prometheus and its data directory, "
                f"found {without_user(text)!r}"
            )
        found.append(
            SidecarSettings(
                prometheus_url=parse_prometheus_url(url, flag="--prometheus"),
                tsdb_path=Path(path),
                ignore_unequal_block_size=values.flag("--shipper.ignore-unequal-block-size"),
            )
        )
    names = sorted(settings.name for settings in found)  # which also name their metrics
    if len(set(names)) < len(names):
        raise InputError(f"flag --prometheus: expected each URL once, found {', '.join(names)}")
    return found


def _store_settings(values: Values) -> StoreSettings:
    directory = values.text("--data-dir")
    return StoreSettings(
        directory=Path(directory) if directory else None,
        sync_interval_s=values.duration_s("--sync-block-duration"),
    )
