"""Clients of other makes get no encoding that they may not know; ours get the bytes as they are."""

from __future__ import annotations

from dataclasses import replace

import grpc
import numpy as np
import pytest

from promontory.chunk.decode_samples import decode_samples
from promontory.model.frame import Encoding
from promontory.model.labels import Labels
from promontory.model.matcher import Matcher, MatchKind
from promontory.model.selector import Selector
from promontory.model.symbols import SymbolTable
from promontory.model.time_range import ALL_TIME
from promontory.store.rpc.proto import store_pb2
from promontory.store.rpc.requests import series_request
from promontory.testing.memory_store import MemoryChunk, MemorySeries, MemoryStore
from tests.golden.chunks import GoldenChunk, columns_of, read_golden_chunks
from tests.store.rpc.messages import from_messages
from tests.store.rpc.served import Served, serve

EVERYTHING = Selector((Matcher(MatchKind.REGEX, b"n", b".+"),), ALL_TIME)
KNOWN = {Encoding.XOR, Encoding.HISTOGRAM, Encoding.FLOAT_HISTOGRAM}


def series_of(chunks: list[GoldenChunk]) -> list[MemorySeries]:
    return [
        MemorySeries(
            Labels.from_mapping({"n": f"{number:03d}"}),
            (MemoryChunk(chunk.samples[0].time_ms, chunk.samples[-1].time_ms, chunk.data, Encoding(chunk.encoding)),),
        )
        for number, chunk in enumerate(chunks)
    ]


async def ask(served: Served, client: str) -> list[bytes]:
    request = series_request(EVERYTHING, partial_response=True, batch_size=0)
    request.client = client
    async with grpc.aio.insecure_channel(served.address) as channel:
        call = channel.unary_stream("/thanos.Store/Series")(request.SerializeToString(), timeout=20)
        return [message async for message in call]


def times_and_floats(chunks: list[GoldenChunk]) -> list[tuple[list[int], list[int]]]:
    columns, data = columns_of(chunks)
    decoded = decode_samples(columns, [data], SymbolTable(), ALL_TIME, np.zeros(1, np.uint8))
    assert not decoded.status.any()
    found = []
    for number in range(len(chunks)):
        span = slice(int(decoded.chunk_start[number]), int(decoded.chunk_start[number + 1]))
        held = np.zeros(len(decoded.values), np.bool_) if decoded.histograms is None else decoded.histograms.held
        bits = np.where(held, np.uint64(0), decoded.values.view(np.uint64))
        found.append((decoded.timestamps_ms[span].tolist(), bits[span].tolist()))
    return found


@pytest.mark.parametrize("client", ["", "thanos/0.43"])
async def test_newer_encodings_are_written_again_for_clients_of_other_makes(client: str) -> None:
    chunks = read_golden_chunks()[::5]
    async with serve(MemoryStore(series_of(chunks))) as served:
        found = from_messages(await ask(served, client))
    assert {chunk.encoding for series in found for chunk in series.chunks} == KNOWN
    assert len(found) == len(chunks)
    again = []
    for golden, series in zip(chunks, found, strict=True):
        assert len(series.chunks) == 1
        again.append(replace(golden, encoding=series.chunks[0].encoding, data=series.chunks[0].data))
    assert times_and_floats(again) == times_and_floats(chunks)


async def test_a_program_of_ours_gets_the_bytes_as_they_are() -> None:
    rows = series_of(read_golden_chunks()[::5])
    async with serve(MemoryStore(rows)) as served:
        assert from_messages(await ask(served, "promontory/0.1.0")) == rows


async def test_a_chunk_that_cannot_be_written_again_is_named_and_the_others_are_sent() -> None:
    newer = next(chunk for chunk in read_golden_chunks() if chunk.encoding == Encoding.XOR2 and len(chunk.samples) > 2)
    rows = series_of([newer, newer])
    broken = MemorySeries(rows[0].labels, (MemoryChunk(0, 2**60, newer.data[:7], Encoding.XOR2),))
    async with serve(MemoryStore([broken, rows[1]])) as served:
        messages = await ask(served, "")
    warnings = [text for message in messages if (text := store_pb2.SeriesResponse.FromString(message).warning)]
    assert [b'series {n="000"}' in (text.encode() if isinstance(text, str) else text) for text in warnings] == [True]
    found = from_messages([message for message in messages if not store_pb2.SeriesResponse.FromString(message).warning])
    assert [len(series.chunks) for series in found if series.labels == rows[1].labels] == [1]
