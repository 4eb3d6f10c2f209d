"""The compactor service: passes over a bucket, once or for ever, with metrics, probes and a view of the blocks."""

from __future__ import annotations

import sys
from contextlib import ExitStack

from compactor.dry_run import run_dry
from compactor.part import CompactorPart
from compactor.progress import ProgressBars
from compactor.settings import CompactorSettings, ViewerSettings
from promontory.bucket.config import open_bucket
from promontory.bucket.secret import Secret
from promontory.model.clock import SystemClock
from promontory.service.lifecycle import Service, require_content, run_service
from promontory.service.metered_bucket import BucketMetrics, meter_bucket
from promontory.service.values import Values


def run(values: Values) -> int:
    """Run one pass, or passes until SIGTERM. Raises InputError where a setting is wrong."""
    if values.flag("--dry-run"):
        return run_dry(values)
    if values.flag("--wait") or not sys.stderr.isatty():
        return run_service("compact", values, lambda service: build(service, None))
    return _run_shown(values)


def _run_shown(values: Values) -> int:
    """Run one pass with bars, for the person at the terminal."""
    from rich.console import Console

    bars = ProgressBars(Console(stderr=True), SystemClock())
    with ExitStack() as stack:

        async def build_shown(service: Service) -> None:
            stack.enter_context(bars.running())
            await build(service, bars)

        return run_service("compact", values, build_shown)


async def build(service: Service, bars: ProgressBars | None) -> None:
    """Wire a compactor."""
    values = service.values
    settings = CompactorSettings.from_values(values, now_ms=service.clock.now_ms())
    config = require_content(values, "--objstore.config")
    metrics = BucketMetrics(service.metrics.registry, service.clock)
    bucket = meter_bucket(open_bucket(config, clock=service.clock), metrics)
    service.on_close(bucket.close)
    shown = ViewerSettings.from_values(values)
    part = CompactorPart(service, settings, shown, bucket, Secret(config), None if bars is None else [bars])
    if settings.does_wait and not values.flag("--web.disable"):
        service.mount(part.view())
    part.start()
