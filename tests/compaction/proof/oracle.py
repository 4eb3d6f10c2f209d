"""What compaction is to keep, computed from plain samples: one value at a time, from the definition.

    one to one   the union of the replicas; a time that both have is one sample
    windows      of a resolution r: sample t belongs to window t div r; of each window with a sample that is no NaN:
                 how many, their sum, least and greatest; and the counter as a reader of Thanos adds it up

How samples fall into chunks (batches) is not looked at: no aggregate depends on it but by the time of a window, which
is its end or, of the last of a batch, that of its last sample.
Made of a finer resolution, chunks may divide a window. Source: thanos pkg/compact/downsample.
"""

from __future__ import annotations

import bisect
import math
import struct
from collections.abc import Callable, Iterable
from dataclasses import replace

from promontory.testing.histogram_values import HistogramValue
from tests.compaction.proof.history import Content, Sample
from tests.compaction.proof.reading import Windows

FIVE_MINUTES_MS = 300_000


def unite(replicas: Iterable[Content]) -> Content:
    """Return the samples of all replicas by time; what two saw at one time has to be equal."""
    found: Content = {}
    for replica in replicas:
        for labels, samples in replica.items():
            known = dict(found.get(labels, []))
            for time_ms, value in samples:
                assert known.setdefault(time_ms, value) == value
            found[labels] = sorted(known.items(), key=lambda sample: sample[0])
    return dict(sorted(found.items()))


def cut(content: Content, start_ms: int, end_ms: int) -> Content:
    """Return the samples from `start_ms` up to and without `end_ms`, and only series that have one."""
    found = {
        labels: [sample for sample in samples if start_ms <= sample[0] < end_ms] for labels, samples in content.items()
    }
    return {labels: samples for labels, samples in found.items() if samples}


def has_windows(samples: list[Sample]) -> bool:
    """Say whether a series has a sample that downsampling counts."""
    return any(_counts(sample) for sample in samples)


