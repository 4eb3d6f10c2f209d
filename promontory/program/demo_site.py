"""The demo from its first block to its last: fill a bucket, start a live pair, serve, and clean up.

Everything lives in one temporary folder, which is gone when the demo ends.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from promontory.block.block_set import write_blocks
from promontory.errors import InputError
from promontory.model.clock import Clock, SystemClock
from promontory.model.durations import DAY_MS
from promontory.model.labels import Labels
from promontory.model.samples import Samples
from promontory.program.demo_data import DemoHistory
from promontory.program.site import build
from promontory.program.standalone_flags import STANDALONE_FLAGS
from promontory.service.lifecycle import Service, run_service
from promontory.service.values import Values

REPLICAS = ("a", "b")
BLOCK_RANGE_MS = 2 * DAY_MS
PROMETHEUS_NAME = "prometheus"

PROMETHEUS_CONFIG = """\
global:
  scrape_interval: 5s
  external_labels: {{cluster: demo, replica: {replica}}}
scrape_configs:
  - job_name: prometheus
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
  - job_name: promontory
    static_configs: [{{targets: ["{promontory}"]}}]
"""

QUERIES = (
    "sum by (code) (rate(http_requests_total[5m]))",
    "histogram_quantile(0.9, sum by (le, handler) (rate(http_request_duration_seconds_bucket[5m])))",
    "topk(3, sum by (country) (increase(orders_total[1d])))",
    'sum(rate(http_requests_total{code="500"}[1h])) / sum(rate(http_requests_total[1h]))',
)


def run(values: Values) -> int:
    """Run the demo until Ctrl-C; returns the exit code. Raises InputError where a flag is wrong."""
    console = Console(stderr=True)
    clock = SystemClock()
    with tempfile.TemporaryDirectory(prefix="promontory-demo-") as name, ExitStack() as stack:
        folder = Path(name)
        bucket = folder / "bucket"
        _fill(bucket, values, clock, console)
        flags = [
            f"--bucket={bucket}",
            "--query.replica-label=replica",
            "--no-compactor",
            f"--http-address={values.text('--http-address')}",
            f"--grpc-address={values.text('--grpc-address')}",
            f"--log.level={'warn' if not values.is_given('--log.level') else values.text('--log.level')}",
            f"--log.format={values.text('--log.format')}",
            "--http-grace-period=2s",
            "--grpc-grace-period=2s",
        ]
        binary = _find_prometheus(values)
        if binary is not None:
            flags += stack.enter_context(_live_pair(binary, folder, values.text("--http-address")))
        _print_live(console, binary)
        code = run_service("demo", STANDALONE_FLAGS.parse(flags), lambda service: _serve(service, values))
    console.print("demo ended, its folder is gone")
    return code


def _fill(bucket: Path, values: Values, clock: Clock, console: Console) -> None:
    """Write both replicas' history into the bucket, with a progress bar."""
    days = values.integer("--days")
    if not 1 <= days <= 400:
        raise InputError(f"flag --days: expected 1 to 400, found {days}")
    history = DemoHistory(end_ms=clock.now_ms(), days=days)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,.0f} samples"))
    with Progress(*columns, TimeElapsedColumn(), console=console, disable=not sys.stderr.isatty()) as progress:
        for replica in REPLICAS:
            total = history.series_count * history.scrape_count
            task = progress.add_task(f"writing blocks of replica {replica}", total=total)

            def told(batches: Iterator[Samples], task: object = task) -> Iterator[Samples]:
                for batch in batches:
                    yield batch
                    progress.advance(task, len(batch.values))  # type: ignore[arg-type]

            write_blocks(
                bucket,
                told(history.samples(replica)),
                clock=clock,
                block_range_ms=BLOCK_RANGE_MS,
                external_labels=Labels.from_mapping({"cluster": "demo", "replica": replica}),
                durable=False,
            )


def _find_prometheus(values: Values) -> Path | None:
    if not values.flag("--live"):
        return None
    given = values.text("--prometheus")
    if given:
        if shutil.which(given) is None:
            raise InputError(f"flag --prometheus: expected a program, found {given!r}")
        return Path(given)
    nearby = Path(".parts") / "bin" / PROMETHEUS_NAME
    found = shutil.which(PROMETHEUS_NAME) or (str(nearby.resolve()) if nearby.exists() else None)
    return Path(found) if found else None


@contextmanager
def _live_pair(binary: Path, folder: Path, promontory: str) -> Iterator[list[str]]:
    """Run two Prometheus that scrape each itself and us; yield the flags that name them."""
    processes: list[subprocess.Popen[bytes]] = []
    flags: list[str] = []
    try:
        for replica in REPLICAS:
            data = folder / f"prometheus-{replica}"
            data.mkdir()
            port = _free_port()
            config = data / "prometheus.yml"
            config.write_text(PROMETHEUS_CONFIG.format(replica=replica, port=port, promontory=promontory))
            processes.append(_start(binary, config, data, port))
            flags.append(f"--prometheus=http://127.0.0.1:{port}={data}")
        yield flags
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


def _start(binary: Path, config: Path, data: Path, port: int) -> subprocess.Popen[bytes]:
    argv: Sequence[str] = [
        str(binary),
        f"--config.file={config}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.min-block-duration=2h",
        "--storage.tsdb.max-block-duration=2h",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    ]
    # A session of its own: Ctrl-C is ours, and they are told when we are done.
    return subprocess.Popen(argv, stdin=subprocess.DEVNULL, start_new_session=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _serve(service: Service, values: Values) -> None:
    await build(service)
    is_told = False

    def tell() -> None:
        nonlocal is_told
        if service.probes.is_ready and not is_told:
            is_told = True
            _print_ready(values.text("--http-address"))

    service.probes.listen(tell)


def _print_live(console: Console, binary: Path | None) -> None:
    if binary is None:
        console.print("no prometheus binary found: history only (put one on the PATH for a live pair)")
    else:
        console.print(f"starting a live pair of {binary.name}, scraped every 5 s")


def _print_ready(address: str) -> None:
    lines = [
        "",
        f"ready: http://{address}   (Grafana: add a data source of type Prometheus with this address)",
        "",
        "try:",
        *(f"  curl -s {address}/api/v1/query --data-urlencode '{_quoted(query)}'" for query in QUERIES),
        "",
        "one replica after the other has holes; with dedup=false you see them. Ctrl-C ends the demo.",
        "",
    ]
    print("\n".join(lines), flush=True)


def _quoted(query: str) -> str:
    return f"query={query}"
