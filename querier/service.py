"""The querier: endpoints are watched and fanned out to, behind the HTTP API and a StoreAPI of its own."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from promontory.discovery.addresses import EndpointSpec, parse_endpoint
from promontory.discovery.endpoint_set import EndpointSet
from promontory.errors import InputError
from promontory.service.lifecycle import Service
from promontory.service.values import Values
from promontory.store.fanout import FanoutStore
from promontory.store.port import Store
from promontory.store.rpc.client import RemoteStore
from promontory.store.rpc.server import add_store
from querier.api import make_api
from querier.credentials import read_credentials
from querier.metrics import QuerierMetrics
from querier.missing_store import MissingStore

logger = logging.getLogger(__name__)

POLL_S = 5.0
UNLIMITED_S = 7 * 86_400.0


async def build(service: Service) -> None:
    """Wire a querier: it is ready once every endpoint was asked for its Info."""
    values = service.values
    credentials = read_credentials(values)

    def make(address: str) -> RemoteStore:
        return RemoteStore(
            address,
            idle_timeout_s=values.duration_s("--store.response-timeout") or UNLIMITED_S,
            info_timeout_s=values.duration_s("--endpoint.info-timeout"),
            credentials=credentials,
            server_name=values.text("--grpc-client-server-name"),
        )

    endpoints = EndpointSet(
        read_endpoints(values),
        make,
        service.clock,
        unhealthy_timeout_s=values.duration_s("--store.unhealthy-timeout"),
        info_timeout_s=values.duration_s("--endpoint.info-timeout"),
        lookup_interval_s=values.duration_s("--store.sd-dns-interval"),
    )

    def children() -> Sequence[Store]:
        lost = [MissingStore(f"no answer for long: {one.last_error}", one.info) for one in endpoints.given_up()]
        return [*endpoints.peers(), *lost, *map(MissingStore, endpoints.lookup_errors())]

    async def poll() -> None:
        for change in await endpoints.poll():
            if change.error:
                logger.warning("endpoint failed", extra={"address": change.address, "error": change.error})
            else:
                logger.info("endpoint healthy", extra={"address": change.address})

    store = FanoutStore(children)
    service.on_close(endpoints.close)
    api = make_api(service, store, endpoints.statuses)
    service.mount(api)
    service.metrics.registry.register(QuerierMetrics(endpoints.statuses, api.gate))
    server = service.serve_grpc("thanos.Store", "thanos.info.Info").server
    add_store(server, store, new_context=service.new_context, is_ready=lambda: service.probes.is_ready)
    service.repeat("endpoints", poll, interval_s=POLL_S)


def read_endpoints(values: Values) -> list[EndpointSpec]:
    """Return the endpoints of the flags. Raises InputError on a wrong or repeated one."""
    specs = [parse_endpoint(text, flag="--endpoint") for text in values.texts("--endpoint")]
    specs += [
        parse_endpoint(text, flag="--endpoint-strict", is_strict=True) for text in values.texts("--endpoint-strict")
    ]
    texts = [spec.text for spec in specs]
    for text in texts:
        if texts.count(text) > 1:
            raise InputError(f"flags --endpoint and --endpoint-strict: expected each address once, found {text} again")
    return specs
