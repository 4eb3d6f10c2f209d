"""Real Prometheus serves what was compacted, and answers as it did over the blocks before."""

from __future__ import annotations

import shutil
import urllib.parse
import urllib.request
from collections.abc import Iterable
from pathlib import Path

import pytest

from promontory.block.meta import BlockMeta
from promontory.compaction.settings import CompactionSettings
from tests.compaction.proof.history import DAY_MS, EPOCH_MS, HOUR_MS, Stream, write_history
from tests.compaction.proof.passes import run_pass
from tests.compaction.proof.sites import Site, make_site
from tests.parts import run_prometheus

QUERIES = (
    "sum(rate(up_total[10m]))",
    "max_over_time(temp[30m])",
    "count_over_time(temp[1h])",
    "histogram_quantile(0.9, rate(latency[20m]))",
    "histogram_sum(latency)",
    "sparse_total",
)
END_MS = EPOCH_MS + 10 * HOUR_MS


def answers(site: Site, metas: Iterable[BlockMeta], folder: Path) -> dict[str, bytes]:
    """Return what a Prometheus over the blocks answers."""
    for meta in metas:
        shutil.copytree(site.bucket / meta.ulid, folder / "data" / meta.ulid)
    found = {}
    with run_prometheus(folder, flags=["--enable-feature=native-histograms"]) as prometheus:
        for text in QUERIES:
            question = {"query": text, "start": EPOCH_MS // 1000, "end": END_MS // 1000, "step": "420"}
            url = f"{prometheus.url}/api/v1/query_range?{urllib.parse.urlencode(question)}"
            with urllib.request.urlopen(url, timeout=30) as answer:
                found[text] = answer.read()
    return found


@pytest.mark.parts
@pytest.mark.parametrize("is_vertical", [False, True], ids=["horizontal", "vertical"])
async def test_prometheus_answers_the_same_over_the_compacted_block(is_vertical: bool, tmp_path: Path) -> None:
    site = make_site(tmp_path / "site")
    # Prometheus 2.42 knows no histograms with custom bounds.
    kinds = ("up_total", "temp", "sparse_total", "latency")
    names = ("a", "b") if is_vertical else ("a",)
    for name in names:
        stream = Stream({"cluster": "x", "replica": name}, kinds=kinds)
        write_history(site.bucket, stream.saw(EPOCH_MS, END_MS), stream.labels, born_ms=END_MS)
    before = answers(site, site.look().unmarked(), tmp_path / "before")
    settings = CompactionSettings(vertical=is_vertical, replica_labels=("replica",) if is_vertical else ())
    await run_pass(site, settings, now_ms=END_MS + DAY_MS)
    after = site.look().unmarked()
    assert any(meta.max_time_ms - meta.min_time_ms == 8 * HOUR_MS for meta in after)
    assert answers(site, after, tmp_path / "after") == before
    assert all(len(answer) > 300 for answer in before.values())
