"""Selector: what to read from a Store."""

from __future__ import annotations

from dataclasses import dataclass

from promontory.model.frame import Aggregate
from promontory.model.matcher import Matcher
from promontory.model.time_range import TimeRange


@dataclass(frozen=True, slots=True)
class Shard:
    """Keep series whose hash over the chosen labels is `index` modulo `total`.

    by=True hashes the named labels, by=False all but the named. The hash is xxhash64 over
    `name 0xFF value 0xFF` of each chosen label in order.
    """

    index: int
    total: int
    by: bool
    labels: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Projection:
    """The labels whose values matter to the reader: those named, or with by=False all but the named.

    Series that differ in other labels alone are still series of their own.
    """

    labels: tuple[bytes, ...]
    by: bool

    def __str__(self) -> str:
        names = ", ".join(name.decode(errors="replace") for name in self.labels)
        return f"({names})" if self.by else f"all but ({names})"


@dataclass(frozen=True, slots=True)
class Selector:
    """Matchers, an inclusive time range, and what the reader is going to do with the samples.

    `limit` 0 is no limit. `without_replica_labels` are stripped by the Store before it sorts; what was stripped
    becomes the chunks' `source`. Function, step, range, grouping and projection (None: all labels matter) are hints:
    a Store may ignore them.
    """

    matchers: tuple[Matcher, ...]
    time_range: TimeRange
    max_resolution_ms: int = 0
    aggregates: tuple[Aggregate, ...] = (Aggregate.RAW,)
    function: str = ""
    step_ms: int = 0
    range_ms: int = 0
    grouping: tuple[bytes, ...] = ()
    grouping_by: bool = False
    limit: int = 0
    skip_chunks: bool = False
    without_replica_labels: tuple[bytes, ...] = ()
    shard: Shard | None = None
    projection: Projection | None = None
