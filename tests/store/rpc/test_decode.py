from __future__ import annotations

import pytest
from google.protobuf import any_pb2
from hypothesis import given, settings

from promontory.errors import LimitError, StoreError
from promontory.kernels import wire_decode
from promontory.model.context import Budget
from promontory.model.labels import Labels
from promontory.model.symbols import SymbolTable
from promontory.store.rpc import decode
from promontory.store.rpc.decode import Answer, decode_series
from promontory.store.rpc.proto import store_pb2, types_pb2
from promontory.testing.memory_store import MemoryChunk, MemorySeries, make_series, read_series
from tests.store.rpc.messages import FIELDS, memory_series, to_batch, to_proto, to_singles

SAMPLE = [
    make_series({"__name__": "up", "job": job, "pod": f"pod-{number}"}, [0, 15_000, 30_000], [1.0, 2.0, 3.0])
    for job in ("api", "web")
    for number in range(3)
]


def decode_message(message: bytes) -> Answer:
    return decode_series(message, SymbolTable(), Budget(), endpoint="10.0.0.1:10901")


def respond(series: types_pb2.Series) -> bytes:
    return store_pb2.SeriesResponse(series=series).SerializeToString()


@settings(max_examples=80, deadline=None)
@given(memory_series())
def test_frames_hold_what_protobuf_wrote(series: list[MemorySeries]) -> None:
    assert read_series([decode_message(to_batch(series)).frame]) == series
    assert read_series([decode_message(b"".join(to_singles(series))).frame]) == series


@settings(max_examples=15, deadline=None)
@given(memory_series())
def test_kernels_equal_their_plain_twins(series: list[MemorySeries]) -> None:
    message = to_batch(series)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decode.wire, "count_message", wire_decode.count_message.py_func)
        patch.setattr(decode.wire, "read_message", wire_decode.read_message.py_func)
        plain = decode_message(message)
    assert read_series([plain.frame]) == read_series([decode_message(message).frame])


def test_warnings_hints_and_unknown_fields_stand_between_series() -> None:
    parts = [
        store_pb2.SeriesResponse(warning=b"a store \xff is down").SerializeToString(),
        to_batch(SAMPLE[:2]),
        store_pb2.SeriesResponse(hints=any_pb2.Any(type_url="x")).SerializeToString(),
        b"\x98\x06\x05" + b"\x9d\x06abcd" + b"\x99\x06abcdefgh" + b"\x9a\x06\x03abc",
        *to_singles(SAMPLE[2:]),
    ]
    answer = decode_message(b"".join(parts))
    assert answer.warnings == ("a store \N{REPLACEMENT CHARACTER} is down",)
    assert read_series([answer.frame]) == SAMPLE


def test_a_series_that_goes_on_in_the_next_message_is_one_row() -> None:
    halves = [MemorySeries(SAMPLE[0].labels, (MemoryChunk(t, t, b"x"),)) for t in (30, 10, 20)]
    frame = decode_message(b"".join(to_singles(halves))).frame
    assert len(frame.labels) == 1
    assert frame.chunks.min_ms.tolist() == [10, 20, 30]


def test_a_label_with_an_empty_value_is_no_label() -> None:
    series = to_proto(SAMPLE[0])
    series.labels.add(name=b"zone", value=b"")
    assert decode_message(respond(series)).frame.labels.labels(0) == SAMPLE[0].labels


def test_later_scalars_win_as_in_protobuf() -> None:
    name = types_pb2.Label(name=b"old").SerializeToString() + types_pb2.Label(name=b"a", value=b"b").SerializeToString()
    message = b"\x0a" + bytes([len(name) + 2]) + b"\x0a" + bytes([len(name)]) + name
    assert store_pb2.SeriesResponse.FromString(message).series.labels[0].name == b"a"
    assert decode_message(message).frame.labels.labels(0) == Labels(((b"a", b"b"),))


