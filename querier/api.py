"""The query API over a Store, as the flags of a service say: what `promontory query` and `standalone` share."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from importlib.metadata import version

from promontory.api.app import ApiApp
from promontory.api.backend import ApiBackend, ApiSettings
from promontory.model.context import Budget, QueryContext
from promontory.model.matcher import Matcher
from promontory.model.store_status import StoreStatus
from promontory.promql.parser import parse_matchers
from promontory.query.engine import EngineSettings, QueryEngine
from promontory.query.features import read_features
from promontory.service.lifecycle import Service
from promontory.service.values import Values
from promontory.store.port import Store

logger = logging.getLogger(__name__)


def make_api(service: Service, store: Store, statuses: Callable[[], Sequence[StoreStatus]]) -> ApiApp:
    """Return the HTTP API over a Store."""
    values = service.values
    memory_bytes = values.size_bytes("--query.max-memory")

    def new_context(
        *,
        timeout_s: float | None,
        partial_response: bool,
        tenant: str,
        store_matchers: tuple[tuple[Matcher, ...], ...],
    ) -> QueryContext:
        return QueryContext(
            clock=service.clock,
            pool=service.pool,
            timeout_s=timeout_s,
            budget=Budget(memory_bytes),
            partial_response=partial_response,
            tenant=tenant,
            store_matchers=store_matchers,
        )

    settings = read_engine_settings(values)
    if settings.features.without_effect:
        logger.warning("features without effect here", extra={"features": " ".join(settings.features.without_effect)})
    engine = QueryEngine(store, settings)
    backend = ApiBackend(engine, store, parse_matchers, new_context, service.clock, service.pool, statuses)
    return ApiApp(backend, read_api_settings(values))


def read_engine_settings(values: Values) -> EngineSettings:
    """Return the settings of the engine."""
    return EngineSettings(
        replica_labels=read_replica_labels(values),
        lookback_ms=values.duration_ms("--query.lookback-delta"),
        max_samples=values.integer("--query.max-samples"),
        default_step_ms=values.duration_ms("--query.default-evaluation-interval"),
        penalty=values.text("--deduplication.func") == "penalty",
        dynamic_lookback=values.flag("--query.dynamic-lookback-delta"),
        features=read_features(values.texts("--enable-feature")),
    )


def read_api_settings(values: Values) -> ApiSettings:
    """Return the settings of the HTTP API."""
    return ApiSettings(
        timeout_s=values.duration_s("--query.timeout"),
        max_concurrent=values.integer("--query.max-concurrent"),
        default_step_ms=values.duration_ms("--query.default-step"),
        metadata_range_ms=values.duration_ms("--query.metadata.default-time-range"),
        partial_response=values.flag("--query.partial-response"),
        auto_downsampling=values.flag("--query.auto-downsampling"),
        instant_resolution_ms=values.duration_ms("--query.instant.default.max_source_resolution"),
        replica_labels=read_replica_labels(values),
        disable_cors=values.flag("--web.disable-cors"),
        route_prefix=values.text("--web.route-prefix"),
        tenant_header=values.text("--query.tenant-header"),
        default_tenant=values.text("--query.default-tenant-id"),
        version=version("promontory"),
        max_unsent_bytes=values.size_bytes("--query.max-unsent"),
    )


def read_replica_labels(values: Values) -> tuple[bytes, ...]:
    """Return the replica labels of the flags, each once."""
    return tuple(name.encode() for name in values.names("--query.replica-label"))
