import pytest

from promontory.errors import InputError
from querier.flags import QUERY_FLAG_SET


def test_a_manifest_for_thanos_starts() -> None:
    values = QUERY_FLAG_SET.parse(
        [
            "--log.level=info", "--log.format=logfmt", "--grpc-address=0.0.0.0:10901", "--http-address=0.0.0.0:9090",
            "--query.replica-label=prometheus_replica", "--query.replica-label=rule_replica", "--query.timeout=5m",
            "--query.lookback-delta=15m", "--endpoint=dns+sidecar:10901", "--query.auto-downsampling",
            "--query.promql-engine=thanos", "--query.max-concurrent-select=8", "--no-query.partial-response",
            "--web.external-prefix=/thanos", "--store.sd-dns-resolver=golang", "--query.enforce-tenancy=false",
            "--query.mode=local", "--grpc-compression=none", '--tracing.config=type: "OTLP"',
            "--query.telemetry.request-duration-seconds-quantiles=0.1",
        ]
    )  # fmt: skip
    assert values.texts("--query.replica-label") == ("prometheus_replica", "rule_replica")
    assert values.duration_ms("--query.lookback-delta") == 900_000
    assert not values.flag("--query.partial-response")
    assert set(values.without_effect) == {
        "--query.max-concurrent-select", "--web.external-prefix", "--store.sd-dns-resolver", "--tracing.config",
        "--query.telemetry.request-duration-seconds-quantiles",
    }  # fmt: skip


@pytest.mark.parametrize(
    "word",
    ["--query.enforce-tenancy", "--query.mode=distributed", "--store.sd-files=a.yml", "--grpc-compression=snappy",
     "--grpc-client-tls-skip-verify", "--selector.relabel-config=- action: keep", "--http.config=web.yml",
     "--endpoint-group=a:1", "--query.enable-x-functions"],
)  # fmt: skip
def test_what_would_change_answers_or_security_is_refused_by_name(word: str) -> None:
    with pytest.raises(InputError, match=f"flag {word.partition('=')[0]} is not supported yet: "):
        QUERY_FLAG_SET.parse([word])
