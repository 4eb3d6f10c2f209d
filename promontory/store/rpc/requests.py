"""Selectors to requests of the Store API and back.

Times are sent within what Go's time of Thanos' "no bound" can hold: a Thanos sidecar hands them on as seconds to
Prometheus, where larger ones wrap round, so that nothing is found and nothing is said.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from importlib.metadata import version
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from promontory.errors import InputError
from promontory.model.frame import Aggregate
from promontory.model.matcher import Matcher, MatchKind
from promontory.model.selector import Selector, Shard
from promontory.model.time_range import TimeRange
from promontory.store.rpc.frame_layout import VERSION
from promontory.store.rpc.proto import store_pb2, types_pb2

TYPE_OF_KIND = {
    MatchKind.EQUAL: types_pb2.LabelMatcher.EQ,
    MatchKind.NOT_EQUAL: types_pb2.LabelMatcher.NEQ,
    MatchKind.REGEX: types_pb2.LabelMatcher.RE,
    MatchKind.NOT_REGEX: types_pb2.LabelMatcher.NRE,
}
KIND_OF_TYPE = {int(number): kind for kind, number in TYPE_OF_KIND.items()}

# -292273086-05-16T16:47:06Z and 292277025-08-18T07:12:54.999Z.
LEAST_TIME_MS = -9223309901257974000
GREATEST_TIME_MS = 9223309901257974999

LabelsRequest = store_pb2.LabelNamesRequest | store_pb2.LabelValuesRequest
Request = TypeVar("Request", bound=Message)
AnyRequest = store_pb2.SeriesRequest | LabelsRequest


def parse_request(kind: type[Request], body: bytes) -> Request:
    """Return a request. Raises InputError where the bytes are none."""
    try:
        return kind.FromString(body)
    except DecodeError as error:
        raise InputError(f"expected a {kind.DESCRIPTOR.full_name}, found {len(body)} other bytes: {error}") from error


def series_request(
    selector: Selector, *, partial_response: bool, batch_size: int, frame_version: int = 0
) -> store_pb2.SeriesRequest:
    """Return the request for the series of a Selector; `frame_version` 0 asks for no Frames."""
    return store_pb2.SeriesRequest(
        min_time=_time(selector.time_range.min_time_ms),
        max_time=_time(selector.time_range.max_time_ms),
        matchers=_matcher_messages(selector.matchers),
        max_resolution_window=selector.max_resolution_ms,
        aggregates=[types_pb2.Aggr.Name(aggregate) for aggregate in selector.aggregates],
        partial_response_disabled=not partial_response,
        partial_response_strategy=_strategy(partial_response=partial_response),
        skip_chunks=selector.skip_chunks,
        query_hints=_query_hints(selector),
        shard_info=None if selector.shard is None else _shard_message(selector.shard),
        without_replica_labels=selector.without_replica_labels,
        limit=selector.limit,
        response_batch_size=batch_size,
        client=client_name(),
        frame_version=frame_version,
    )


def label_names_request(selector: Selector, *, partial_response: bool) -> store_pb2.LabelNamesRequest:
    """Return the request for the label names of a Selector."""
    return store_pb2.LabelNamesRequest(
        start=_time(selector.time_range.min_time_ms),
        end=_time(selector.time_range.max_time_ms),
        matchers=_matcher_messages(selector.matchers),
        partial_response_disabled=not partial_response,
        partial_response_strategy=_strategy(partial_response=partial_response),
        without_replica_labels=selector.without_replica_labels,
        limit=selector.limit,
    )


def label_values_request(name: bytes, selector: Selector, *, partial_response: bool) -> store_pb2.LabelValuesRequest:
    """Return the request for the values of one label."""
    return store_pb2.LabelValuesRequest(
        label=name,
        start=_time(selector.time_range.min_time_ms),
        end=_time(selector.time_range.max_time_ms),
        matchers=_matcher_messages(selector.matchers),
        partial_response_disabled=not partial_response,
        partial_response_strategy=_strategy(partial_response=partial_response),
        without_replica_labels=selector.without_replica_labels,
        limit=selector.limit,
    )


def read_series_request(request: store_pb2.SeriesRequest) -> Selector:
    """Return what a Series request asks for. Raises InputError on an unknown matcher or aggregate, or a bad shard."""
    hints = request.query_hints
    return Selector(
        matchers=_read_matchers(request.matchers),
        time_range=TimeRange(request.min_time, request.max_time),
        max_resolution_ms=request.max_resolution_window,
        aggregates=_read_aggregates(request.aggregates),
        function=hints.func.name,
        step_ms=hints.step_millis,
        range_ms=hints.range.millis,
        grouping=tuple(hints.grouping.labels),
        grouping_by=hints.grouping.by,
        limit=max(0, request.limit),
        skip_chunks=request.skip_chunks,
        without_replica_labels=tuple(request.without_replica_labels),
        shard=_read_shard(request.shard_info),
    )


def read_labels_request(request: LabelsRequest) -> Selector:
    """Return what a request for label names or values asks for. Raises InputError on an unknown matcher."""
    return Selector(
        matchers=_read_matchers(request.matchers),
        time_range=TimeRange(request.start, request.end),
        limit=max(0, request.limit),
        skip_chunks=True,
        without_replica_labels=tuple(request.without_replica_labels),
    )


def wants_partial_response(request: AnyRequest) -> bool:
    """Say whether failures of parts shall become warnings (WARN) or fail the whole (ABORT)."""
    return not request.partial_response_disabled and request.partial_response_strategy != types_pb2.ABORT


@functools.cache
def client_name() -> str:
    """Return how we name ourselves to peers."""
    return f"promontory/{version('promontory')}"


def reads_frames(request: store_pb2.SeriesRequest) -> bool:
    """Say whether the client reads Frames of our version; with a shard it gets single series, as any client does."""
    return request.frame_version >= VERSION and not request.HasField("shard_info")


def is_ours(request: store_pb2.SeriesRequest) -> bool:
    """Say whether a program of ours asks: it knows every encoding that we know."""
    return request.client.startswith("promontory/")


def _time(time_ms: int) -> int:
    return min(max(time_ms, LEAST_TIME_MS), GREATEST_TIME_MS)


def _strategy(*, partial_response: bool) -> types_pb2.PartialResponseStrategy:
    return types_pb2.WARN if partial_response else types_pb2.ABORT


def _matcher_messages(matchers: Iterable[Matcher]) -> list[types_pb2.LabelMatcher]:
    return [types_pb2.LabelMatcher(type=TYPE_OF_KIND[one.kind], name=one.name, value=one.value) for one in matchers]


def _read_matchers(messages: Iterable[types_pb2.LabelMatcher]) -> tuple[Matcher, ...]:
    found = []
    for one in messages:
        kind = KIND_OF_TYPE.get(one.type)
        if kind is None:
            raise InputError(f"matcher on {one.name!r}: expected type 0 to 3, found {one.type}")
        found.append(Matcher(kind, one.name, one.value))
    return tuple(found)


def _read_aggregates(numbers: Iterable[int]) -> tuple[Aggregate, ...]:
    found = []
    for number in numbers:
        if number not in list(Aggregate):
            raise InputError(f"aggregates: expected 0 to 5, found {number}")
        found.append(Aggregate(number))
    return tuple(found) or (Aggregate.RAW,)


def _query_hints(selector: Selector) -> store_pb2.QueryHints | None:
    if not (selector.function or selector.step_ms or selector.range_ms or selector.grouping):
        return None
    return store_pb2.QueryHints(
        step_millis=selector.step_ms,
        func=store_pb2.Func(name=selector.function),
        grouping=store_pb2.Grouping(by=selector.grouping_by, labels=selector.grouping),
        range=store_pb2.Range(millis=selector.range_ms),
    )


def _shard_message(shard: Shard) -> store_pb2.ShardInfo:
    return store_pb2.ShardInfo(shard_index=shard.index, total_shards=shard.total, by=shard.by, labels=shard.labels)


def _read_shard(message: store_pb2.ShardInfo) -> Shard | None:
    if message.total_shards < 1:
        return None
    if not 0 <= message.shard_index < message.total_shards:
        raise InputError(f"shard_index: expected 0 to {message.total_shards - 1}, found {message.shard_index}")
    return Shard(index=message.shard_index, total=message.total_shards, by=message.by, labels=tuple(message.labels))
