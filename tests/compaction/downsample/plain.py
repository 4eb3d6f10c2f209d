"""Downsampling one sample at a time, from Thanos' definition: what the kernels are compared with.

Only whole floats go through here; NaN is dropped before a batch is looked at, as the definition says. A chunk is its
first and last window and the samples of each aggregate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

Point = tuple[int, float]
AGGREGATES = ("count", "sum", "min", "max", "counter")


@dataclass(frozen=True)
class Chunk:
    """The range that the index gives, and (time, value) by aggregate."""

    min_ms: int
    max_ms: int
    parts: dict[str, list[Point]] = field(default_factory=dict)


def downsample_floats(points: Sequence[Point], width_ms: int) -> list[Chunk]:
    """Return the chunks of a run of raw samples, none of them stale."""
    if not points:
        return []
    size = len(points) // count_chunks(points[0][0], points[-1][0], 60_000, width_ms, len(points)) + 1
    found, rest = [], list(points)
    while rest:
        count = min(size, len(rest))
        end_ms = end_of(rest[count - 1][0], width_ms)
        while count < len(rest) and rest[count][0] <= end_ms:
            count += 1
        batch, rest = [point for point in rest[:count] if not math.isnan(point[1])], rest[count:]
        if batch:
            found.append(_chunk_of(batch, width_ms))
    return found


def coarsen(chunks: Sequence[Chunk], from_ms: int, width_ms: int) -> list[Chunk]:
    """Return the chunks of a run of aggregate chunks of floats."""
    if not chunks:
        return []
    windows = sum(len(chunk.parts.get("count", [])) for chunk in chunks)
    wanted = count_chunks(chunks[0].min_ms, chunks[-1].max_ms, from_ms, width_ms, windows)
    size = max(len(chunks) // wanted, 1)
    return [_coarser(chunks[first : first + size], width_ms) for first in range(0, len(chunks), size)]


def count_chunks(first_ms: int, last_ms: int, from_ms: int, width_ms: int, count: int) -> int:
    """Return how many chunks are aimed at."""
    span_ms = last_ms - first_ms
    fullness = min(count / (span_ms / from_ms), 1.0) if span_ms else 1.0
    expected, chunks = int(span_ms // width_ms * fullness) + 1, 1
    while expected // chunks > 140:
        chunks += 1
    return chunks


def end_of(time_ms: int, width_ms: int) -> int:
    """Return the last millisecond of a time's window."""
    return time_ms - time_ms % width_ms + width_ms - 1


def split(points: Sequence[Point], width_ms: int) -> list[tuple[int, list[float]]]:
    """Return (time, values) of the windows of a batch."""
    found: list[tuple[int, list[float]]] = []
    for time_ms, value in points:
        ends_ms = min(end_of(time_ms, width_ms), points[-1][0])
        if found and found[-1][0] >= time_ms:
            found[-1][1].append(value)
        else:
            found.append((ends_ms, [value]))
    return found


def add(values: Sequence[float]) -> float:
    """Return the sum from zero, in order; Python's own compensates."""
    total = 0.0
    for value in values:
        total += value
    return total


def follow(values: Sequence[float]) -> list[float]:
    """Return a counter as if it had never been reset, added up by differences."""
    found = [values[0]]
    for i in range(1, len(values)):
        found.append(found[-1] + (values[i] if values[i] < values[i - 1] else values[i] - values[i - 1]))
    return found


def _chunk_of(batch: list[Point], width_ms: int) -> Chunk:
    windows = split(batch, width_ms)
    parts = {
        "count": [(time_ms, float(len(values))) for time_ms, values in windows],
        "sum": [(time_ms, add(values)) for time_ms, values in windows],
        "min": [(time_ms, min(values)) for time_ms, values in windows],
        "max": [(time_ms, max(values)) for time_ms, values in windows],
        "counter": _counter_of(batch, width_ms, batch[-1][1]),
    }
    return Chunk(windows[0][0], windows[-1][0], parts)


def _counter_of(points: list[Point], width_ms: int, last: float) -> list[Point]:
    grown = follow([value for _, value in points])
    windows = split([(time_ms, value) for (time_ms, _), value in zip(points, grown, strict=True)], width_ms)
    return [points[0], *((time_ms, values[-1]) for time_ms, values in windows), (windows[-1][0], last)]


def _coarser(chunks: Sequence[Chunk], width_ms: int) -> Chunk:
    together = {name: [point for chunk in chunks for point in chunk.parts.get(name, [])] for name in AGGREGATES}
    parts: dict[str, list[Point]] = {}
    for name, choose in (("count", add), ("sum", add), ("min", min), ("max", max)):
        if together[name]:
            parts[name] = [(time_ms, choose(values)) for time_ms, values in split(together[name], width_ms)]
    if together["counter"]:
        followed, last = _read_counter(together["counter"])
        parts["counter"] = _counter_of(followed, width_ms, last)
    times = [time_ms for name, points in parts.items() for time_ms, _ in (points[1:] if name == "counter" else points)]
    return Chunk(min(times), max(times), parts)


def _read_counter(points: Sequence[Point]) -> tuple[list[Point], float]:
    """Return a counter over several chunks as a reader sees it, and its last true value."""
    found: list[Point] = []
    last = 0.0
    for time_ms, value in points:
        if math.isnan(value):
            continue
        if not found:
            found.append((time_ms, value))
        elif time_ms > found[-1][0]:
            found.append((time_ms, found[-1][1] + (value - last if value >= last else value)))
        elif time_ms < found[-1][0]:
            continue
        last = value
    return found, last
