"""The servers of a comparison, all over the same samples: ours, real Prometheus, VictoriaMetrics.

A server ends with the bench, however that ends: the kernel kills what a killed bench leaves behind.
"""

from __future__ import annotations

import http.client
import os
import shutil
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import orjson

from tests.bench.client import Connection, Endpoint, Question
from tests.bench.data import GeneratedSeries
from tests.parts import Program, free_port, http_ok, part_path, run_program

PROMONTORY = Path(sys.prefix) / "bin" / "promontory"
# Words before a program: it is killed where its parent dies without having ended it.
WITH_PARENT = ("setpriv", "--pdeathsig", "KILL", "--")


def process_ids(program: Program) -> tuple[int, ...]:
    """Return the process of a program and its children."""
    found = [program.process.pid]
    for task in Path(f"/proc/{program.process.pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return tuple(found)


@contextmanager
def prometheus_on(blocks: Path, folder: Path) -> Iterator[Endpoint]:
    """Run the real Prometheus on links to the blocks; it is not to compact them."""
    folder.mkdir(parents=True)
    shutil.copytree(blocks, folder / "data", copy_function=os.link)
    (folder / "prometheus.yml").write_text("global: {}\n")
    port = free_port()
    argv = [
        *WITH_PARENT, part_path("prometheus"), f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn",
        "--storage.tsdb.retention.time=100y", "--enable-feature=native-histograms",
        "--storage.tsdb.min-block-duration=2h", "--storage.tsdb.max-block-duration=2h",
    ]  # fmt: skip
    with run_program(argv, port=port, log_path=folder / "log", ready=lambda: http_ok(port, "/-/ready")) as program:
        yield Endpoint("prometheus", port, process_ids(program))


@contextmanager
def victoria_metrics_on(storage: Path, folder: Path) -> Iterator[Endpoint]:
    """Run VictoriaMetrics on a copy of its storage."""
    shutil.copytree(storage, folder / "data")
    with _run_victoria_metrics(folder) as endpoint:
        yield endpoint


def fill_victoria_metrics(series: Collection[GeneratedSeries], storage: Path) -> None:
    """Import the samples as JSON lines and keep the storage, once it was seen to hold all of them when opened anew."""
    folder = storage.with_name("importing")
    folder.mkdir()
    with _run_victoria_metrics(folder) as endpoint:
        _import(series, endpoint.port)
    question = Question('sum(count_over_time({__name__!=""}[25h]))', 0)
    with _run_victoria_metrics(folder) as endpoint, Connection(endpoint) as connection:
        found = orjson.loads(connection.ask(question.to_request(endpoint)).body)["data"]["result"][0]["value"][1]
    wanted = sum(len(one.values) for one in series)
    assert float(found) == wanted, f"VictoriaMetrics kept {found} of {wanted} samples"
    (folder / "data").rename(storage)
    shutil.rmtree(folder)


@contextmanager
def _run_victoria_metrics(folder: Path) -> Iterator[Endpoint]:
    port = free_port()
    argv = [
        *WITH_PARENT, part_path("victoria-metrics"), f"-storageDataPath={folder}/data",
        f"-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=100y", "-search.maxSeries=1000000",
        "-search.maxPointsPerTimeseries=100000",
    ]  # fmt: skip
    with run_program(argv, port=port, log_path=folder / "log", ready=lambda: http_ok(port, "/health")) as program:
        yield Endpoint("victoria-metrics", port, process_ids(program), (("nocache", "1"),))


def _import(series: Iterable[GeneratedSeries], port: int) -> None:
    batch: list[bytes] = []
    for one in series:
        line = {
            "metric": one.labels.to_text(),
            "values": one.values.tolist(),
            "timestamps": one.timestamps_ms.tolist(),
        }
        batch.append(orjson.dumps(line))
        if len(batch) == 100:
            _ask(port, "POST", "/api/v1/import", b"\n".join(batch))
            batch.clear()
    _ask(port, "POST", "/api/v1/import", b"\n".join(batch))
    _ask(port, "GET", "/internal/force_flush")


def _ask(port: int, method: str, path: str, body: bytes | None = None) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    connection.request(method, path, body)
    response = connection.getresponse()
    assert response.status in (200, 204), response.read()[:300]
    connection.close()


@contextmanager
def standalone_on(bucket: Path, folder: Path, *, flags: Sequence[str] = ()) -> Iterator[Endpoint]:
    """Run ours as one process over a directory that is the bucket."""
    folder.mkdir(parents=True)
    port = free_port()
    argv = [
        *_service("standalone", port, free_port()), f"--bucket={bucket}", f"--data-dir={folder}/headers",
        "--no-compactor",
        "--query.replica-label=replica", *flags,
    ]  # fmt: skip
    with run_program(argv, port=port, log_path=folder / "log", ready=lambda: http_ok(port, "/-/ready")) as program:
        yield Endpoint("ours", port, process_ids(program))


@contextmanager
def services_on(bucket: Path, folder: Path) -> Iterator[Endpoint]:
    """Run ours as two processes, a store gateway and a querier over gRPC."""
    folder.mkdir(parents=True)
    (folder / "bucket.yml").write_text(f"type: FILESYSTEM\nconfig:\n  directory: {bucket}\n")
    store_http, store_grpc, query_http, query_grpc = (free_port() for _ in range(4))
    store_argv = [
        *_service("store", store_http, store_grpc), f"--objstore.config-file={folder}/bucket.yml",
        f"--data-dir={folder}/store",
    ]  # fmt: skip
    query_argv = [
        *_service("query", query_http, query_grpc), f"--endpoint=127.0.0.1:{store_grpc}",
        "--query.replica-label=replica",
    ]  # fmt: skip
    with (
        run_program(
            store_argv, port=store_http, log_path=folder / "store.log", ready=lambda: http_ok(store_http, "/-/ready")
        ) as store,
        run_program(
            query_argv, port=query_http, log_path=folder / "query.log", ready=lambda: http_ok(query_http, "/-/ready")
        ) as query,
    ):
        yield Endpoint("two", query_http, (*process_ids(store), *process_ids(query)))


def _service(command: str, http_port: int, grpc_port: int) -> list[str | Path]:
    return [
        *WITH_PARENT, PROMONTORY, command, f"--http-address=127.0.0.1:{http_port}",
        f"--grpc-address=127.0.0.1:{grpc_port}", "--log.level=warn",
    ]  # fmt: skip
