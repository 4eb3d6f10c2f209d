"""The store gateway service: a bucket's blocks served over gRPC."""

from __future__ import annotations

from promontory.bucket.config import open_bucket
from promontory.service.lifecycle import Service, require_content, run_service
from promontory.service.values import Values
from promontory.store.rpc.server import add_store
from store_gateway.gateway import StoreGateway
from store_gateway.metrics import StoreMetrics
from store_gateway.settings import StoreSettings


def run(values: Values) -> int:
    """Run until SIGTERM. Raises InputError where a setting is wrong."""
    return run_service("store", values, build)


async def build(service: Service) -> None:
    """Wire a store gateway; it is ready once the bucket was looked through."""
    settings = StoreSettings.from_values(service.values, now_ms=service.clock.now_ms())
    bucket = open_bucket(require_content(service.values, "--objstore.config"), clock=service.clock)
    service.on_close(bucket.close)
    gateway = StoreGateway(service, settings, bucket, StoreMetrics(service.metrics.registry))
    server = service.serve_grpc("thanos.Store", "thanos.info.Info")
    add_store(server.server, gateway.store, new_context=service.new_context, is_ready=lambda: service.probes.is_ready)
    gateway.start()
