"""Every flag of Thanos' sidecar, store and query with a value that it takes there, hidden and deprecated ones too.

Source: thanos-io/thanos cmd/thanos/{main,config,sidecar,store,query}.go and pkg/{extkingpin,store}, main branch of
August 2026.
"""

_SERVER = """
    --log.level=debug --log.format=json --debug.name=x --tracing.config=type:_OTLP --tracing.config-file=FILE
    --enable-auto-gomemlimit --no-enable-auto-gomemlimit --auto-gomemlimit.ratio=0.9
    --http-address=0.0.0.0:10902 --http-grace-period=2m --http.config=web.yml
    --grpc-address=:10901 --grpc-grace-period=2m --grpc-server-max-connection-age=60m
    --grpc-server-tls-cert=cert.pem --grpc-server-tls-key=key.pem --grpc-server-tls-client-ca=ca.pem
    --grpc-server-tls-min-version=1.3 --grpc-server-tls-ciphers=TLS_AES_128_GCM_SHA256 --grpc-server-tls-curves=X25519
    --request.logging-config=http:_{} --request.logging-config-file=FILE
    --store.limits.request-series=1000 --store.limits.request-samples=1000
"""
_BUCKET = "--objstore.config=type:_MEMORY --objstore.config-file=FILE"

SIDECAR = f"""{_SERVER} {_BUCKET}
    --prometheus.url=http://localhost:9090 --prometheus.ready_timeout=10m --prometheus.get_config_interval=30s
    --prometheus.get_config_timeout=30s --prometheus.http-client=basic_auth:_{{}} --prometheus.http-client-file=FILE
    --tsdb.path=./data --min-time=-2h45m
    --reloader.config-file=a --reloader.config-envsubst-file=a --reloader.rule-dir=a --reloader.watch-interval=3m
    --reloader.retry-interval=5s --reloader.method=signal --reloader.process-name=prometheus
    --shipper.upload-compacted --shipper.ignore-unequal-block-size --shipper.allow-out-of-order-uploads
    --shipper.skip-corrupted-blocks --hash-func=SHA256 --shipper.meta-file-name=thanos.shipper.json
    --shipper.upload-concurrency=4
"""

STORE = f"""{_SERVER} {_BUCKET}
    --objstore-parquet.config=type:_MEMORY --objstore-parquet.config-file=FILE
    --data-dir=./data --cache-index-header --no-cache-index-header --index-cache-size=250MB
    --index-cache.config=type:_IN-MEMORY --index-cache.config-file=FILE --store.caching-bucket.config=type:_IN-MEMORY
    --store.caching-bucket.config-file=FILE --chunk-pool-size=2GB --store.grpc.touched-series-limit=10
    --store.grpc.series-sample-limit=10 --store.grpc.downloaded-bytes-limit=1GB --store.grpc.series-max-concurrency=20
    --sync-block-duration=15m --block-discovery-strategy=recursive --block-sync-concurrency=20
    --block-meta-fetch-concurrency=32 --debug.series-batch-size=10000 --debug.estimated-max-series-size=65536
    --debug.estimated-max-chunk-size=16000 --min-time=-6w --max-time=2026-01-31T12:00:00Z
    --selector.relabel-config=[] --selector.relabel-config-file=FILE
    --store.index-header-posting-offsets-in-mem-sampling=32 --consistency-delay=30m --ignore-deletion-marks-delay=24h
    --store.enable-index-header-lazy-reader --store.index-header-lazy-reader-idle-timeout=5m
    --store.index-header-lazy-download-strategy=lazy --store.enable-lazy-expanded-postings
    --store.posting-group-max-key-series-ratio=100 --web.disable --web.external-prefix=/x --web.prefix-header=X
    --web.disable-cors --bucket-web-label=cluster --matcher-cache-size=100 --disable-admin-operations
"""

QUERY = f"""{_SERVER}
    --grpc-client-tls-secure --no-grpc-client-tls-secure --grpc-client-tls-skip-verify --grpc-client-tls-cert=cert.pem
    --grpc-client-tls-key=key.pem --grpc-client-tls-ca=ca.pem --grpc-client-server-name=x --grpc-compression=snappy
    --grpc-client-tls-min-version=1.3 --web.route-prefix=/x --web.external-prefix=/x --web.prefix-header=X
    --web.disable-cors --query.timeout=2m --query.promql-engine=thanos --query.disable-fallback
    --query.enable-x-functions --query.mode=distributed --query.max-concurrent=20 --query.lookback-delta=5m
    --query.dynamic-lookback-delta --no-query.dynamic-lookback-delta --query.max-concurrent-select=4
    --query.conn-metric.label=external_labels --deduplication.func=chain --query.replica-label=replica
    --query.partition-label=shard --query.distributed-with-overlapping-interval
    --query.instant.default.max_source_resolution=1h --query.metadata.default-time-range=0s --selector-label=a="b"
    --query.auto-downsampling --query.partial-response --no-query.partial-response --rule.partial-response
    --target.partial-response --metric-metadata.partial-response --query.active-query-path=x
    --enable-feature=promql-at-modifier --exemplar.partial-response --status.partial-response
    --query.default-evaluation-interval=1m --query.default-step=1s --store.response-timeout=0ms
    --selector.relabel-config=[] --selector.relabel-config-file=FILE --alert.query-url=http://x
    --grpc.proxy-strategy=lazy
    --query.telemetry.request-duration-seconds-quantiles=0.1 --query.telemetry.request-samples-quantiles=100
    --query.telemetry.request-series-seconds-quantiles=10 --query.tenant-header=X-Tenant
    --query.default-tenant-id=one --query.tenant-certificate-field=organization --query.enforce-tenancy
    --query.tenant-label-name=tenant_id --store.sd-dns-interval=30s --store.sd-dns-resolver=miekgdns
    --store.unhealthy-timeout=5m --endpoint.info-timeout=5s --endpoint.sd-config=endpoints:_[]
    --endpoint.sd-config-file=FILE --endpoint.sd-config-reload-interval=5m --store.sd-files=a.yml --store.sd-interval=5m
    --endpoint=dns+store:10901 --endpoint-group=store:10901 --endpoint-strict=store:10901
    --endpoint-group-strict=store:10901 --inject-test-addresses=a:1 --query.lazy-retrieval-max-buffered-responses=20
"""


def words_of(text: str, *, file: str) -> list[str]:
    """Return the words of a component, each a flag with its value; `file` is put where a file is asked for."""
    return [word.replace("_{", " {").replace(":_", ": ").replace("FILE", file) for word in text.split()]
