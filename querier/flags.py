"""The flags of `promontory query`: every flag of `thanos query`, and ours. Source: Thanos cmd/thanos/query.go."""

from __future__ import annotations

from promontory.service.common_flags import SERVER_FLAGS
from promontory.service.flag_kinds import Kind
from promontory.service.flags import Flag, FlagSet, accepted, refused

ENDPOINTS = "Endpoints"
QUERIES = "Queries"
WEB = "Web"
TENANCY = "Tenancy"
CLIENT = "gRPC client"

ENDPOINT_FLAGS = (
    Flag("--endpoint", help="Address of a Thanos or Promontory StoreAPI: host:port, or dns+host:port for every address "
         "of a name.", group=ENDPOINTS, is_repeated=True),
    Flag("--endpoint-strict", help="Address that is asked even when its health check keeps failing.", group=ENDPOINTS,
         is_repeated=True),
    Flag("--store.unhealthy-timeout", Kind.DURATION, "5m", "How long an endpoint that fails is still asked; after "
         "that it is only named in the answers that may lack its data.", ENDPOINTS),
    Flag("--store.response-timeout", Kind.DURATION, "10s", "Longest silence of an endpoint in an answer; 0: none.",
         ENDPOINTS),
    Flag("--store.sd-dns-interval", Kind.DURATION, "30s", "Interval between look-ups of dns+ names.", ENDPOINTS,
         is_positive=True),
    Flag("--endpoint.info-timeout", Kind.DURATION, "5s", "Longest wait for an endpoint's Info.", ENDPOINTS,
         is_positive=True),
    accepted("--store.sd-dns-resolver"),
    accepted("--store.sd-interval", Kind.DURATION),
    accepted("--endpoint.sd-config-reload-interval", Kind.DURATION),
    accepted("--inject-test-addresses", is_repeated=True),
    refused("--store.sd-files", why="file discovery is not built; list --endpoint", is_repeated=True),
    refused("--endpoint.sd-config", Kind.CONTENT, why="file discovery is not built; list --endpoint"),
    refused("--endpoint-group", why="one answer of a group is not built; list each --endpoint", is_repeated=True),
    refused("--endpoint-group-strict", why="one answer of a group is not built; list each --endpoint-strict",
            is_repeated=True),
    refused("--selector.relabel-config", Kind.CONTENT, why="choosing TSDBs by relabelling is not built"),
)  # fmt: skip

