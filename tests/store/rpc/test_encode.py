from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.kernels import wire_encode
from promontory.kernels.compile import Kernel
from promontory.kernels.wire import read_field, read_long_field, size_varint
from promontory.model.clock import SystemClock
from promontory.model.context import Budget, QueryContext
from promontory.model.frame import Frame
from promontory.model.labels import Labels
from promontory.model.symbols import SymbolTable
from promontory.store.rpc import encode
from promontory.store.rpc.decode import decode_series
from promontory.store.rpc.encode import MESSAGE_BYTES, encode_frame
from promontory.store.rpc.proto import store_pb2
from promontory.testing.memory_store import MemoryChunk, MemorySeries, make_frame, read_series
from tests.store.rpc.messages import from_messages, memory_series, to_batch, to_singles


def frame_of(series: list[MemorySeries]) -> Frame:
    with ThreadPoolExecutor(1) as pool:
        return make_frame(series, QueryContext(clock=SystemClock(), pool=pool))


@settings(max_examples=80, deadline=None)
@given(memory_series())
def test_messages_are_the_bytes_that_protobuf_writes(series: list[MemorySeries]) -> None:
    frame = frame_of(series)
    assert encode_frame(frame, batch_size=1) == to_singles(series)
    assert encode_frame(frame, batch_size=1000) == ([to_batch(series)] if series else [])


@settings(max_examples=50, deadline=None)
@given(memory_series(), st.integers(0, 4), st.integers(60, 200))
def test_cut_messages_hold_the_same_series(series: list[MemorySeries], batch_size: int, limit: int) -> None:
    messages = encode_frame(frame_of(series), batch_size=batch_size, message_bytes=limit)
    found = from_messages(messages)
    assert read_series([frame_of(found)]) == series
    assert read_series([decode_series(b"".join(messages), SymbolTable(), Budget(), endpoint="x").frame]) == series
    for message in messages:
        assert len(store_pb2.SeriesResponse.FromString(message).batch.series) <= max(batch_size, 1)


@settings(max_examples=10, deadline=None)
@given(memory_series(), st.integers(1, 3))
def test_kernels_equal_their_plain_twins(series: list[MemorySeries], batch_size: int) -> None:
    frame = frame_of(series)
    expected = encode_frame(frame, batch_size=batch_size, message_bytes=150)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("size_groups", "plan_messages", "write_messages", "copy_payloads"):
            patch.setattr(encode.wire, name, vars(wire_encode)[name].py_func)
        assert encode_frame(frame, batch_size=batch_size, message_bytes=150) == expected


def test_messages_stay_below_a_mebibyte_and_a_larger_series_goes_on_in_the_next() -> None:
    chunks = tuple(MemoryChunk(t, t, bytes(100_000)) for t in range(1, 25))
    series = [MemorySeries(Labels.from_mapping({"pod": pod}), chunks) for pod in ("a", "b")]
    for batch_size in (1, 64):
        messages = encode_frame(frame_of(series), batch_size=batch_size)
        assert all(len(message) <= MESSAGE_BYTES for message in messages)
        assert 5 <= len(messages) <= 6
        assert read_series([frame_of(from_messages(messages))]) == series


def test_chunks_in_any_order_share_their_aggrchunk() -> None:
    with ThreadPoolExecutor(1) as pool:
        context = QueryContext(clock=SystemClock(), pool=pool)
        rows = [MemoryChunk(t, t + 1, bytes([a, t]), aggregate=a) for a in (1, 2) for t in (5, 3)]  # type: ignore[arg-type]
        frame = make_frame([MemorySeries(Labels.from_mapping({"a": "b"}), tuple(rows))], context)
    message = encode_frame(frame, batch_size=0)[0]
    found = store_pb2.SeriesResponse.FromString(message).series.chunks
    assert [(one.min_time, one.count.data, one.sum.data) for one in found] == [
        (3, b"\x01\x03", b"\x02\x03"),
        (5, b"\x01\x05", b"\x02\x05"),
    ]


def test_a_chunk_outside_its_buffer_is_never_copied() -> None:
    frame = frame_of([MemorySeries(Labels.from_mapping({"a": "b"}), (MemoryChunk(0, 1, b"data"),))])
    broken = replace(frame, chunks=replace(frame.chunks, length=frame.chunks.length + 1))
    with pytest.raises(AssertionError):
        encode_frame(broken, batch_size=1)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=14))
def test_field_readers_equal_their_plain_twins(body: bytes) -> None:
    data = np.frombuffer(body, np.uint8)
    fast: Kernel[..., tuple[int, int, int]] = read_field
    assert read_long_field(data, 0, len(body)) == read_long_field.py_func(data, 0, len(body))
    after = fast.py_func(data, 0, len(body))
    assert after == read_long_field.py_func(data, 0, len(body)) or after[2] == -1


@pytest.mark.parametrize("number", [0, 1, 127, 128, 2**14 - 1, 2**14, 2**56 - 1, 2**56, 2**63 - 1, -1, -(2**63)])
def test_varint_sizes_are_protobufs(number: int) -> None:
    expected = max(1, ((number % 2**64).bit_length() + 6) // 7)
    assert size_varint(number) == size_varint.py_func(number) == expected
