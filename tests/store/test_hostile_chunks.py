"""Segments and series entries that lie: sizes without data, wrong heads, chunks that overlap or are out of order."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from promontory.block.index_writer import write_index
from promontory.block.meta import BlockMeta
from promontory.block.series import check_entries
from promontory.block.series_spool import IndexedSeries, SeriesSpool
from promontory.bucket.memory import MemoryBucket
from promontory.chunk.encode import encode_series
from promontory.kernels.index import LONGEST_ENTRY_BYTES
from promontory.model.clock import SystemClock
from promontory.model.context import QueryContext
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.symbols import SymbolTable
from promontory.store.block_store import open_block
from promontory.store.samples import read_samples
from tests.fuzz.chunk_targets import repair_records
from tests.fuzz.index_targets import entry_content, uvarint
from tests.hostile_block import EVERYTHING, SEGMENT, ULID, Answer, DamagedBlock, answer_of, make_block

HEAD = 8
Change = Callable[[bytes], bytes]
HUGE = uvarint(2**31 - 1)


@pytest.fixture(scope="module")
def block(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small block of all encodings."""
    return make_block(tmp_path_factory.mktemp("block"))


# The cases of Prometheus' TestCorruptedChunk. We read records by their places and check each of them: a wrong head
# changes nothing about that.
CASES: dict[str, tuple[Change, bool]] = {
    "a head cut short": (lambda body: body[:4], False),
    "another magic": (lambda body: b"\0\0\0\0" + body[4:], True),
    "another version": (lambda body: body[:4] + b"\x02" + body[5:], True),
    "a cut within a length": (lambda body: body[:HEAD], False),
    "a cut within the data": (lambda body: body[: HEAD + 3], False),
    "another checksum": (lambda body: body[:HEAD] + _flip_crc(body[HEAD:]), False),
    "a length without data": (lambda body: body[:HEAD] + HUGE + body[HEAD + len(HUGE) :], False),
    "a length of ten bytes": (lambda body: body[:HEAD] + b"\xff" * 10 + body[HEAD + 10 :], False),
    "lengths without data all along": (lambda body: body[:HEAD] + HUGE * (len(body) // 5), False),
}


@pytest.mark.parametrize("name", CASES)
async def test_a_corrupt_segment_is_named_or_changes_nothing(block: Path, pool: ThreadPoolExecutor, name: str) -> None:
    change, is_equal = CASES[name]
    damaged = DamagedBlock(block, SEGMENT, pool)
    whole = await damaged.read_whole()
    answer, warnings = await damaged.read_with(change((block / SEGMENT).read_bytes()))
    assert (answer == whole) is is_equal
    assert bool(warnings) is not is_equal


def test_an_entry_that_claims_more_than_any_has_is_not_read_further() -> None:
    claims = [uvarint(LONGEST_ENTRY_BYTES), uvarint(LONGEST_ENTRY_BYTES + 1), uvarint(2**62)]
    for claim, is_cut in zip(claims, [True, False, False], strict=True):
        data = np.frombuffer(claim + bytes(40), np.uint8)
        entries = check_entries(data, np.zeros(1, np.int64), np.array([len(data)]))
        assert len(entries.find_cut()) == is_cut


TIMES = np.arange(12) * 10
CHUNKS = [(0, 20), (30, 50), (60, 80), (90, 110)]
ORDERS = {
    "in order": ([0, 1, 2, 3], CHUNKS),
    "out of order": ([2, 0, 3, 1], CHUNKS),
    "backwards": ([3, 2, 1, 0], CHUNKS),
    "one twice": ([0, 1, 1, 2, 3], CHUNKS),
    "ranges that overlap": ([0, 1, 2, 3], [(0, 55), (5, 65), (30, 90), (80, 110)]),
    "ranges of all time": ([0, 1, 2, 3], [(-(2**62), 2**62)] * 4),
    "ranges that lie": ([0, 1, 2, 3], [(90, 110), (60, 80), (30, 50), (0, 20)]),
}


@pytest.mark.parametrize("name", ORDERS)
async def test_chunks_that_overlap_or_are_out_of_order_are_put_right(
    tmp_path: Path, context: QueryContext, name: str
) -> None:
    order, ranges = ORDERS[name]
    encoded = encode_series(np.array([0, 12]), TIMES, TIMES / 7, samples_per_chunk=3)
    payloads = np.split(encoded.data, encoded.start[1:])
    records = [repair_records(uvarint(len(one)) + b"\x01" + one.tobytes() + bytes(4)) for one in payloads]
    refs = HEAD + np.cumsum([0, *map(len, records)])
    entry = entry_content([], [(*ranges[chunk], int(refs[chunk])) for chunk in order])[1:]
    answer = await _read(tmp_path, entry, bytes(HEAD) + b"".join(records), context)
    expected = dict(zip(TIMES.tolist(), (TIMES / 7).view(np.uint64).tolist(), strict=True))
    assert list(answer.values()) == [expected]
    assert list(next(iter(answer.values()))) == TIMES.tolist()
    assert not context.warnings


async def test_chunks_whose_refs_lead_nowhere_are_named(tmp_path: Path, context: QueryContext) -> None:
    entry = entry_content([], [(0, 20, 2**31), (30, 50, 2**62), (60, 80, 8)])[1:]
    assert await _read(tmp_path, entry, bytes(HEAD), context) == {}
    assert all(ULID in warning for warning in context.warnings)
    assert context.warnings


async def _read(directory: Path, entry: bytes, segment: bytes, context: QueryContext) -> Answer:
    """Return the samples of a block of one series with these chunks."""
    symbols = SymbolTable()
    labels = LabelRows.from_labels([Labels.from_mapping({"__name__": "up"})], symbols)
    spool = SeriesSpool(directory, labels.symbols)
    spool.append(IndexedSeries(labels, np.frombuffer(entry, np.uint8), np.array([0, len(entry)])))
    write_index(directory / "index", spool)
    bucket = MemoryBucket(SystemClock())
    await bucket.put(f"{ULID}/index", (directory / "index").read_bytes())
    await bucket.put(f"{ULID}/{SEGMENT}", segment)
    store = await open_block(bucket, BlockMeta(ULID, 0, 1_000))
    answer: Answer = {}
    async for samples in read_samples(store, EVERYTHING, context, replica_labels=(), deduplicate=False):
        answer |= answer_of(samples)
    return answer


def _flip_crc(records: bytes) -> bytes:
    end = 2 + records[0] + 4
    assert records[0] < 128
    return records[: end - 1] + bytes([records[end - 1] ^ 1]) + records[end:]