@pytest.mark.parametrize("names", [(b"b", b"a"), (b"a", b"a"), (b"", b"a"), (b"ab", b"a"), (b"b\x00", b"b")], ids=repr)
def test_labels_out_of_order_are_refused_in_the_first_row_and_after_a_good_one(names: tuple[bytes, bytes]) -> None:
    series = types_pb2.Series(labels=[types_pb2.Label(name=name, value=b"v") for name in names])
    for before in (b"", to_batch(SAMPLE), respond(types_pb2.Series(labels=series.labels[:1])) if names[0] else b""):
        with pytest.raises(StoreError, match=r"store 10\.0\.0\.1:10901 .* sorted by name"):
            decode_message(before + respond(series))


def test_sources_of_no_chunk_take_no_room_of_strings() -> None:
    series = to_proto(SAMPLE[0])
    for number in range(2000):
        series.chunks.add(min_time=number, source=b"replica %d" % number)
    message = respond(series)
    with pytest.MonkeyPatch.context() as patch:  # the plain twin sees where an array ends
        patch.setattr(decode.wire, "count_message", wire_decode.count_message.py_func)
        patch.setattr(decode.wire, "read_message", wire_decode.read_message.py_func)
        assert read_series([decode_message(message).frame]) == SAMPLE[:1]
    assert read_series([decode_message(message).frame]) == SAMPLE[:1]


def test_an_encoding_beyond_a_byte_is_refused() -> None:
    for number in (254, 2**31 - 1, -1):
        series = to_proto(SAMPLE[0])
        series.chunks[0].raw.type = number  # type: ignore[assignment]
        with pytest.raises(StoreError, match="encoding of one byte"):
            decode_message(respond(series))


def test_truncated_bytes_are_an_error_or_a_prefix_and_never_more() -> None:
    message = to_batch(SAMPLE[:2])
    for end in range(1, len(message)):
        with pytest.raises(StoreError, match="break its format"):
            decode_message(message[:end])
    message = b"".join(to_singles(SAMPLE[:2]))
    first = len(to_singles(SAMPLE[:1])[0])
    for end in range(1, len(message)):
        if end == first:
            assert read_series([decode_message(message[:end]).frame]) == SAMPLE[:1]
            continue
        with pytest.raises(StoreError, match="break its format"):
            decode_message(message[:end])


def test_flipped_bytes_are_an_error_or_an_answer_within_the_message() -> None:
    message = to_batch(SAMPLE[:2])
    for offset in range(len(message)):
        for flip in (0x01, 0x80, 0xFF):
            broken = bytearray(message)
            broken[offset] ^= flip
            try:
                frame = decode_message(bytes(broken)).frame
            except StoreError:
                continue
            chunks = frame.chunks
            assert bool(((chunks.start >= 0) & (chunks.length >= 0)).all())
            assert bool((chunks.start + chunks.length <= len(message)).all())


@pytest.mark.parametrize(
    "message",
    [
        b"\x0b\x0c",  # a group
        b"\x00\x00",  # field number 0
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",  # a length of -1
        b"\x0a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",  # a varint of eleven bytes
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00",  # a tag beyond 32 bits
        b"\x09abcdefg",  # eight bytes cut short
        b"\x0d" + b"abc",  # four bytes cut short
    ],
    ids=repr,
)
def test_bytes_that_are_no_protobuf_are_refused(message: bytes) -> None:
    with pytest.raises(StoreError, match="break its format"):
        decode_message(message)


def test_a_message_of_empty_chunks_is_refused_before_columns_are_made_of_it() -> None:
    chunk = types_pb2.AggrChunk()
    for name in FIELDS:
        getattr(chunk, name).SetInParent()
    series = types_pb2.Series(chunks=[chunk] * 40_000)
    with pytest.raises(StoreError, match=r"expected chunks with data, found 240000 chunks of 1 series"):
        decode_message(respond(series))


def test_the_budget_is_asked_before_columns_are_made() -> None:
    budget = Budget(100)
    with pytest.raises(LimitError):
        decode_series(to_batch(SAMPLE), SymbolTable(), budget, endpoint="x")
    assert budget.held_bytes == 0
    assert decode_series(to_batch(SAMPLE), SymbolTable(), Budget(1 << 20), endpoint="x").warnings == ()
