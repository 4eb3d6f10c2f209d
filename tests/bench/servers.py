"""The servers of a comparison, all over the same samples: ours, real Prometheus, VictoriaMetrics."""

from __future__ import annotations

import http.client
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from tests.bench.data import GeneratedSeries
from tests.bench.queries import Endpoint
from tests.parts import Program, free_port, http_ok, part_path, run_program, run_prometheus

PROMONTORY = Path(sys.prefix) / "bin" / "promontory"


def link_blocks(blocks: Path, target: Path) -> None:
    """Give a server its own directory of the same blocks, without copying their bytes."""
    shutil.copytree(blocks, target, copy_function=os.link)


def process_ids(program: Program) -> tuple[int, ...]:
    """Return the process of a program and its children."""
    found = [program.process.pid]
    for task in Path(f"/proc/{program.process.pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return tuple(found)


@contextmanager
def prometheus_on(blocks: Path, folder: Path) -> Iterator[Endpoint]:
    """Run the real Prometheus on the blocks."""
    folder.mkdir(parents=True)
    link_blocks(blocks, folder / "data")
    with run_prometheus(folder) as program:
        yield Endpoint("prometheus", program.port, process_ids(program))


@contextmanager
def victoria_metrics_with(series: Iterable[GeneratedSeries], folder: Path) -> Iterator[Endpoint]:
    """Run VictoriaMetrics and import the samples as JSON lines."""
    port = free_port()
    folder.mkdir(parents=True)
    argv = [
        part_path("victoria-metrics"),
        f"-storageDataPath={folder}/data",
        f"-httpListenAddr=127.0.0.1:{port}",
        "-retentionPeriod=100y",
        "-search.maxSeries=1000000",
        "-search.maxPointsPerTimeseries=100000",
    ]
    with run_program(argv, port=port, log_path=folder / "log", ready=lambda: http_ok(port, "/health")) as program:
        _import(series, port)
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
            _post(b"\n".join(batch), port, "/api/v1/import")
            batch.clear()
    _post(b"\n".join(batch), port, "/api/v1/import")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/internal/force_flush")
    assert connection.getresponse().status == 200


def _post(body: bytes, port: int, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    connection.request("POST", path, body)
    response = connection.getresponse()
    assert response.status in (200, 204), response.read()[:300]


@contextmanager
def promontory_on(blocks: Path, folder: Path) -> Iterator[tuple[Endpoint, Program, Program]]:
    """Run a store gateway over a FILESYSTEM bucket and a querier, as two processes over gRPC."""
    folder.mkdir(parents=True)
    bucket = f"type: FILESYSTEM\nconfig:\n  directory: {blocks}\n"
    (folder / "bucket.yml").write_text(bucket)
    store_http, store_grpc, query_http, query_grpc = (free_port() for _ in range(4))
    store_argv = [
        PROMONTORY,
        "store",
        f"--objstore.config-file={folder}/bucket.yml",
        f"--data-dir={folder}/store",
        f"--http-address=127.0.0.1:{store_http}",
        f"--grpc-address=127.0.0.1:{store_grpc}",
        "--log.level=warn",
    ]
    query_argv = [
        PROMONTORY,
        "query",
        f"--endpoint=127.0.0.1:{store_grpc}",
        f"--http-address=127.0.0.1:{query_http}",
        f"--grpc-address=127.0.0.1:{query_grpc}",
        "--query.replica-label=replica",
        "--log.level=warn",
    ]
    with (
        run_program(
            store_argv, port=store_http, log_path=folder / "store.log", ready=lambda: http_ok(store_http, "/-/ready")
        ) as store,
        run_program(
            query_argv, port=query_http, log_path=folder / "query.log", ready=lambda: http_ok(query_http, "/-/ready")
        ) as query,
    ):
        yield Endpoint("promontory", query_http, (*process_ids(store), *process_ids(query))), store, query
