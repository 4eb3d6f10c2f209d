"""Strategies and builders of SeriesResponse messages, by protobuf's own classes."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from promontory.model.frame import Aggregate, Encoding
from promontory.model.labels import Labels
from promontory.store.rpc.proto import store_pb2, types_pb2
from promontory.testing.memory_store import MemoryChunk, MemorySeries

FIELDS = ("raw", "count", "sum", "min", "max", "counter")
TIMES = st.integers(-(2**63), 2**63 - 1)
# Few distinct strings, so that rows share them; some are no UTF-8.
TEXTS = st.sampled_from([b"a", b"b", b"ab", b"\xff\xfe", b"__name__", b"a rather long value 0123456789", b"\x00"])
ENCODINGS = st.sampled_from([one for one in Encoding if one is not Encoding.AGGREGATES])
LABELS = st.dictionaries(TEXTS, TEXTS, max_size=4).map(Labels.from_mapping)


@st.composite
def memory_chunks(draw: st.DrawFn) -> list[MemoryChunk]:
    """One AggrChunk as chunks: equal range and source, one chunk an aggregate."""
    low, high = sorted((draw(TIMES), draw(TIMES)))
    source = draw(st.sampled_from([b"", b'replica="a"']))
    aggregates = sorted(draw(st.sets(st.sampled_from(Aggregate), min_size=1, max_size=3)))
    return [
        MemoryChunk(low, high, draw(st.binary(max_size=20)), draw(ENCODINGS), aggregate, source)
        for aggregate in aggregates
    ]


@st.composite
def memory_series(draw: st.DrawFn) -> list[MemorySeries]:
    """Series in order, each label set once, chunks by start."""
    labels = sorted(draw(st.sets(LABELS, max_size=6)))
    found = []
    for one in labels:
        groups = draw(st.lists(memory_chunks(), max_size=3, unique_by=lambda group: group[0].min_ms))
        groups.sort(key=lambda group: group[0].min_ms)
        found.append(MemorySeries(one, tuple(chunk for group in groups for chunk in group)))
    return found


def to_proto(series: MemorySeries) -> types_pb2.Series:
    """Return the series as protobuf's own message; chunks of equal range and source share an AggrChunk."""
    message = types_pb2.Series()
    for name, value in series.labels.pairs:
        message.labels.add(name=name, value=value)
    before = None
    for chunk in series.chunks:
        key = (chunk.min_ms, chunk.max_ms, chunk.source)
        if key != before:
            message.chunks.add(min_time=chunk.min_ms, max_time=chunk.max_ms, source=chunk.source)
        before = key
        field = getattr(message.chunks[-1], FIELDS[chunk.aggregate])
        field.SetInParent()
        field.type = chunk.encoding - 1
        field.data = chunk.data
    return message


def from_proto(message: types_pb2.Series) -> MemorySeries:
    """Return protobuf's message as a series."""
    chunks = []
    for group in message.chunks:
        for aggregate, field in enumerate(FIELDS):
            if group.HasField(field):
                chunk = getattr(group, field)
                chunks.append(
                    MemoryChunk(
                        group.min_time,
                        group.max_time,
                        chunk.data,
                        Encoding(chunk.type + 1),
                        Aggregate(aggregate),
                        group.source,
                    )
                )
    return MemorySeries(Labels(tuple((one.name, one.value) for one in message.labels)), tuple(chunks))


def to_batch(series: Sequence[MemorySeries]) -> bytes:
    """Return one batch message."""
    batch = store_pb2.SeriesBatch(series=[to_proto(one) for one in series])
    return store_pb2.SeriesResponse(batch=batch).SerializeToString()


def to_singles(series: Sequence[MemorySeries]) -> list[bytes]:
    """Return one message a series."""
    return [store_pb2.SeriesResponse(series=to_proto(one)).SerializeToString() for one in series]


def from_messages(messages: Sequence[bytes]) -> list[MemorySeries]:
    """Return the series of messages by protobuf's own parser, in the order they came."""
    found = []
    for message in messages:
        response = store_pb2.SeriesResponse.FromString(message)
        parts = response.batch.series if response.HasField("batch") else [response.series]
        found.extend(from_proto(part) for part in parts)
    return found
