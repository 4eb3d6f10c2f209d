"""Frames as columns on the wire: what was written is read, and what was not is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.errors import LimitError, StoreError
from promontory.kernels import wire_encode, wire_frame
from promontory.model.context import Budget
from promontory.model.frame import Frame
from promontory.model.labels import Labels
from promontory.model.symbols import SymbolTable
from promontory.store.frames import slice_rows
from promontory.store.rpc import frame_reader, frame_writer
from promontory.store.rpc.blank_bytes import make_blank_bytes
from promontory.store.rpc.frame_layout import HEADER, TAG, Counts
from promontory.store.rpc.frame_reader import FrameReader, is_frame
from promontory.store.rpc.frame_writer import FrameWriter, fill_messages
from promontory.store.rpc.proto import store_pb2
from promontory.testing.memory_store import MemoryChunk, MemorySeries, read_series
from tests.store.rpc.messages import memory_series
from tests.store.rpc.test_encode import frame_of

TWO = [
    MemorySeries(
        Labels.from_mapping({"__name__": "up", "pod": pod}),
        tuple(MemoryChunk(t, t + 9, bytes([t, 2, 3]), source=b'replica="a"') for t in (10, 20)),
    )
    for pod in ("a", "b")
]
HEADER_AT = len(TAG) + 2  # a length of two bytes


def write(frame: Frame, message_bytes: int = 1 << 20) -> list[bytes]:
    writer = FrameWriter()
    return [writer.write(held) for held in fill_messages([frame], message_bytes)]


def read(messages: list[bytes], budget: Budget | None = None) -> list[Frame]:
    reader = FrameReader(SymbolTable(), budget or Budget(), endpoint="10.0.0.1:10901")
    return [reader.read(message) for message in messages]


@settings(max_examples=80, deadline=None)
@given(memory_series(), st.sampled_from([1, 30, 1 << 20]))
def test_frames_come_as_they_went(series: list[MemorySeries], message_bytes: int) -> None:
    messages = write(frame_of(series), message_bytes)
    assert read_series(read(messages)) == series
    assert all(is_frame(message) for message in messages)
    for message in messages:
        response = store_pb2.SeriesResponse.FromString(message)
        assert [field.name for field, _ in response.ListFields()] == ["frame"]
        assert message.endswith(response.frame)


@settings(max_examples=15, deadline=None)
@given(memory_series())
def test_kernels_equal_their_plain_twins(series: list[MemorySeries]) -> None:
    frame = frame_of(series)
    expected = write(frame, 30)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frame_writer, "number_symbols", wire_frame.number_symbols.py_func)
        patch.setattr(frame_writer, "copy_payloads", wire_encode.copy_payloads.py_func)
        patch.setattr(frame_reader, "find_bad_row", wire_frame.find_bad_row.py_func)
        assert write(frame, 30) == expected
        assert read_series(read(expected)) == series


def test_an_answer_holds_each_symbol_once() -> None:
    first, second = write(frame_of(TWO), 6)
    assert first.count(b"__name__") == first.count(b"replica") == 1
    assert b"__name__" not in second
    assert b"replica" not in second


def test_a_series_larger_than_a_message_goes_on_in_the_next_ones() -> None:
    chunks = tuple(MemoryChunk(t, t, bytes([t]) * 1000) for t in range(1, 25))
    series = [MemorySeries(one.labels, chunks) for one in TWO]
    messages = write(frame_of(series), 5_000)
    assert len(messages) >= 8
    assert max(map(len, messages)) < 11_000
    assert read_series(read(messages)) == series


def test_what_is_ready_together_goes_in_one_message() -> None:
    frame = frame_of(TWO)
    parts = [slice_rows(frame, row, row + 1) for row in (0, 1)]
    held = list(fill_messages(parts))
    assert held == [parts]
    message = FrameWriter().write(parts)
    assert message == FrameWriter().write([frame])
    going_on = [replace(frame, chunks=frame.chunks.take(np.array(chosen))) for chosen in ([0, 1, 2], [3])]
    again = [slice_rows(going_on[0], 0, 2), slice_rows(going_on[1], 1, 2)]
    assert read_series(read([FrameWriter().write(again)])) == TWO


def test_a_chunk_outside_its_buffer_is_never_sent() -> None:
    frame = frame_of(TWO)
    for chunks in (
        replace(frame.chunks, length=frame.chunks.length + 1_000),
        replace(frame.chunks, start=frame.chunks.start - 1_000),
    ):
        with pytest.raises(AssertionError):
            FrameWriter().write([replace(frame, chunks=chunks)])


def test_a_peer_may_send_chunks_and_rows_that_are_not_quite_in_order() -> None:
    frame = frame_of(TWO)
    late = replace(frame.chunks, min_ms=np.array([20, 10, 30, 30]))
    found = read([FrameWriter().write([replace(frame, chunks=late)])])[0]
    assert found.chunks.min_ms.tolist() == [10, 20, 30, 30]
    twice = Frame(frame.labels.take(np.array([0, 0])), frame.chunks, frame.buffers)
    assert len(read([FrameWriter().write([twice])])[0].labels) == 1


def test_the_budget_is_asked_before_columns_are_made() -> None:
    message = write(frame_of(TWO))[0]
    budget = Budget(100)
    with pytest.raises(LimitError):
        read([message], budget)
    assert budget.held_bytes == 0


def test_truncated_bytes_are_refused() -> None:
    message = write(frame_of(TWO))[0]
    for end in range(len(TAG), len(message)):
        with pytest.raises(StoreError, match=r"store 10\.0\.0\.1:10901 sent a bad Series answer: expected a Frame"):
            read([message[:end]])
    with pytest.raises(StoreError, match="expected a Frame"):
        read([message + message])


def test_changed_bytes_are_refused_or_an_answer_within_the_message() -> None:
    message = write(frame_of(TWO))[0]
    refused = 0
    for offset in range(len(message)):
        for flip in (0x01, 0x80, 0xFF):
            broken = bytearray(message)
            broken[offset] ^= flip
            try:
                frame = read([bytes(broken)])[0]
            except StoreError:
                refused += 1
                continue
            chunks = frame.chunks
            assert bool(((chunks.start >= 0) & (chunks.length >= 0)).all())
            assert bool((chunks.start + chunks.length <= len(message)).all())
            assert bool((chunks.row < len(frame.labels)).all())
            assert min(frame.labels.name.min(), frame.labels.value.min()) > 0
    assert refused > 300


@pytest.mark.parametrize("field", Counts._fields)
@pytest.mark.parametrize("number", [-1, 1 << 40, (1 << 63) - 1])
def test_counts_that_do_not_fit_the_message_are_refused(field: str, number: int) -> None:
    message = write(frame_of(TWO))[0]
    counts = Counts(*HEADER.unpack_from(message, HEADER_AT))
    assert counts.rows == len(TWO)
    header = HEADER.pack(*counts._replace(**{field: number}))
    with pytest.raises(StoreError, match="expected a Frame"):
        read([message[:HEADER_AT] + header + message[HEADER_AT + len(header) :]])


def test_blank_bytes_are_what_was_written_into_them() -> None:
    made, out = make_blank_bytes(1000)
    out[:] = np.arange(1000, dtype=np.int64).astype(np.uint8)
    assert made == bytes(number % 256 for number in range(1000))
    other, _ = make_blank_bytes(1000)
    assert other is not made
