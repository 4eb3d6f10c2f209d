"""Compaction beside real Prometheus on the same blocks, and downsampling, with the memory each needs.

usage: python -m tests.bench.compaction [--repetitions N] [--planning]

    horizontal   three blocks of 2 h into one, four times over        Prometheus does the same
    one day      twelve blocks into one
    pass         a compactor over a bucket of the twelve: 8 h each, all checked, uploaded and read back
    vertical     two replicas of 2 h into one, sample by sample       Prometheus does the same
    penalty      the same, one replica's samples unless it has a gap
    5m           the block of one day, raw to aggregates of 5m, on one core
    planning     10,000 blocks looked through and planned (tests/bench/planning.py); --planning does this alone

The speed is that of input samples; the best of the repetitions counts. Prometheus' time is its own, from the line of
its log that tells of a compaction; our process does nothing else either. The blocks that both made are served by a
Prometheus each and asked the same.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.agreement import disagreement
from tests.bench.client import Connection, Question
from tests.bench.compaction_data import SERIES, open_replicas
from tests.bench.peer_compaction import PeerRun, compact_by_prometheus, read_meta
from tests.bench.planning import report_planning
from tests.bench.servers import prometheus_on

MUST = {"horizontal": 60, "one day": 60, "pass": 60, "vertical": 20, "penalty": 20, "5m": 25}
MOST_MIB = 500
QUESTIONS = (
    Question("sum by (job) (rate(http_requests_total[5m]))", 60),
    Question("sum by (job) (count_over_time(http_requests_total[1h]))", 600),
    Question("avg by (job) (temp_ratio)", 60),
)


@dataclass(frozen=True, slots=True)
class Figure:
    """What a kind of work needed: input samples a second of wall and of processor time, and memory above idle."""

    speed: float
    busy: float
    grown_mib: float
    outputs: tuple[Path, ...]


def report(*, repetitions: int) -> None:
    """Print all figures."""
    data = open_replicas()
    a, b = (sorted((data / name).iterdir(), key=_start_ms) for name in ("a", "b"))
    with tempfile.TemporaryDirectory(prefix="promontory-bench-", dir=data.parent) as name:
        folder = Path(name)
        print(f"{SERIES} series x 24 h, {platform.machine()}, {os.cpu_count()} cores; M samples/s of the inputs")
        threes = [a[first : first + 3] for first in range(0, len(a), 3)]
        peer = _measure_peer(a, folder / "peer", repetitions, longest_h=6)
        ours = _measure(data, "merge", threes, folder / "ours", repetitions)
        _print("horizontal", ours, peer.samples_a_second, peer.grown_mib)
        _compare(ours.outputs, peer, folder / "served")
        day = _measure(data, "merge", [a], folder / "day", repetitions)
        _print("one day", day)
        _print("pass", _measure(data, "pass", [a], folder / "pass", repetitions))
        pairs = [list(pair) for pair in zip(a, b, strict=True)][:3]
        peer = _measure_peer([block for pair in pairs for block in pair], folder / "pairs", repetitions, longest_h=2)
        ours = _measure(data, "merge", pairs, folder / "vertical", repetitions)
        _print("vertical", ours, peer.samples_a_second, peer.grown_mib)
        _compare(ours.outputs, peer, folder / "served-pairs")
        _print("penalty", _measure(data, "penalty", pairs, folder / "penalty", repetitions))
        _print("5m", _measure(data, "downsample", [day.outputs], folder / "5m", repetitions, workers=1))


def _measure(
    data: Path, kind: str, groups: Sequence[Sequence[Path]], target: Path, repetitions: int, *, workers: int = 2
) -> Figure:
    samples, took_s, cpu_s, grown_mib, outputs = 0, 0.0, 0.0, 0.0, []
    for blocks in groups:
        argv: list[object] = [sys.executable, "-m", "tests.bench.compaction_run", kind, target, *blocks]
        small = sorted((data / "small").iterdir(), key=_start_ms)
        warm = small if kind == "pass" else small[:1]
        argv += ["--workers", workers, "--repetitions", repetitions, "--warm", *warm]
        done = subprocess.run([str(word) for word in argv], check=True, capture_output=True, text=True)
        told = json.loads(done.stdout)
        samples += told["samples"]
        took_s, cpu_s = took_s + told["took_s"], cpu_s + told["cpu_s"]
        grown_mib = max(grown_mib, told["grown_mib"])
        outputs.append(Path(told["output"]))
    return Figure(samples / took_s / 1e6, samples / cpu_s / 1e6, grown_mib, tuple(outputs))


def _measure_peer(blocks: Sequence[Path], folder: Path, repetitions: int, *, longest_h: int) -> PeerRun:
    """Return the fastest of the repetitions."""
    runs = [compact_by_prometheus(blocks, folder / str(number), longest_h=longest_h) for number in range(repetitions)]
    return max(runs, key=lambda run: run.samples_a_second)


def _print(name: str, ours: Figure, peer: float = 0.0, peer_mib: float = 0.0) -> None:
    must = MUST.get(name, 0)
    verdict = "ok" if ours.speed >= must and ours.grown_mib <= MOST_MIB else "MISSED"
    asked = f" (must: {must})" if must else ""
    line = f"  {name:11} {ours.speed:6.1f}{asked}, {ours.busy:6.1f} a second of processor time, "
    line += f"{ours.grown_mib:5.0f} MiB above idle (must: {MOST_MIB}) {verdict}"
    if peer:
        line += f"; Prometheus {peer / 1e6:.1f}, {peer_mib:.0f} MiB: {ours.speed * 1e6 / peer:.2f} times as fast"
    print(line, flush=True)


def _compare(outputs: Iterable[Path], peer: PeerRun, folder: Path) -> None:
    """Ask a Prometheus over our blocks and one over Prometheus' own the same."""
    for output in outputs:
        shutil.copytree(output, folder / "ours" / output.name, copy_function=os.link)
    for one in peer.compactions:
        shutil.copytree(peer.data / one.meta.ulid, folder / "theirs" / one.meta.ulid, copy_function=os.link)
    answers: list[list[bytes]] = []
    for name in ("ours", "theirs"):
        with prometheus_on(folder / name, folder / f"by-{name}") as endpoint, Connection(endpoint) as connection:
            answers.append([connection.ask(question.to_request(endpoint)).body for question in QUESTIONS])
    differences = [disagreement(mine, other) for mine, other in zip(*answers, strict=True)]
    assert not any(differences), differences
    print(f"              {len(QUESTIONS)} answers of Prometheus over our blocks equal those over its own")


def _start_ms(block: Path) -> int:
    return read_meta(block).min_time_ms


def main() -> None:
    """Read the command line and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--planning", action="store_true")
    settings = parser.parse_args()
    if not settings.planning:
        report(repetitions=settings.repetitions)
    report_planning()


if __name__ == "__main__":
    main()
