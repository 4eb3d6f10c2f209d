"""What sidecars count; names that Thanos' dashboards and alerts read, one label value a Prometheus."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge

LABELS = ("prometheus",)


@dataclass(frozen=True, slots=True)
class SidecarMetrics:
    """The metrics of one sidecar."""

    prometheus_up: Gauge
    heartbeat: Gauge
    syncs: Counter
    sync_failures: Counter
    uploads: Counter
    upload_failures: Counter


class SidecarMetricFamilies:
    """The families of every sidecar in one service's registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._up = Gauge("thanos_sidecar_prometheus_up", "Whether Prometheus answered.", LABELS, registry=registry)
        self._heartbeat = Gauge(
            "thanos_sidecar_last_heartbeat_success_time_seconds", "When it last answered.", LABELS, registry=registry
        )
        self._syncs = Counter("thanos_shipper_dir_syncs", "Passes over the data.", LABELS, registry=registry)
        self._sync_failures = Counter(
            "thanos_shipper_dir_sync_failures", "Passes that failed for some block.", LABELS, registry=registry
        )
        self._uploads = Counter("thanos_shipper_uploads", "Blocks uploaded.", LABELS, registry=registry)
        self._upload_failures = Counter(
            "thanos_shipper_upload_failures", "Blocks whose upload failed.", LABELS, registry=registry
        )

    def of(self, prometheus: str) -> SidecarMetrics:
        """Return the metrics of the sidecar of one Prometheus."""
        return SidecarMetrics(
            prometheus_up=self._up.labels(prometheus),
            heartbeat=self._heartbeat.labels(prometheus),
            syncs=self._syncs.labels(prometheus),
            sync_failures=self._sync_failures.labels(prometheus),
            uploads=self._uploads.labels(prometheus),
            upload_failures=self._upload_failures.labels(prometheus),
        )
