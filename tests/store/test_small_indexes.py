"""Small indexes kept whole: what they spare, and that a corrupt one is taken from the bucket again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from promontory.bucket.memory import MemoryBucket
from promontory.errors import CorruptionError
from promontory.model.clock import SystemClock
from promontory.model.context import QueryContext
from promontory.model.matcher import Matcher, MatchKind
from promontory.model.selector import Selector
from promontory.model.time_range import ALL_TIME
from promontory.store.block_store import BlockStore, open_block
from promontory.store.small_indexes import SMALL_BYTES, SmallIndexes
from tests.blocks import OpenMetricsSeries, fill_bucket, make_blocks, read_frames, read_meta

START_S = 1_700_006_400
SELECTOR = Selector((Matcher(MatchKind.REGEX, b"__name__", b".+"),), ALL_TIME)
NewContext = Callable[[], QueryContext]


class CountingBucket(MemoryBucket):
    """Notes the keys whose bytes it is asked for."""

    def __init__(self) -> None:
        super().__init__(SystemClock())
        self.reads: list[str] = []

    async def get_range(self, key: str, start: int, end: int) -> bytes:
        self.reads.append(key.rpartition("/")[2])
        return await super().get_range(key, start, end)


@pytest.fixture(scope="module")
def block(tmp_path_factory: pytest.TempPathFactory) -> Path:
    samples = [(START_S + 60 * step, str(step)) for step in range(100)]
    series = [OpenMetricsSeries("up", {"instance": name}, samples) for name in ("a", "b", "c")]
    return make_blocks(tmp_path_factory.mktemp("blocks"), series)[0]


@pytest.fixture
async def bucket(block: Path) -> CountingBucket:
    bucket = CountingBucket()
    bucket._objects = (await fill_bucket([block]))._objects
    return bucket


@pytest.fixture
def strict(pool: object) -> NewContext:
    return lambda: QueryContext(clock=SystemClock(), pool=pool, partial_response=False)  # type: ignore[arg-type]


async def count_reads(store: BlockStore, bucket: CountingBucket, context: QueryContext) -> tuple[int, list[str]]:
    bucket.reads.clear()
    _, content = await read_frames(store.select(SELECTOR, context))
    return sum(map(len, content.values())), sorted(bucket.reads)


@pytest.mark.parts
async def test_a_block_of_a_small_index_is_opened_with_one_read_and_asked_for_its_chunks_alone(
    block: Path, bucket: CountingBucket, strict: NewContext
) -> None:
    store = await open_block(bucket, read_meta(block), small=SmallIndexes())
    assert sorted(bucket.reads) == ["index", "tombstones"]
    assert await count_reads(store, bucket, strict()) == (300, ["000001"])


@pytest.mark.parts
async def test_a_header_on_disk_has_its_small_index_fetched_by_the_first_query(
    block: Path, bucket: CountingBucket, strict: NewContext, tmp_path: Path
) -> None:
    await open_block(bucket, read_meta(block), directory=tmp_path)
    store = await open_block(bucket, read_meta(block), directory=tmp_path, small=SmallIndexes())
    assert await count_reads(store, bucket, strict()) == (300, ["000001", "index"])
    assert await count_reads(store, bucket, strict()) == (300, ["000001"])


@pytest.mark.parts
async def test_an_index_that_finds_no_room_is_read_in_parts(
    block: Path, bucket: CountingBucket, strict: NewContext
) -> None:
    store = await open_block(bucket, read_meta(block), small=SmallIndexes(largest_bytes=100))
    assert await count_reads(store, bucket, strict()) == (300, ["000001", "index", "index"])


@pytest.mark.parts
async def test_a_corrupt_index_in_memory_is_named_once_and_then_taken_from_the_bucket(
    block: Path, bucket: CountingBucket, strict: NewContext
) -> None:
    small = SmallIndexes()
    store = await open_block(bucket, read_meta(block), small=small)
    await count_reads(store, bucket, strict())
    body = bytearray((block / "index").read_bytes())
    header = await store.parts.index.header()
    series = body[header.toc.series : header.toc.series_end]
    for damaged in (series, body[header.toc.postings : header.toc.postings_table]):
        start = body.index(damaged)
        broken = body[:start] + bytes(byte ^ 0x55 for byte in damaged) + body[start + len(damaged) :]
        small.keep(block.name, bytes(broken))
        with pytest.raises(CorruptionError, match=block.name):
            await count_reads(store, bucket, strict())
        assert (await count_reads(store, bucket, strict()))[0] == 300


def test_together_they_stay_below_the_bound_and_room_comes_back() -> None:
    small = SmallIndexes(largest_bytes=10)
    for ulid in "abc":
        small.keep(ulid, b"1234")
    assert [small.find(ulid) is not None for ulid in "abc"] == [True, True, False]
    assert [small.wants(ulid, size) for ulid, size in (("a", 1), ("c", 2), ("c", 3))] == [False, True, False]
    small.forget_others({"b"})
    small.keep("c", b"123456")
    assert [small.find(ulid) is not None for ulid in "abc"] == [False, True, True]
    assert not SmallIndexes().wants("d", SMALL_BYTES + 1)
