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
from itertools import accumulate, pairwise
from typing import Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from promontory.bucket.concurrently import map_concurrently
from promontory.bucket.port import Bucket, LocalBucket
from promontory.errors import BucketError, CorruptionError
from promontory.model.context import QueryContext, ReadTally

UNASKED_BYTES = 64 << 20
"""Room for so much is made without asking whether the objects are as large as the ranges say."""

OBJECTS_AT_ONCE = 128
"""To begin a request keeps the event loop for half a millisecond: it is not to begin a thousand in one turn."""

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


def cut_out(body: Bytes, asked: ObjectRanges) -> ReadBack:
    """Return the ranges of an object that is in memory as they would be read of it."""
    bounds = np.minimum(np.array(asked.ranges, np.int64).reshape(-1, 2), len(body))
    return ReadBack(body, bounds[:, 0], bounds[:, 1] - bounds[:, 0], {})


Reading: TypeAlias = Generator[Sequence[ObjectRanges], ReadBack, Result]


async def carry_out(reading: Reading[Result], bucket: Bucket, context: QueryContext) -> Result:
    """Return the result of a reading. Raises what it raises."""
    if isinstance(bucket, LocalBucket):
        return await context.run(_carry_out_here, reading, bucket, context.tally)
    stage = await context.run(_advance, reading, None)
    while stage.asked is not None:
        stage = await context.run(_advance, reading, _count(await _read(bucket, stage.asked), context.tally))
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


def _carry_out_here(reading: Reading[Result], bucket: LocalBucket, tally: ReadTally | None) -> Result:
    stage = _advance(reading, None)
    while stage.asked is not None:
        stage = _advance(reading, _count(_read_here(bucket, stage.asked), tally))
    return stage.results[0]


def _count(back: ReadBack, tally: ReadTally | None) -> ReadBack:
    if tally is not None:
        tally.count(requests=len(back.start), read_bytes=len(back.data))
    return back


def _read_here(bucket: LocalBucket, asked: Sequence[ObjectRanges]) -> ReadBack:
    errors: dict[int, BucketError] = {}
    spans = [list(one.ranges) for one in asked]
    if sum(end - start for ranges in spans for start, end in ranges) > UNASKED_BYTES:
        spans = [_clamp(bucket, number, one, errors) for number, one in enumerate(asked)]
    lengths = [end - start for ranges in spans for start, end in ranges]
    bounds = list(accumulate(lengths, initial=0))
    data = np.empty(bounds[-1], np.uint8)
    view, place = data.data, 0
    for number, (one, ranges) in enumerate(zip(asked, spans, strict=True)):
        last = place + len(ranges)
        if number not in errors:
            into = [view[begin:end] for begin, end in pairwise(bounds[place : last + 1])]
            try:
                lengths[place:last] = bucket.read_here(one.key, [begin for begin, _ in ranges], into)
            except BucketError as error:
                errors[number] = error
                lengths[place:last] = [0] * len(ranges)
        place = last
    return ReadBack(data, np.array(bounds[:-1], np.int64), np.array(lengths, np.int64), errors)


def _clamp(
    bucket: LocalBucket, number: int, one: ObjectRanges, errors: dict[int, BucketError]
) -> list[tuple[int, int]]:
    """Return the ranges less what the object does not hold, so that a false claim gets no room in memory."""
    size_bytes = 0
    try:
        size_bytes = bucket.size_here(one.key)
    except BucketError as error:
        errors[number] = error
    return [(min(start, size_bytes), min(end, size_bytes)) for start, end in one.ranges]


async def _read(bucket: Bucket, asked: Sequence[ObjectRanges]) -> ReadBack:
    errors: dict[int, BucketError] = {}

    async def read(number: int) -> list[bytes]:
        one = asked[number]
        try:
            return await bucket.get_ranges(one.key, one.ranges)
        except BucketError as error:
            errors[number] = error
            return [b""] * len(one.ranges)

    each_object = await map_concurrently(read, range(len(asked)), limit=OBJECTS_AT_ONCE)
    bodies = [body for each in each_object for body in each]
    start = np.cumsum([0, *(len(body) for body in bodies)])
    data = np.frombuffer(bodies[0] if len(bodies) == 1 else b"".join(bodies), np.uint8)
    return ReadBack(data, start[:-1], np.diff(start), errors)
