"""What a store gateway counts; names that Thanos' dashboards and alerts read."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

from promontory.store.bucket_store import SyncReport


class StoreMetrics:
    """The metrics of one store gateway."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._loaded = Gauge("thanos_bucket_store_blocks_loaded", "Blocks that are served.", registry=registry)
        self._loads = Counter("thanos_bucket_store_block_loads", "Blocks opened or tried.", registry=registry)
        self._failures = Counter(
            "thanos_bucket_store_block_load_failures", "Blocks that cannot be read.", registry=registry
        )
        self._drops = Counter("thanos_bucket_store_block_drops", "Blocks dropped.", registry=registry)
        self._synced = Gauge(
            "thanos_bucket_store_blocks_last_loaded_timestamp_seconds", "When the bucket was last looked through.",
            registry=registry,
        )  # fmt: skip

        self.index_used = Gauge(
            "promontory_store_bucket_index_used", "1 where the last look at the bucket used its index.",
            registry=registry,
        )  # fmt: skip

    def observe(self, report: SyncReport, *, broken: int, now_ms: int) -> None:
        """Count what a sync did; `broken` blocks did not open, or have files that do not fit their meta.json."""
        self._loaded.set(report.loaded)
        self._loads.inc(len(report.opened) + broken)
        self._failures.inc(broken)
        self._drops.inc(len(report.dropped))
        self._synced.set(now_ms / 1000)