def check_windows(
    samples: list[Sample], found: Windows, resolution_ms: int, *, finest_ms: int = FIVE_MINUTES_MS
) -> int:
    """Compare the aggregates of a series with its raw samples; return how many windows were compared.

    Of a resolution coarser than `finest_ms`, which is made from raw samples, counters of histograms are not compared
    here: see histogram_counters.
    """
    counted = [sample for sample in samples if _counts(sample)]
    members: dict[int, list[Sample]] = {}
    for sample in counted:
        members.setdefault(sample[0] // resolution_ms, []).append(sample)
    is_histogram = isinstance(counted[0][1], HistogramValue)
    assert set(found) == ({"count", "sum", "counter"} if is_histogram else {"count", "sum", "min", "max", "counter"})
    wanted = _histogram_windows(members) if is_histogram else _float_windows(members)
    for name, by_window in wanted.items():
        joined = _join_windows(name, found[name], resolution_ms, is_split=resolution_ms > finest_ms)
        assert [window for window, _, _ in joined] == sorted(members), name
        for window, time_ms, value in joined:
            end_ms = (window + 1) * resolution_ms - 1
            assert time_ms in (end_ms, members[window][-1][0]), f"{name}: a window at {time_ms}"
            assert value == by_window[window], f"{name} at {time_ms}"
    # Thanos may take the first histogram of a chunk of 5m for a reset: one of 1h is not what the samples grew by.
    if is_histogram and resolution_ms <= finest_ms:
        _check_histogram_counter(counted, found["counter"], resolution_ms)
    # What goes below zero is no counter, and what is made of it has no meaning.
    if not is_histogram and min(_float(value) for _, value in counted) >= 0:
        _check_counter(counted, found["counter"])
    return len(members)


def add_histograms(one: HistogramValue, other: HistogramValue, *, times: float = 1.0) -> HistogramValue:
    """Add up histograms of one schema, threshold and bounds; the empty one fits all."""
    shape = other if other.count else one
    positive = {
        index: one.positive.get(index, 0.0) + times * other.positive.get(index, 0.0)
        for index in sorted({*one.positive, *other.positive})
    }
    return replace(
        shape,
        count=one.count + times * other.count,
        sum=one.sum + times * other.sum,
        zero_count=one.zero_count + times * other.zero_count,
        positive={index: count for index, count in positive.items() if count},
    )


def _join_windows(
    name: str, chunks: list[list[Sample]], resolution_ms: int, *, is_split: bool
) -> list[tuple[int, int, object]]:
    """Return window, time and value; a window that chunks divide, which `is_split` allows, has its last time."""
    found: list[tuple[int, int, object]] = []
    for chunk in chunks:
        for number, (time_ms, bits) in enumerate(chunk):
            window, value = time_ms // resolution_ms, _number(bits)
            if is_split and number == 0 and found and found[-1][0] == window:
                value = JOINED[name](found.pop()[2], value)
            found.append((window, time_ms, value))
    return found


def _sum(one: object, other: object) -> object:
    if isinstance(one, HistogramValue):
        assert isinstance(other, HistogramValue)
        return add_histograms(one, other)
    return one + other  # type: ignore[operator]


JOINED: dict[str, Callable[..., object]] = {"count": _sum, "sum": _sum, "min": min, "max": max}


def _counts(sample: Sample) -> bool:
    return isinstance(sample[1], HistogramValue) or not math.isnan(_float(sample[1]))


def _float_windows(members: dict[int, list[Sample]]) -> dict[str, dict[int, object]]:
    values = {window: [_float(value) for _, value in samples] for window, samples in members.items()}
    return {
        "count": {window: float(len(inside)) for window, inside in values.items()},
        "sum": {window: sum(inside) for window, inside in values.items()},
        "min": {window: min(inside) for window, inside in values.items()},
        "max": {window: max(inside) for window, inside in values.items()},
    }


def _histogram_windows(members: dict[int, list[Sample]]) -> dict[str, dict[int, object]]:
    sums: dict[int, object] = {}
    for window, samples in members.items():
        total = HistogramValue()
        for _, value in samples:
            assert isinstance(value, HistogramValue)
            total = add_histograms(total, value)
        sums[window] = total
    return {"count": {window: float(len(samples)) for window, samples in members.items()}, "sum": sums}


def _check_counter(counted: list[Sample], chunks: list[list[Sample]]) -> None:
    """Read the chunks as a reader of Thanos does, and compare with the counter added up over the raw samples."""
    total, before, grown = 0.0, 0.0, [0.0]
    for number, (_, bits) in enumerate(counted):
        value = _float(bits)
        total += value if number == 0 or value < before else value - before
        before = value
        grown.append(total)
    times_ms = [time_ms for time_ms, _ in counted]
    raw = {time_ms: _float(bits) for time_ms, bits in counted}
    read, last_ms, last = 0.0, -1, 0.0
    for chunk in chunks:
        assert len(chunk) >= 2, "a counter begins with the first sample and ends with the last"
        assert chunk[0][1] == dict(counted)[chunk[0][0]], "the first sample of a batch is a raw one"
        for time_ms, bits in chunk:
            value = _float(bits)
            if time_ms > last_ms:
                read += value - last if value >= last else value
                if time_ms not in raw or time_ms != chunk[0][0]:
                    assert read == grown[bisect.bisect_right(times_ms, time_ms)], f"counter at {time_ms}"
            assert time_ms >= last_ms
            last_ms, last = time_ms, value
        ends = [_float(bits) for time_ms, bits in counted if time_ms <= chunk[-1][0]]
        assert last == ends[-1], "the counter of a batch ends with the true last value"


def _check_histogram_counter(counted: list[Sample], chunks: list[list[Sample]], resolution_ms: int) -> None:
    """Compare with the histogram added up over each batch from its first sample on; nothing stands beside windows."""
    behind_ms = counted[0][0] - 1
    for chunk in chunks:
        total, before = HistogramValue(), HistogramValue()
        grown: dict[int, HistogramValue] = {}
        for time_ms, value in counted:
            assert isinstance(value, HistogramValue)
            if time_ms > behind_ms:
                is_reset = value.count < before.count
                total = add_histograms(add_histograms(total, value), before, times=0.0 if is_reset else -1.0)
                before, grown[time_ms // resolution_ms] = value, total
        for time_ms, value in chunk:
            assert value == grown[time_ms // resolution_ms], f"counter at {time_ms}"
        behind_ms = chunk[-1][0]


def _number(value: object) -> object:
    return _float(value) if isinstance(value, int) else value


def _float(value: object) -> float:
    assert isinstance(value, int)
    number: float = struct.unpack("<d", struct.pack("<Q", value))[0]
    return number
