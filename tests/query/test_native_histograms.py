"""Native histograms from a block to JSON, beside the real Prometheus on the same block.

Prometheus 2.42 knows exponential histograms; its answers are compared where 3.14 did not change the rule (quantiles
were interpolated on a straight line, and histograms had no product with a number; the behaviour scripts hold those).
"""

from __future__ import annotations

import json
import os
import shutil
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from promontory.block.writer import BlockWriter
from promontory.chunk.encode_samples import encode_samples
from promontory.model.histograms import POSITIVE, HistogramCells, Histograms, ResetHint
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.samples import Samples
from promontory.model.symbols import SymbolTable
from tests.parts import Program, part_path, run_prometheus
from tests.services.processes import run_service

pytestmark = pytest.mark.parts

START_MS = 1_700_000_000_123
STEP_MS = 15_000
SERIES, COUNT, BUCKETS = 6, 240, 12
QUERIES = [
    "latency",
    "rate(latency[5m])",
    "sum(rate(latency[5m]))",
    "sum by (job) (rate(latency[5m]))",
    "increase(latency[7m])",
    "histogram_count(latency)",
    "histogram_sum(rate(latency[5m]))",
    "histogram_fraction(0, 0.5, rate(latency[5m]))",
    "latency + on (instance) latency",
    "count(latency)",
    "topk(2, histogram_count(latency))",
    "count_over_time(latency[3m])",
    "avg_over_time(histogram_count(latency)[5m:30s])",
    "delta(temperature[5m])",
]


def make_samples(symbols: SymbolTable) -> Samples:
    """Counters with a reset each, of three schemas, and gauges that rise and fall."""
    rng = np.random.default_rng(7)
    names = ["latency"] * SERIES + ["temperature"] * 2
    labels = [
        Labels.from_mapping({"__name__": name, "instance": f"i{number}", "job": f"job{number % 2}"})
        for number, name in enumerate(names)
    ]
    rows = len(labels)
    rises = rng.poisson(3, (rows, COUNT, BUCKETS)).astype(np.float64)
    counts = np.cumsum(rises, axis=1) + 1
    counts[:, COUNT // 2 :] -= counts[:, COUNT // 2 : COUNT // 2 + 1] - 1
    counts[SERIES:] = rng.poisson(40, (rows - SERIES, COUNT, BUCKETS)) + 1.0
    size = rows * COUNT
    flat = counts.reshape(size, BUCKETS)
    keys = np.concatenate([-(POSITIVE + np.arange(3, 0, -1)), POSITIVE + np.arange(-4, BUCKETS - 7)]).astype(np.int32)
    hint = np.repeat([ResetHint.UNKNOWN] * SERIES + [ResetHint.GAUGE] * 2, COUNT)
    table = Histograms(
        schema=np.repeat(np.arange(rows) % 3, COUNT).astype(np.int8), hint=hint.astype(np.uint8),
        bounds=np.zeros(size, np.int32), zero_threshold=np.full(size, 2.0**-128), zero_count=np.full(size, 2.0),
        count=flat.sum(axis=1) + 2, sum=flat @ np.arange(BUCKETS) / 7, bucket_start=np.arange(size + 1) * BUCKETS,
        bucket_key=np.tile(keys, size), bucket_count=flat.ravel().copy(), symbols=symbols,
    )  # fmt: skip
    times = START_MS + np.arange(COUNT) * STEP_MS
    return Samples(
        LabelRows.from_labels(labels, symbols), np.arange(rows + 1) * COUNT, np.tile(times, rows), np.zeros(size),
        HistogramCells(np.arange(size, dtype=np.int32), table),
    )  # fmt: skip


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Program, Program]]:
    folder = tmp_path_factory.mktemp("histograms")
    symbols = SymbolTable()
    samples = make_samples(symbols)
    with BlockWriter(folder / "bucket", ulid="01ARZ3NDEKTSV4RRFFQ69G5FAV", symbols=symbols) as writer:
        encoded = encode_samples(samples)
        writer.add(samples.labels, encoded.columns(), [encoded.data])
        writer.finish()
    shutil.copytree(folder / "bucket", folder / "prometheus" / "data", copy_function=os.link)
    with (
        run_prometheus(folder / "prometheus", flags=["--enable-feature=native-histograms"]) as prometheus,
        run_service(
            folder, "standalone", f"--bucket={folder / 'bucket'}", "--log.level=warn", "--no-compactor"
        ) as ours,
    ):
        yield ours.program, prometheus


def ask(program: Program, path: str, **parameters: object) -> Any:
    url = f"{program.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
    with urllib.request.urlopen(url, timeout=30) as response:
        found = json.load(response)
    assert found["status"] == "success"
    return found["data"]


def test_promtool_reads_the_block(servers: tuple[Program, Program], tmp_path: Path) -> None:
    assert part_path("promtool").exists()
    ours, prometheus = servers
    assert ask(prometheus, "label/__name__/values") == ask(ours, "label/__name__/values") == ["latency", "temperature"]


@pytest.mark.parametrize("query", QUERIES)
def test_answers_equal_those_of_prometheus(servers: tuple[Program, Program], query: str) -> None:
    ours, prometheus = servers
    start = (START_MS + 10 * 60_000) // 1000
    for path, times in (
        ("query", {"time": start + 1001}),
        ("query_range", {"start": start, "end": start + 2400, "step": 60}),
    ):
        mine, theirs = (ask(server, path, query=query, **times) for server in (ours, prometheus))
        assert mine["resultType"] == theirs["resultType"]
        assert mine["result"], "an empty answer shows nothing"
        if path == "query":  # the order of an instant vector is nobody's promise
            mine["result"].sort(key=lambda row: sorted(row["metric"].items()))
            theirs["result"].sort(key=lambda row: sorted(row["metric"].items()))
        assert_equal(mine["result"], theirs["result"], f"{path} {query}")


def assert_equal(mine: Any, theirs: Any, where: str) -> None:
    """Compare two answers: the same shape, numbers within 1e-9."""
    if isinstance(theirs, dict):
        assert mine.keys() == theirs.keys(), where
        for key in theirs:
            assert_equal(mine[key], theirs[key], f"{where}.{key}")
    elif isinstance(theirs, list):
        assert len(mine) == len(theirs), where
        for number, (one, other) in enumerate(zip(mine, theirs, strict=True)):
            assert_equal(one, other, f"{where}[{number}]")
    elif isinstance(theirs, str) and mine != theirs:
        assert float(mine) == pytest.approx(float(theirs), rel=1e-9), where
    else:
        assert mine == theirs, where
