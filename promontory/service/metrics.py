"""Metrics of one service in a registry of its own, so that several can live in one process."""

from __future__ import annotations

import platform
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder

REQUEST_SECONDS = (0.001, 0.01, 0.1, 0.3, 0.6, 1, 3, 6, 9, 20, 30, 60, 90, 120)


class Metrics:
    """What every service counts; the names are those that Thanos' dashboards read."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self.registry)
        self.build_info = Gauge(
            "promontory_build_info", "Version of this program.", ("version", "python"), registry=self.registry
        )
        self.build_info.labels(version("promontory"), platform.python_version()).set(1)
        self.requests = Counter(
            "http_requests", "HTTP requests answered.", ("code", "handler", "method"), registry=self.registry
        )
        self.request_seconds = Histogram(
            "http_request_duration_seconds", "Time from an HTTP request to the end of its answer.",
            ("code", "handler", "method"), buckets=REQUEST_SECONDS, registry=self.registry,
        )  # fmt: skip
        self._of_labels: dict[tuple[str, str, str], tuple[Counter, Histogram]] = {}
        self.background_failures = Counter(
            "promontory_service_background_failures", "Passes of background work that failed.", ("part",),
            registry=self.registry,
        )  # fmt: skip

    def count_request(self, labels: tuple[str, str, str], seconds: float) -> None:
        """Count and time one HTTP request of (code, handler, method): bounded, so each is looked up once."""
        found = self._of_labels.get(labels)
        if found is None:
            found = self._of_labels[labels] = (self.requests.labels(*labels), self.request_seconds.labels(*labels))
        found[0].inc()
        found[1].observe(seconds)

    def expose(self, accept: str) -> tuple[bytes, str]:
        """Return all metrics in the best format that the `Accept` header allows, and its content type."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type
