"""`make bench`: ours beside real Prometheus and VictoriaMetrics, on the same data, in one run.

usage: python -m tests.bench [--rows REGEX] [--repetitions N] [--quick] [--json FILE] [--table FILE] [--servers LIST]

Ours is one process (`standalone`) over a FILESYSTEM bucket, and beside it two (store gateway and querier). Answers of
both are compared with Prometheus' within 1e-9: exit status 1 where one differs. A figure that is missed is marked.
"""

from __future__ import annotations

import argparse
import gc
import os
import re
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from tests.bench.agreement import disagreement
from tests.bench.client import Connection, Endpoint, Question
from tests.bench.dataset import Dataset, open_dataset
from tests.bench.figures import MEASURES, Result
from tests.bench.report import format_table, print_row, write_json, write_table
from tests.bench.rows import ROWS, Kind, Row
from tests.bench.servers import prometheus_on, services_on, standalone_on, victoria_metrics_on

# Where answers are compared, Prometheus 2.42 and 3.x must not differ by design: half a second off the grid no sample
# (0-11 ms of jitter) sits on the edge of a window, closed at the left in 2.42 and open in 3.x; and some time on
# (Row.skip_s) no window holds the start of a series, where the two order rate()'s limits differently. Of a pair, ten
# seconds off the grid the replica that Prometheus holds is the first in every window, and so the one that is chosen.
SHIFT_S, PAIR_SHIFT_S = 0.5, 10.0
REPETITIONS, QUICK = 5, 2


class Servers:
    """The servers, started when a row first needs them; all are ended where a row needs fresh ones."""

    def __init__(self, data: Dataset, folder: Path, *, names: frozenset[str]) -> None:
        self._data, self._folder, self._names = data, folder, names
        self._stack = ExitStack()
        self._running: dict[tuple[str, bool], Endpoint] = {}
        self._count = 0

    def __enter__(self) -> Servers:
        return self

    def __exit__(self, *failure: object) -> None:
        self._end()

    def of_row(self, row: Row) -> dict[str, Endpoint]:
        """Return the endpoints that a row is asked of."""
        if row.kind is Kind.MEMORY:
            self._end()
        wanted = [name for name in ("ours", "two", "prometheus") if name in self._names]
        if row.victoria is not None and "victoria" in self._names:
            wanted.append("victoria")
        return {name: self._start(name, is_pair=row.is_pair and name in ("ours", "two")) for name in wanted}

    def _start(self, name: str, *, is_pair: bool) -> Endpoint:
        key = (name, is_pair)
        if key not in self._running:
            self._count += 1
            folder = self._folder / f"{name}-{self._count}"
            data = self._data
            start: Mapping[str, Callable[[Path, Path], AbstractContextManager[Endpoint]]] = {
                "ours": standalone_on, "two": services_on, "prometheus": prometheus_on, "victoria": victoria_metrics_on,
            }  # fmt: skip
            source = data.victoria if name == "victoria" else data.pair if is_pair else data.bucket
            self._running[key] = self._stack.enter_context(start[name](source, folder))
        return self._running[key]

    def kill(self) -> None:
        """End what runs at once; what it wrote is scratch."""
        for endpoint in self._running.values():
            for process_id in endpoint.process_ids:
                os.kill(process_id, signal.SIGKILL)

    def _end(self) -> None:
        self._running.clear()
        self._stack.close()


def compare(row: Row, endpoints: Mapping[str, Endpoint]) -> str:
    """Return what differs between Prometheus' answer and ours, of one process and of two."""
    if "prometheus" not in endpoints:
        return ""
    shift_s = PAIR_SHIFT_S if row.is_pair else SHIFT_S
    question = Question(row.compared or row.text, row.step_s, shift_s=shift_s, skip_s=row.skip_s)
    bodies = {}
    for name, endpoint in endpoints.items():
        if name != "victoria":
            with Connection(endpoint) as connection:
                bodies[name] = connection.ask(question.to_request(endpoint)).body
    differences = {name: disagreement(body, bodies["prometheus"]) for name, body in bodies.items()}
    return "; ".join(f"{name}: {difference}" for name, difference in differences.items() if difference)


def main() -> int:
    """Run the bench; exit status 1 where an answer differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--rows", default="", metavar="REGEX", help="only rows whose name it is found in")
    parser.add_argument("--repetitions", type=int, default=REPETITIONS)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} repetitions")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures too")
    parser.add_argument("--table", type=Path, metavar="FILE", help="put the table between the marks of this document")
    parser.add_argument("--servers", default="ours,two,prometheus,victoria", help="only these of them")
    parser.add_argument("--list", action="store_true", help="print the rows' names and queries")
    arguments = parser.parse_args()
    rows = [row for row in ROWS if re.search(arguments.rows, row.name)]
    if arguments.list:
        print("\n".join(f"{row.name:22s} {row.text}" for row in rows))
        return 0
    gc.disable()  # millions of points are compared as objects; none of them is in a cycle
    repetitions = QUICK if arguments.quick else arguments.repetitions
    results = []
    with (
        tempfile.TemporaryDirectory(prefix="promontory-bench-run-") as folder,
        Servers(open_dataset(), Path(folder), names=frozenset(arguments.servers.split(","))) as servers,
    ):
        signal.signal(signal.SIGTERM, lambda *_: (servers.kill(), sys.exit(143)))
        for row in sorted(rows, key=lambda row: row.kind is not Kind.MEMORY):  # fresh servers serve the rest then
            endpoints = servers.of_row(row)
            figures = MEASURES[row.kind](row, endpoints, repetitions)
            results.append(Result(row, figures, compare(row, endpoints)))
            print_row(results[-1])
    table = format_table(results)
    print(f"\n{table}")
    if arguments.table:
        write_table(table, arguments.table)
    if arguments.json:
        write_json(results, arguments.json)
    return 1 if any(result.difference for result in results) else 0


if __name__ == "__main__":
    raise SystemExit(main())
