"""Golden chunks: bytes that Prometheus wrote, and the samples that it reads from them.

`chunks.json.gz` was made by `make_chunks.go` and `edge_chunks.json.gz`, the corners of each encoding, by
`make_edge_chunks.go`; both say how. Floats are the hexadecimal digits of their bits.
"""

from __future__ import annotations

import gzip
import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from promontory.model.frame import ChunkColumns
from promontory.model.histograms import ResetHint
from promontory.testing.histogram_values import HistogramValue

WIDE_MS = 2**62


@dataclass(frozen=True, slots=True)
class GoldenSample:
    """A float by its bits or a histogram; `start_ms` is 0 where there is none."""

    time_ms: int
    start_ms: int
    bits: int | None
    histogram: HistogramValue | None


@dataclass(frozen=True, slots=True)
class GoldenChunk:
    """One chunk's payload and samples: all `count` of them, or the first and last five."""

    name: str
    encoding: int
    data: bytes
    samples: tuple[GoldenSample, ...]
    count: int


def read_golden_chunks(name: str = "chunks") -> list[GoldenChunk]:
    """Return the golden chunks of a file."""
    found = json.loads(gzip.decompress(Path(__file__).with_name(f"{name}.json.gz").read_bytes()))
    return [
        GoldenChunk(
            one["name"], one["encoding"], bytes.fromhex(one["hex"]), tuple(map(_sample, one["samples"])),
            one.get("count", len(one["samples"])),
        )
        for one in found
    ]  # fmt: skip


def exactly(samples: Sequence[GoldenSample]) -> list[object]:
    """Return what is equal where the samples are, bit for bit."""
    return [(one.time_ms, one.start_ms, one.bits, _exact_histogram(one.histogram)) for one in samples]


def columns_of(chunks: list[GoldenChunk]) -> tuple[ChunkColumns, NDArray[np.uint8]]:
    """Return the chunks as columns over one buffer."""
    count = len(chunks)
    start = np.concatenate([[0], np.cumsum([len(chunk.data) for chunk in chunks])]).astype(np.int64)
    columns = ChunkColumns(
        row=np.arange(count, dtype=np.int32), min_ms=np.full(count, -WIDE_MS), max_ms=np.full(count, WIDE_MS),
        aggregate=np.zeros(count, np.uint8), encoding=np.array([chunk.encoding for chunk in chunks], np.uint8),
        buffer=np.zeros(count, np.int32), start=start[:-1], length=np.diff(start), source=np.zeros(count, np.int32),
    )  # fmt: skip
    return columns, np.frombuffer(b"".join(chunk.data for chunk in chunks), np.uint8)


def _exact_histogram(value: HistogramValue | None) -> object:
    if value is None:
        return None
    sides = [sorted(side.items()) for side in (value.positive, value.negative)]
    numbers = (value.count, value.sum, value.zero_count, value.zero_threshold, *value.custom_values)
    numbers += tuple(count for side in sides for _, count in side)
    return (
        value.schema,
        value.hint,
        [[index for index, _ in side] for side in sides],
        struct.pack(f"{len(numbers)}d", *numbers),
    )


def _sample(found: dict[str, Any]) -> GoldenSample:
    bits = 0x7FF0000000000002 if found.get("stale") else int(found["v"], 16) if "v" in found else None
    return GoldenSample(found["t"], found["st"], bits, _histogram(found["h"]) if "h" in found else None)


def _histogram(found: dict[str, Any]) -> HistogramValue:
    return HistogramValue(
        schema=found["schema"],
        count=_float(found["count"]),
        sum=_float(found["sum"]),
        zero_count=_float(found["zero_count"]),
        zero_threshold=_float(found["zero_threshold"]),
        positive={int(index): _float(count) for index, count in found["positive"]},
        negative={int(index): _float(count) for index, count in found["negative"]},
        custom_values=tuple(map(_float, found["custom_values"])),
        hint=ResetHint(found["hint"]),
    )


def _float(digits: str) -> float:
    value: float = struct.unpack("<d", int(digits, 16).to_bytes(8, "little"))[0]
    return value
