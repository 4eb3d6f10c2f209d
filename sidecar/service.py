"""The sidecar service: one Prometheus served over gRPC and shipped to a bucket."""

from __future__ import annotations

import logging

from promontory.bucket.config import open_bucket
from promontory.service.lifecycle import Service, run_service
from promontory.service.values import Values
from promontory.store.rpc.server import add_store
from sidecar.metrics import SidecarMetricFamilies
from sidecar.settings import SidecarSettings
from sidecar.sidecar import Sidecar

logger = logging.getLogger(__name__)


def run(values: Values) -> int:
    """Run until SIGTERM. Raises InputError where a setting is wrong."""
    return run_service("sidecar", values, build)


async def build(service: Service) -> None:
    """Wire a sidecar; without a bucket it only serves."""
    values = service.values
    settings = SidecarSettings.from_values(values, now_ms=service.clock.now_ms())
    content = values.text("--objstore.config")
    bucket = open_bucket(content, clock=service.clock) if content.strip() else None
    if bucket is None:
        logger.info("no bucket is configured: blocks are not shipped")
    else:
        service.on_close(bucket.close)
    metrics = SidecarMetricFamilies(service.metrics.registry).of(settings.name)
    sidecar = Sidecar(service, settings, metrics, bucket)
    server = service.serve_grpc("thanos.Store", "thanos.info.Info")
    # Live data is served while the bucket is missing, which the probes tell.
    add_store(server.server, sidecar.store, new_context=service.new_context, is_ready=lambda: sidecar.is_ready)
    sidecar.start()
