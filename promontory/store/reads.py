"""Work that needs bytes of a bucket on its way, written once for disks and for networks.

    Reading     a generator: it yields the ranges that it needs, is sent what was read, and returns its result
    carry_out   runs it in the kernel pool; a local disk is read right there, in one hop; of any other bucket the
                event loop awaits the ranges, all at once, between two hops

One rule: what was read comes in one array, so that kernels see one buffer, and each range keeps its own failure.
Local files are read, never mapped: a file cut short under a mapping ends the process.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from promontory.bucket.concurrently import map_concurrently
from promontory.bucket.port import Bucket, LocalBucket
from promontory.errors import BucketError, CorruptionError
from promontory.model.context import QueryContext

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class ObjectRanges:
    """Byte ranges [start, end) of one object."""

    key: str
    ranges: Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class ReadBack:
    """What was read: data[start[i] : start[i] + length[i]] of range i, counted over all objects, int64[r] each.

    A range is shorter where its object ends. `errors` tells the failures by the number of the object; its ranges have
    no bytes.
    """

    data: Bytes
    start: Offsets
    length: Offsets
    errors: Mapping[int, BucketError]

    def check_whole(self, asked: ObjectRanges, *, source: str) -> None:
        """Raise the failure of a reading of one object, or CorruptionError where a range is not whole."""
        for error in self.errors.values():
            raise error
        for (start, end), length in zip(asked.ranges, self.length.tolist(), strict=True):
            if length != end - start:
                expected, found = f"{end - start} bytes", f"{length}"
                raise CorruptionError("range", source=source, offset=start, expected=expected, found=found)


Reading: TypeAlias = Generator[Sequence[ObjectRanges], ReadBack, Result]


async def carry_out(reading: Reading[Result], bucket: Bucket, context: QueryContext) -> Result:
    """Return the result of a reading. Raises what it raises."""
    if isinstance(bucket, LocalBucket):
        return await context.run(_carry_out_here, reading, bucket)
    stage = await context.run(_advance, reading, None)
    while stage.asked is not None:
        stage = await context.run(_advance, reading, await _read(bucket, stage.asked))
    return stage.results[0]


@dataclass(frozen=True, slots=True)
class _Stage(Generic[Result]):
    """Where a reading stands: what it asks for, or else its one result."""

    asked: Sequence[ObjectRanges] | None
    results: tuple[Result, ...] = ()


def _advance(reading: Reading[Result], back: ReadBack | None) -> _Stage[Result]:
    try:
        return _Stage(next(reading) if back is None else reading.send(back))
    except StopIteration as end:
        return _Stage(None, (end.value,))


def _carry_out_here(reading: Reading[Result], bucket: LocalBucket) -> Result:
    stage = _advance(reading, None)
    while stage.asked is not None:
        stage = _advance(reading, _read_here(bucket, stage.asked))
    return stage.results[0]


def _read_here(bucket: LocalBucket, asked: Sequence[ObjectRanges]) -> ReadBack:
    """Read into one array; no room is made for what a file does not hold, whatever was asked."""
    errors: dict[int, BucketError] = {}
    spans: list[list[tuple[int, int]]] = []
    for number, one in enumerate(asked):
        size_bytes = 0
        try:
            size_bytes = bucket.size_here(one.key)
        except BucketError as error:
            errors[number] = error
        spans.append([(min(start, size_bytes), min(end, size_bytes)) for start, end in one.ranges])
    lengths = [end - start for ranges in spans for start, end in ranges]
    start = np.cumsum([0, *lengths])
    data = np.empty(int(start[-1]), np.uint8)
    view, place, got = data.data, 0, np.array(lengths, np.int64)
    for number, (one, ranges) in enumerate(zip(asked, spans, strict=True)):
        last = place + len(ranges)
        into = [view[begin:end] for begin, end in pairwise(start[place : last + 1].tolist())]
        try:
            if number not in errors:
                got[place:last] = bucket.read_here(one.key, [begin for begin, _ in ranges], into)
        except BucketError as error:
            errors[number] = error
            got[place:last] = 0
        place = last
    return ReadBack(data, start[:-1], got, errors)


async def _read(bucket: Bucket, asked: Sequence[ObjectRanges]) -> ReadBack:
    errors: dict[int, BucketError] = {}

    async def read(number: int) -> list[bytes]:
        one = asked[number]
        try:
            return await bucket.get_ranges(one.key, one.ranges)
        except BucketError as error:
            errors[number] = error
            return [b""] * len(one.ranges)

    numbers = range(len(asked))
    bodies = [body for each in await map_concurrently(read, numbers, limit=len(asked)) for body in each]
    start = np.cumsum([0, *(len(body) for body in bodies)])
    data = np.frombuffer(bodies[0] if len(bodies) == 1 else b"".join(bodies), np.uint8)
    return ReadBack(data, start[:-1], np.diff(start), errors)
