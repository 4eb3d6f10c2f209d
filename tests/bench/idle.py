"""What a service costs before its first query: start to ready, memory, and SIGTERM to the end.

usage: python -m tests.bench.idle [--repetitions N]

Sidecar beside a real Prometheus and store over one block, in a folder and in S3; querier; standalone; kernels warmed.
The best of the repetitions is printed, the worst memory, and the help's time beside them.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.client import status_kib
from tests.bench.servers import PROMONTORY
from tests.blocks import OpenMetricsSeries, make_blocks
from tests.parts import Program, free_port, http_ok, run_program, run_prometheus, run_rclone_s3

LIMIT_READY_S = 2.0
LIMIT_MEMORY_MB = 120
LIMIT_HELP_S = 0.3
START_S = 1_700_006_400
CONFIG = "global: {external_labels: {site: here}}\n"


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds to ready and to the end, resident MB once ready."""

    ready_s: float
    memory_mb: float
    end_s: float


def measure(folder: Path, command: str, *flags: str) -> Cost:
    """Start a service, wait until it is ready, and end it."""
    port = free_port()
    argv = [PROMONTORY, command, f"--http-address=127.0.0.1:{port}", "--grpc-address=127.0.0.1:0", *flags]
    began_s = time.perf_counter()
    with run_program(
        argv, port=port, log_path=folder / f"{command}.log", ready=lambda: http_ok(port, "/-/ready")
    ) as program:
        ready_s = time.perf_counter() - began_s
        memory_mb = status_kib(program.process.pid, "VmRSS") / 1024
        end_s = _end(program)
    return Cost(ready_s, memory_mb, end_s)


def measure_help(*words: str) -> float:
    """Return the seconds that a help takes."""
    began_s = time.perf_counter()
    subprocess.run([PROMONTORY, *words, "--help"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began_s


def services(folder: Path, prometheus: Program) -> Iterator[tuple[str, ...]]:
    """Yield titles, commands and flags."""
    series = [OpenMetricsSeries("up", {"instance": "a"}, [(START_S + 60 * step, "1") for step in range(60)])]
    bucket = make_blocks(folder, series)[0].parent
    data = folder / "tsdb"
    data.mkdir()
    local = f"--objstore.config=type: FILESYSTEM\nconfig: {{directory: {bucket}}}"
    shutil.copytree(bucket, folder / "s3" / "bucket")
    with run_rclone_s3(folder / "s3") as s3:
        for title, config in (("", local), (" (S3)", f"--objstore.config={s3.config('bucket')}")):
            beside = (
                f"--prometheus.url={prometheus.url}",
                f"--tsdb.path={data}",
                "--shipper.ignore-unequal-block-size",
            )
            yield f"sidecar{title}", "sidecar", config, *beside
            yield f"store{title}", "store", config, f"--data-dir={folder / 'headers'}"
    yield "query", "query", "--endpoint=127.0.0.1:9"
    yield "standalone", "standalone", f"--bucket={bucket}", "--no-compactor"


def _end(program: Program) -> float:
    began_s = time.perf_counter()
    code = program.stop(signal.SIGTERM)
    assert code == 0, program.log
    return time.perf_counter() - began_s


def main() -> int:
    """Measure and print; exit code 1 where a bound is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repetitions", type=int, default=3)
    repetitions = parser.parse_args().repetitions
    is_met = True
    with tempfile.TemporaryDirectory() as name, run_prometheus(Path(name) / "prometheus", config=CONFIG) as prometheus:
        limits = f"(<= {LIMIT_READY_S} s, {LIMIT_MEMORY_MB} MB)"
        print(f"{'service':12} {'ready s':>8} {'memory MB':>10} {'end s':>7}   {limits}")
        for title, *words in services(Path(name), prometheus):
            costs = [measure(Path(name), *words) for _ in range(repetitions)]
            ready_s, end_s = min(cost.ready_s for cost in costs), min(cost.end_s for cost in costs)
            memory_mb = max(cost.memory_mb for cost in costs)
            print(f"{title:12} {ready_s:8.2f} {memory_mb:10.1f} {end_s:7.2f}")
            is_met &= ready_s <= LIMIT_READY_S and memory_mb <= LIMIT_MEMORY_MB
        for words in ((), ("sidecar",), ("store",), ("query",)):
            help_s = min(measure_help(*words) for _ in range(repetitions))
            print(f"{' '.join(('promontory', *words, '--help')):36} {help_s:.2f} s   (<= {LIMIT_HELP_S} s)")
            is_met &= help_s <= LIMIT_HELP_S
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
