"""Native histograms by remote read: chunks of every encoding go through, those of sampled answers are named."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import cramjam
import numpy as np
import pytest

from promontory.errors import StoreError
from promontory.model.clock import SystemClock
from promontory.model.context import QueryContext
from promontory.model.frame import Frame
from promontory.model.labels import Labels
from promontory.model.matcher import Matcher, MatchKind
from promontory.model.selector import Selector
from promontory.model.time_range import ALL_TIME
from promontory.store.prometheus.client import PrometheusClient
from promontory.store.prometheus.store import PrometheusState, PrometheusStore
from tests.chunk.test_decode_samples import decode, samples_of
from tests.golden.chunks import GoldenChunk, exactly, read_golden_chunks
from tests.kernels.test_remote_read import delimited, frame, label, number

METRIC = Selector((Matcher(MatchKind.EQUAL, b"__name__", b"m"),), ALL_TIME)
NAME = label(b"__name__", b"m")


@asynccontextmanager
async def store_of(kind: str, body: bytes) -> AsyncIterator[PrometheusStore]:
    """Give a store over a server that answers every remote read with a body of that content type."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        client = PrometheusClient(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        store = PrometheusStore(client, name="sidecar")
        store.state = PrometheusState(Labels.from_mapping({"region": "north"}))
        yield store
        await client.close()


async def select(store: PrometheusStore, *, partial_response: bool = True) -> tuple[list[Frame], list[str]]:
    with ThreadPoolExecutor(1) as pool:
        context = QueryContext(clock=SystemClock(), pool=pool, partial_response=partial_response)
        return [found async for found in store.select(METRIC, context)], list(context.warnings)


def streamed(chunk: GoldenChunk) -> bytes:
    times = (number(1, chunk.samples[0].time_ms), number(2, chunk.samples[-1].time_ms))
    return delimited(2, b"".join(times) + number(3, chunk.encoding) + delimited(4, chunk.data))


async def test_streamed_chunks_of_every_encoding_go_through() -> None:
    chunks = [chunk for chunk in read_golden_chunks() if len(chunk.samples) > 2][::9]
    chunks.sort(key=lambda chunk: chunk.samples[0].time_ms)
    assert {chunk.encoding for chunk in chunks} == {2, 3, 4, 5, 6}
    body = frame(delimited(1, NAME + b"".join(map(streamed, chunks))))
    async with store_of("application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse", body) as store:
        frames, warnings = await select(store)
    (found,) = frames
    assert warnings == []
    assert found.labels.labels(0) == Labels.from_mapping({"__name__": "m", "region": "north"})
    decoded = decode(found.chunks, np.concatenate(found.buffers))
    for place, chunk in enumerate(chunks):
        assert exactly(samples_of(decoded, place)) == exactly(chunk.samples)


async def test_histograms_of_a_sampled_answer_are_named_in_a_warning_or_fail_it() -> None:
    sample = delimited(2, b"\x09" + struct.pack("<d", 1.5) + number(2, 1000))
    message = delimited(1, delimited(1, NAME + sample + delimited(4, b"") + delimited(4, number(15, 7))))
    body = bytes(cramjam.snappy.compress_raw(message))
    async with store_of("application/x-protobuf", body) as store:
        (found,), (warning,) = await select(store)
        assert len(found.chunks) == 1
        assert "2 native histograms, which are left out" in warning
        with pytest.raises(StoreError, match="2 native histograms"):
            await select(store, partial_response=False)
