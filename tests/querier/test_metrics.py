from prometheus_client import CollectorRegistry, generate_latest

from promontory.api.gate import Gate
from promontory.model.labels import Labels
from promontory.model.store_info import StoreInfo
from promontory.model.store_status import StoreStatus
from querier.metrics import QuerierMetrics


def test_healthy_endpoints_are_counted_by_what_they_announce() -> None:
    info = StoreInfo("", "sidecar", (Labels.from_mapping({"replica": "a"}),))
    statuses = [
        StoreStatus("a:1", info, 1), StoreStatus("b:1", info, 1), StoreStatus("c:1", info, 1, "refused"),
        StoreStatus("d:1", None, 0, "not asked yet"),
    ]  # fmt: skip
    registry = CollectorRegistry()
    registry.register(QuerierMetrics(lambda: statuses, Gate(20)))
    text = generate_latest(registry).decode()
    assert 'thanos_store_nodes_grpc_connections{external_labels="{replica=\\"a\\"}",store_type="sidecar"} 2.0' in text
    assert "thanos_query_concurrent_gate_queries_max 20.0" in text
    assert "thanos_query_concurrent_gate_queries_in_flight 0.0" in text
