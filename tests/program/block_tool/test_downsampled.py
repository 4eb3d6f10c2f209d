"""Blocks of aggregate chunks are verified part by part, and each part is printed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from promontory.block.writer import BlockWriter
from promontory.chunk.encode import encode_series
from promontory.model.frame import Aggregate, ChunkColumns, Encoding
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.symbols import SymbolTable
from promontory.service.main import main
from tests.program.block_tool.small_block import START_MS, ULID, BrokenBlock

WINDOW_MS = 300_000
ENDS = [START_MS + WINDOW_MS, START_MS + 2 * WINDOW_MS]


def encode(times: list[int]) -> bytes:
    values = np.arange(len(times), dtype=np.float64) + 1
    chunk = encode_series(np.array([0, len(times)]), np.array(times), values).data.tobytes()
    return bytes([len(chunk), Encoding.XOR]) + chunk


def write_downsampled(folder: Path, minimum: list[int]) -> BrokenBlock:
    """Write a block of one chunk; its minimum has other times than the rest."""
    parts = [ENDS, ENDS, minimum, ENDS, [START_MS, *ENDS, ENDS[-1]]]
    payload = np.frombuffer(b"".join(map(encode, parts)), np.uint8)
    symbols = SymbolTable()
    one = np.zeros(1, np.int64)
    chunks = ChunkColumns(
        row=np.zeros(1, np.int32), min_ms=one + ENDS[0], max_ms=one + ENDS[1],
        aggregate=np.full(1, Aggregate.RAW, np.uint8), encoding=np.full(1, Encoding.AGGREGATES, np.uint8),
        buffer=np.zeros(1, np.int32), start=one, length=one + len(payload), source=np.zeros(1, np.int32),
    )  # fmt: skip
    with BlockWriter(folder, ulid=ULID, symbols=symbols, durable=False) as writer:
        writer.add(LabelRows.from_labels([Labels.from_mapping({"a": "b"})], symbols), chunks, [payload])
        writer.finish()
    return BrokenBlock(folder / ULID)


def test_counters_may_begin_early_and_repeat_their_last_time(tmp_path: Path) -> None:
    report = write_downsampled(tmp_path, ENDS).verify()
    assert (report.faults.kept, report.sample_count, report.chunk_count) == ([], 2, 1)


@pytest.mark.parametrize(
    ("minimum", "problem"),
    [
        ([START_MS, ENDS[1]], f"expected times from {ENDS[0]} to {ENDS[1]}, found {START_MS}"),
        ([ENDS[0], ENDS[0]], f"expected rising times, found {ENDS[0]} twice"),
    ],
)
def test_a_part_with_other_times_is_named(tmp_path: Path, minimum: list[int], problem: str) -> None:
    (fault,) = write_downsampled(tmp_path, minimum).faults()
    assert fault == f'chunks/000001 at offset 8: series {{a="b"}}: min of an aggregate chunk: chunk: {problem}'


def test_each_part_is_printed_under_its_name(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    block = write_downsampled(tmp_path, ENDS)
    assert main(["block", "dump", str(block.directory)]) == 0
    lines = capsysbinary.readouterr().out.decode().splitlines()
    assert [line.split()[0] for line in lines] == [
        f'{{__aggregate__="{name}",' for name in ("count", "count", "sum", "sum", "min", "min", "max", "max")
    ] + ['{__aggregate__="counter",'] * 4  # fmt: skip
    assert lines[0] == f'{{__aggregate__="count", a="b"}} 1 {ENDS[0]}'


def test_a_payload_that_is_no_aggregate_chunk_is_named(tmp_path: Path) -> None:
    block = write_downsampled(tmp_path, ENDS)
    block.change_record(8, lambda payload: payload.__setitem__(0, 200))
    (fault,) = block.faults()
    assert fault.endswith("aggregate chunk: expected five parts that fill it, found other bytes")
