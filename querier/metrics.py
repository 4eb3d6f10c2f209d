"""The querier's own metrics, read when they are scraped; the names are those of Thanos' querier dashboard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from promontory.api.gate import Gate
from promontory.model.store_status import StoreStatus

CONNECTIONS = "thanos_store_nodes_grpc_connections"
GATE = "thanos_query_concurrent_gate_queries"


class QuerierMetrics(Collector):
    """Healthy endpoints by what they announce, and how full the gate is."""

    def __init__(self, statuses: Callable[[], Sequence[StoreStatus]], gate: Gate) -> None:
        self._statuses = statuses
        self._gate = gate

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics of now."""
        connections = GaugeMetricFamily(
            CONNECTIONS, "Endpoints that answered Info last time.", labels=("external_labels", "store_type")
        )
        counts = Counter(
            (",".join(str(labels) for labels in status.info.label_sets), status.info.kind)
            for status in self._statuses()
            if status.info is not None and not status.last_error
        )
        for names, count in sorted(counts.items()):
            connections.add_metric(names, count)
        yield connections
        yield GaugeMetricFamily(f"{GATE}_max", "Most queries evaluated at once.", self._gate.limit)
        yield GaugeMetricFamily(f"{GATE}_in_flight", "Queries being evaluated.", self._gate.running)
        yield GaugeMetricFamily("promontory_query_gate_waiting", "Queries waiting to be evaluated.", self._gate.waiting)
