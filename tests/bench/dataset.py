"""The data of `make bench`, built once a machine and kept in the temporary directory.

    promontory-bench-<hash of what makes it>/
        bucket/     twelve blocks, replica="a": 5,000 series, 2,000 classic buckets, 200 native histograms
        pair/       links to those, and twelve blocks of http_requests_total as replica="b" saw it
        victoria/   the floats of bucket/ in VictoriaMetrics' own storage

A change of a generator is another directory. Servers that write get copies or links of their own.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from promontory.block.block_set import write_blocks
from promontory.model.clock import SystemClock
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.samples import Samples
from promontory.model.symbols import SymbolTable
from tests.bench.data import SAMPLES, GeneratedSeries, generate, second_replica
from tests.bench.histogram_data import NATIVE, classic_buckets, native_histograms
from tests.bench.servers import fill_victoria_metrics

BATCH = 250
HERE = Path(__file__).parent
SOURCES = ("data.py", "histogram_data.py", "dataset.py", "servers.py")


@dataclass(frozen=True, slots=True)
class Dataset:
    """Where the data lies."""

    folder: Path

    @property
    def bucket(self) -> Path:
        """Blocks of one replica."""
        return self.folder / "bucket"

    @property
    def pair(self) -> Path:
        """The same and the other replica's."""
        return self.folder / "pair"

    @property
    def victoria(self) -> Path:
        """VictoriaMetrics' storage."""
        return self.folder / "victoria"


def open_dataset() -> Dataset:
    """Return the data, building what this machine does not have yet (about a minute)."""
    return Dataset(kept_folder("promontory-bench", SOURCES, _build))


def kept_folder(name: str, sources: Iterable[str], build: Callable[[Path], None]) -> Path:
    """Return the temporary directory named by the hash of the sources, built once; half a build never has the name."""
    digest = hashlib.sha256(b"".join((HERE / source).read_bytes() for source in sources)).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"{name}-{digest}"
    if not folder.exists():
        scratch = Path(tempfile.mkdtemp(prefix=f"{name}-building-"))
        try:
            build(scratch)
            scratch.rename(folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return folder


def _build(folder: Path) -> None:
    plain = list(generate(series=5000, samples=SAMPLES))
    floats = sorted([*plain, *classic_buckets(SAMPLES)], key=lambda one: one.labels)
    print(f"building {len(floats)} series of floats and {NATIVE} in {folder}", flush=True)
    _write(folder / "bucket", _with_histograms(floats), replica="a")
    counters = sorted(
        (one for one in plain if one.labels.get(b"__name__") == b"http_requests_total"), key=lambda one: one.labels
    )
    shutil.copytree(folder / "bucket", folder / "pair", copy_function=os.link)
    _write(folder / "pair", _batches(list(second_replica(counters))), replica="b")
    fill_victoria_metrics(floats, folder / "victoria")


def _with_histograms(floats: list[GeneratedSeries]) -> Iterator[Samples]:
    before = [one for one in floats if one.labels.get(b"__name__") < NATIVE.encode()]
    yield from _batches(before)
    yield from native_histograms(SAMPLES)
    yield from _batches(floats[len(before) :])


def _batches(series: list[GeneratedSeries]) -> Iterator[Samples]:
    for first in range(0, len(series), BATCH):
        part = series[first : first + BATCH]
        yield Samples(
            labels=LabelRows.from_labels([one.labels for one in part], SymbolTable()),
            row_start=np.cumsum([0, *(len(one.values) for one in part)]),
            timestamps_ms=np.concatenate([one.timestamps_ms for one in part]),
            values=np.concatenate([one.values for one in part]),
        )


def _write(folder: Path, batches: Iterable[Samples], *, replica: str) -> None:
    write_blocks(folder, batches, clock=SystemClock(), external_labels=Labels.from_mapping({"replica": replica}))
