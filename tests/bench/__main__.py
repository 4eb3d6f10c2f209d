"""`make bench`: ours beside real Prometheus and VictoriaMetrics, on the same data, in one run.

usage: python -m tests.bench [--series N] [--repetitions N]

No result or decoded-sample cache is between repetitions; answers are compared with Prometheus' within 1e-9.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from promontory.block.block_set import write_blocks
from promontory.model.clock import SystemClock
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.samples import Samples
from promontory.model.symbols import SymbolTable
from tests.bench.data import GeneratedSeries, generate
from tests.bench.queries import (
    CLEAR_OF_EDGES_S,
    CLEAR_OF_START_S,
    QUERIES,
    Endpoint,
    Measurement,
    ask,
    disagreement,
    measure,
    status_kib,
)
from tests.bench.servers import prometheus_on, promontory_on, victoria_metrics_with
from tests.parts import Program

SAMPLES = 5760
BATCH = 250


def batch(series: list[GeneratedSeries]) -> Samples:
    """Return whole series as one batch of columns."""
    lengths = [len(one.values) for one in series]
    return Samples(
        labels=LabelRows.from_labels([one.labels for one in series], SymbolTable()),
        row_start=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        timestamps_ms=np.concatenate([one.timestamps_ms for one in series]),
        values=np.concatenate([one.values for one in series]),
    )


def write_bucket(series: list[GeneratedSeries], folder: Path) -> None:
    """Write the series as two-hour blocks and print how fast."""
    ordered = sorted(series, key=lambda one: one.labels)
    batches = [batch(ordered[at : at + BATCH]) for at in range(0, len(ordered), BATCH)]
    count = sum(len(one.values) for one in batches)
    began_s = time.perf_counter()
    labels = Labels.from_mapping({"replica": "a"})
    metas = write_blocks(folder, batches, clock=SystemClock(), external_labels=labels)
    wall_s = time.perf_counter() - began_s
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(
        f"wrote {len(metas)} blocks, {count / 1e6:.1f} M samples in {wall_s:.2f} s: {count / wall_s / 1e6:.1f} M "
        f"samples/s, {size / count:.2f} bytes a sample (must: 3 M samples/s)"
    )


def print_idle(store: Program, query: Program) -> None:
    """Print the memory of each service before its first query."""
    for name, program in (("store", store), ("query", query)):
        resident_mib = status_kib(program.process.pid, "VmRSS") / 1024
        print(f"{name}: ready with {resident_mib:.0f} MiB resident before its first query (must: 120)")


def print_row(name: str, ours: Measurement, peers: dict[str, Measurement], difference: str) -> None:
    """Print one query's line."""
    row = f"{name:27s} ours {ours.wall_s * 1e3:8.1f} ms  cpu {ours.cpu_s * 1e3:6.0f} ms"
    for peer, theirs in peers.items():
        ratio = theirs.wall_s / ours.wall_s
        row += f" | {peer} {theirs.wall_s * 1e3:8.1f} ms  cpu {theirs.cpu_s * 1e3:6.0f} ms = {ratio:5.2f}x"
    row += f" | {ours.size_bytes / 1e6:6.2f} MB | " + ("agrees" if not difference else f"DIFFERS: {difference}")
    print(row, flush=True)


def compare(ours: Endpoint, peers: list[Endpoint], repetitions: int) -> int:
    """Print a line a query; return how many answers differ from Prometheus'."""
    differing = 0
    for query in QUERIES:
        mine, theirs = (
            ask(endpoint, query, samples=SAMPLES, shift_s=CLEAR_OF_EDGES_S, skip_s=CLEAR_OF_START_S)
            for endpoint in (ours, peers[0])
        )
        difference = disagreement(mine, theirs)
        differing += bool(difference)
        figures = {peer.name: measure(peer, query, samples=SAMPLES, repetitions=repetitions) for peer in peers}
        print_row(query.name, measure(ours, query, samples=SAMPLES, repetitions=repetitions), figures, difference)
    for endpoint in (ours, *peers):
        print(f"{endpoint.name}: peak resident memory {endpoint.peak_mib():.0f} MiB")
    return differing


def main() -> int:
    """Run the bench; exit status 1 where an answer differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--series", type=int, default=5000)
    parser.add_argument("--repetitions", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="promontory-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        series = list(generate(series=arguments.series, samples=SAMPLES))
        write_bucket(series, folder / "bucket")
        victoria = stack.enter_context(victoria_metrics_with(series, folder / "victoria"))
        del series
        prometheus = stack.enter_context(prometheus_on(folder / "bucket", folder / "prometheus"))
        ours, store, query = stack.enter_context(promontory_on(folder / "bucket", folder / "ours"))
        print_idle(store, query)
        return 1 if compare(ours, [prometheus, victoria], arguments.repetitions) else 0


if __name__ == "__main__":
    raise SystemExit(main())
