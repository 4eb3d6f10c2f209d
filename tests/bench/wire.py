"""Figures of the wire, with the data they were taken on.

usage: python -m tests.bench.wire [--repetitions N]

Codec: messages of 200,000 series x 8 labels with a chunk of 200 bytes each, into one symbol table and back: as series,
which every peer understands, and as Frames.
Stream: 62 MB of chunks from a server process to a client's Frames over one gRPC stream, merged (2,500 rows) and as
twelve blocks come (30,000 rows). Latency: an answer of ten rows. Best of the repetitions: the machine is shared.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing

import grpc
import numpy as np

from promontory.model.clock import SystemClock
from promontory.model.context import Budget, QueryContext
from promontory.model.frame import ChunkColumns, Frame
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.selector import Selector
from promontory.model.store_info import StoreInfo
from promontory.model.symbols import SymbolTable
from promontory.model.time_range import ALL_TIME
from promontory.store.frames import slice_rows
from promontory.store.rpc.client import RemoteStore
from promontory.store.rpc.decode import decode_series
from promontory.store.rpc.encode import encode_frame
from promontory.store.rpc.frame_reader import FrameReader
from promontory.store.rpc.frame_writer import FrameWriter, fill_messages
from promontory.store.rpc.server import add_store

CODEC_SERIES = 200_000
CHUNKS_OF_ROWS = {2_500: 48, 30_000: 4}
SMALL_ROWS = 10
CHUNK_BYTES = 516
FRAME_CHUNKS = 2_000


def make_labels(rows: int) -> list[Labels]:
    """Return label sets in order: eight labels, one of them different in every row."""
    return [
        Labels.from_mapping(
            {
                "__name__": "http_requests_total", "cluster": "eu-west-1", "code": "200", "instance": f"10.0.{row:06d}",
                "job": "api", "method": "GET", "path": f"/api/v1/{row % 50}", "pod": f"pod-{row % 1000}",
            }
        )
        for row in range(rows)
    ]  # fmt: skip


def make_frame(labels: LabelRows, *, chunks_a_row: int, chunk_bytes: int) -> Frame:
    """Return a frame whose chunks are all noise of one size."""
    rows = len(labels)
    count = rows * chunks_a_row
    times = np.tile(1_700_000_000_000 + np.arange(chunks_a_row, dtype=np.int64) * 1_800_000, rows)
    chunks = ChunkColumns(
        row=np.repeat(np.arange(rows, dtype=np.int32), chunks_a_row),
        min_ms=times,
        max_ms=times + 1_785_000,
        aggregate=np.zeros(count, np.uint8),
        encoding=np.ones(count, np.uint8),
        buffer=np.zeros(count, np.int32),
        start=np.arange(count, dtype=np.int64) * chunk_bytes,
        length=np.full(count, chunk_bytes, np.int64),
        source=np.zeros(count, np.int32),
    )
    return Frame(labels, chunks, (np.random.default_rng(1).integers(0, 256, count * chunk_bytes, np.uint8),))


class NoiseStore:
    """Series made once; codes are interned again for each query."""

    def __init__(self, rows: int) -> None:
        self._own = SymbolTable()
        labels = LabelRows.from_labels(make_labels(rows), self._own)
        chunks_a_row = CHUNKS_OF_ROWS.get(rows, 1)
        self._frame = make_frame(labels, chunks_a_row=chunks_a_row, chunk_bytes=CHUNK_BYTES)
        self._step = FRAME_CHUNKS // chunks_a_row

    def describe(self) -> StoreInfo:
        """Return a Store that can do everything."""
        return StoreInfo(name="noise", kind="store")

    async def select(self, selector: Selector, context: QueryContext) -> AsyncIterator[Frame]:
        """Yield all series, about a megabyte a Frame."""
        codes = context.symbols.adopt(self._own)
        own = self._frame.labels
        labels = LabelRows(own.row_start, codes[own.name], codes[own.value], context.symbols)
        frame = Frame(labels, self._frame.chunks, self._frame.buffers)
        for first in range(0, len(labels), self._step):
            yield slice_rows(frame, first, min(first + self._step, len(labels)))

    async def label_names(self, selector: Selector, context: QueryContext) -> list[bytes]:
        """Return nothing."""
        return []

    async def label_values(self, name: bytes, selector: Selector, context: QueryContext) -> list[bytes]:
        """Return nothing."""
        return []


def best_s(call: Callable[[], object], repetitions: int) -> float:
    """Return the shortest wall time of a call."""
    best = float("inf")
    for _ in range(repetitions):
        began_s = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - began_s)
    return best


def measure_codec(repetitions: int) -> None:
    """Print what encoding and decoding cost."""
    labels = LabelRows.from_labels(make_labels(CODEC_SERIES), SymbolTable())
    frame = make_frame(labels, chunks_a_row=1, chunk_bytes=200)
    parts = [slice_rows(frame, first, first + 2_000) for first in range(0, CODEC_SERIES, 2_000)]

    def encode() -> list[bytes]:
        return [message for part in parts for message in encode_frame(part, batch_size=1 << 20)]

    def decode() -> None:
        symbols = SymbolTable()
        for message in messages:
            decode_series(message, symbols, Budget(), endpoint="bench")

    def write() -> list[bytes]:
        writer = FrameWriter()
        return [writer.write(held) for held in fill_messages(parts)]

    def read() -> None:
        reader = FrameReader(SymbolTable(), Budget(), endpoint="bench")
        for message in columns:
            reader.read(message)

    messages, columns = encode(), write()
    size = sum(map(len, messages)) / 1e6
    for name, call in (("encode", encode), ("decode", decode), ("write Frames", write), ("read Frames", read)):
        taken_s = best_s(call, repetitions)
        print(f"{name}: {CODEC_SERIES} series x 8 labels, {size:.0f} MB: {taken_s * 1e3:.0f} ms")


def make_context(pool: ThreadPoolExecutor, *, timeout_s: float | None = None, **options: bool | str) -> QueryContext:
    """Return a context without limits."""
    return QueryContext(clock=SystemClock(), pool=pool, timeout_s=timeout_s)


async def serve(rows: int) -> None:
    """Serve noise until standard input ends; print the port."""
    with ThreadPoolExecutor(2) as pool:
        server = grpc.aio.server()
        add_store(
            server, NoiseStore(rows), new_context=lambda **options: make_context(pool, **options), is_ready=lambda: True
        )
        print(server.add_insecure_port("127.0.0.1:0"), flush=True)
        await server.start()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        await server.stop(0)


async def read_stream(port: int, repetitions: int) -> tuple[list[float], int, int]:
    """Return the seconds of each answer, and the payload bytes and rows of one."""
    remote = RemoteStore(f"127.0.0.1:{port}")
    taken_s, size, rows = [], 0, 0
    with ThreadPoolExecutor(2) as pool:
        await remote.refresh()
        for _ in range(repetitions):
            began_s = time.perf_counter()
            async with aclosing(remote.select(Selector((), ALL_TIME), make_context(pool))) as frames:
                found = [(frame.payload_bytes, len(frame.labels)) async for frame in frames]
            taken_s.append(time.perf_counter() - began_s)
            size, rows = (sum(column) for column in zip(*found, strict=True))
    await remote.close()
    return taken_s, size, rows


def measure_stream(rows: int, repetitions: int) -> None:
    """Print what a stream from another process costs."""
    taken_s, size, found = ask_server(rows, repetitions)
    print(f"stream: {found} rows, {size / 1e6:.0f} MB of chunks: {min(taken_s) * 1e3:.0f} ms")


def measure_latency(repetitions: int) -> None:
    """Print how long a small answer of another process takes."""
    taken_s, _, found = ask_server(SMALL_ROWS, 50 * repetitions)
    print(f"latency: {found} rows: p50 {statistics.median(taken_s) * 1e3:.2f} ms")


def ask_server(rows: int, repetitions: int) -> tuple[list[float], int, int]:
    """Return what `read_stream` finds at a server of its own."""
    command = [sys.executable, "-m", "tests.bench.wire", "--serve", str(rows)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        found = asyncio.run(read_stream(int(server.stdout.readline()), repetitions))
        server.stdin.close()
    return found


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repetitions", type=int, default=10)
    parser.add_argument("--serve", type=int)
    arguments = parser.parse_args()
    if arguments.serve is not None:
        asyncio.run(serve(arguments.serve))
        return
    print(f"wire, {platform.machine()}, best of {arguments.repetitions}")
    measure_codec(arguments.repetitions)
    for rows in CHUNKS_OF_ROWS:
        measure_stream(rows, arguments.repetitions)
    measure_latency(arguments.repetitions)


if __name__ == "__main__":
    main()