QUERY_FLAGS = (
    Flag("--query.replica-label", help="Label that tells replicas apart; they are de-duplicated along it (a comma "
         "separates several).", group=QUERIES, is_repeated=True),
    Flag("--deduplication.func", Kind.CHOICE, "penalty", "How replicas are merged: the better replica at each time, or "
         "all timestamps of all.", QUERIES, choices=("penalty", "chain")),
    Flag("--query.timeout", Kind.DURATION, "2m", "Longest time of a query.", QUERIES, is_positive=True),
    Flag("--query.max-concurrent", Kind.INTEGER, "20", "Most queries evaluated at once.", QUERIES, is_positive=True),
    Flag("--query.max-samples", Kind.INTEGER, "50000000", "Most samples that one query may load (Thanos: no limit).",
         QUERIES, is_positive=True),
    Flag("--query.max-memory", Kind.SIZE, "2GB", "Most memory that one query may hold (Thanos: no limit).", QUERIES,
         is_positive=True),
    Flag("--query.max-unsent", Kind.SIZE, "1GB", "Most memory of large answers that clients are still reading; further "
         "ones wait within their time (Thanos: no limit).", QUERIES, is_positive=True),
    Flag("--query.lookback-delta", Kind.DURATION, "5m", "How far back an instant selector looks.", QUERIES,
         is_positive=True),
    Flag("--query.default-evaluation-interval", Kind.DURATION, "1m", "Step of subqueries that name none.", QUERIES,
         is_positive=True),
    Flag("--query.default-step", Kind.DURATION, "1s", "Least step of range queries that name none.", QUERIES,
         is_positive=True),
    Flag("--query.partial-response", Kind.BOOLEAN, "true", "Answer with what there is, and a warning, where an "
         "endpoint fails; a request's partial_response decides over it.", QUERIES),
    Flag("--query.auto-downsampling", Kind.BOOLEAN, "false", "Allow data of resolution step / 5 where a range query "
         "names no max_source_resolution.", QUERIES),
    Flag("--query.instant.default.max_source_resolution", Kind.DURATION, "0s",
         "Coarsest resolution of instant queries that name none.", QUERIES),
    Flag("--query.dynamic-lookback-delta", Kind.BOOLEAN, "true", "Look as far back as the allowed resolution needs: "
         "5m, or 1h where it is coarser than that.", QUERIES),
    Flag("--query.metadata.default-time-range", Kind.DURATION, "0s", "Time range of label and series requests that "
         "name no start; 0 is all time.", QUERIES),
    Flag("--query.promql-engine", Kind.CHOICE, "prometheus", "Accepted for Thanos' manifests: there is one engine.",
         QUERIES, choices=("prometheus", "thanos")),
    Flag("--enable-feature", help="Feature of PromQL by Prometheus' name (a comma separates several): "
         "promql-experimental-functions, promql-extended-range-selectors, promql-binop-fill-modifiers, "
         "promql-delayed-name-removal, use-start-timestamps, type-and-unit-labels.",
         group=QUERIES, is_repeated=True),
    accepted("--query.disable-fallback", Kind.BOOLEAN),
    accepted("--query.max-concurrent-select", Kind.INTEGER),
    accepted("--query.conn-metric.label", is_repeated=True),
    accepted("--query.active-query-path"),
    accepted("--query.lazy-retrieval-max-buffered-responses", Kind.INTEGER),
    accepted("--grpc.proxy-strategy"),
    accepted("--query.telemetry.request-duration-seconds-quantiles", Kind.NUMBER, is_repeated=True),
    accepted("--query.telemetry.request-samples-quantiles", Kind.NUMBER, is_repeated=True),
    accepted("--query.telemetry.request-series-seconds-quantiles", Kind.NUMBER, is_repeated=True),
    accepted("--rule.partial-response", Kind.BOOLEAN),
    accepted("--target.partial-response", Kind.BOOLEAN),
    accepted("--metric-metadata.partial-response", Kind.BOOLEAN),
    accepted("--exemplar.partial-response", Kind.BOOLEAN),
    accepted("--status.partial-response", Kind.BOOLEAN),
    refused("--selector-label", why="labels of a querier's own are not built", is_repeated=True),
    refused("--query.mode", default="local", why="distributed execution is not built"),
    refused("--query.partition-label", why="distributed execution is not built", is_repeated=True),
    refused("--query.distributed-with-overlapping-interval", Kind.BOOLEAN, default="false",
            why="distributed execution is not built"),
    refused("--query.enable-x-functions", Kind.BOOLEAN, default="false", why="xrate and its kin are not built"),
    refused("--store.limits.request-series", Kind.INTEGER, default="0", why="limits of the gRPC server are not built"),
    refused("--store.limits.request-samples", Kind.INTEGER, default="0", why="limits of the gRPC server are not built"),
)  # fmt: skip

TENANCY_FLAGS = (
    Flag("--query.tenant-header", default="THANOS-TENANT", help="Header that names the tenant.", group=TENANCY),
    Flag("--query.default-tenant-id", default="default-tenant", help="Tenant of requests that name none.",
         group=TENANCY),
    accepted("--query.tenant-label-name"),
    refused("--query.tenant-certificate-field", default="", why="tenants from certificates are not built"),
    refused("--query.enforce-tenancy", Kind.BOOLEAN, default="false", why="enforcing tenancy is not built"),
)  # fmt: skip

WEB_FLAGS = (
    Flag("--web.route-prefix", default="", help="Path below which the API is served too.", group=WEB),
    Flag("--web.disable-cors", Kind.BOOLEAN, "false", "Send no CORS headers.", WEB),
    accepted("--web.external-prefix"),
    accepted("--web.prefix-header"),
    accepted("--alert.query-url"),
)  # fmt: skip

CLIENT_FLAGS = (
    Flag("--grpc-client-tls-secure", Kind.BOOLEAN, "false", "Talk TLS to endpoints.", CLIENT),
    Flag("--grpc-client-tls-cert", default="", help="File with the certificate shown to endpoints.", group=CLIENT),
    Flag("--grpc-client-tls-key", default="", help="File with the key of the certificate.", group=CLIENT),
    Flag("--grpc-client-tls-ca", default="", help="File with the CA of the endpoints' certificates.", group=CLIENT),
    Flag("--grpc-client-server-name", default="", help="Name expected in the endpoints' certificates.", group=CLIENT),
    refused("--grpc-client-tls-skip-verify", Kind.BOOLEAN, default="false",
            why="grpcio cannot skip the verification of certificates"),
    refused("--grpc-client-tls-min-version", default="1.2",
            why="grpcio cannot set the lowest TLS version; it is 1.2, the only value that is true"),
    refused("--grpc-compression", default="none", why="grpcio cannot speak snappy"),
)  # fmt: skip

QUERY_FLAG_SET = FlagSet(SERVER_FLAGS, ENDPOINT_FLAGS, QUERY_FLAGS, TENANCY_FLAGS, WEB_FLAGS, CLIENT_FLAGS)
