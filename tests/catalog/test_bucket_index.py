from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest

from promontory.block.markers import Mark, MarkKind
from promontory.bucket.memory import MemoryBucket
from promontory.catalog.bucket_index import (
    BucketIndex,
    parse_bucket_index,
    read_listed_s,
    render_bucket_index,
)
from promontory.catalog.catalog import Catalog
from promontory.errors import CorruptionError
from tests.bucket.clock import START_MS, StillClock
from tests.catalog.blocks import meta_of, put_block, ulid_of


async def index_of(tmp_path: Path, *numbers: int) -> BucketIndex:
    bucket = MemoryBucket(StillClock())
    for number in numbers:
        meta = meta_of(number)
        assert meta.thanos is not None
        unknown = {"later": {"text": "ü\u2028"}}
        await put_block(bucket, tmp_path, replace(meta, thanos=replace(meta.thanos, unknown=unknown)))
    marks = [Mark(MarkKind.NO_COMPACT, ulid_of(number), 7, "why", "manual") for number in numbers[:1]]
    return BucketIndex.of_view(await Catalog(bucket, clock=StillClock()).sync(), marks, writer="a compactor")


@pytest.mark.parametrize("numbers", [(), (1,), (2, 1, 3)])
async def test_an_index_that_is_read_is_the_one_that_was_written(tmp_path: Path, numbers: tuple[int, ...]) -> None:
    index = await index_of(tmp_path, *numbers)
    assert set(index.blocks) == {ulid_of(number) for number in numbers}
    assert parse_bucket_index(render_bucket_index(index)) == index


async def test_it_is_one_json_document_with_a_block_a_line(tmp_path: Path) -> None:
    body = render_bucket_index(await index_of(tmp_path, 1, 2))
    text = gzip.decompress(body)
    document = json.loads(text)
    assert [block["meta"]["ulid"] for block in document["blocks"]] == [ulid_of(1), ulid_of(2)]
    assert document["blocks"][0]["marks"]["no-compact-mark.json"]["reason"] == "manual"
    assert document["version"] == 1
    assert len(text.splitlines()) == 4
    assert read_listed_s(body) == START_MS // 1000


def test_a_header_that_is_none_tells_no_time() -> None:
    assert read_listed_s(b"\x1f\x8b\x08\x00\x01\x00\x00") is None
    assert read_listed_s(b"{\n\t\x00\x01\x00\x00\x00") is None


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b'{"version":1', b'{"version":2', "version"),
        (b'"blockCount":2', b'"blockCount":3', "field blocks .* expected 3, found 2"),
        (b'"blocks":[\n', b'"blocks":\n[', "first line"),
        (b"\n]}\n", b"\n", "JSON"),
        (b"\n]}\n", b"", "end"),
        (b"\n]}\n", b"\n]}\nmore", "end"),
        (b'"minTime":0', b'"minTime":"0"', "minTime"),
        (b'"meta.json",', b'"meta.jsn",', "meta.json"),
        (b'["index",100', b'["index","100"', "modified ms"),
        (b'"id":"', b'"id":"0', "field id"),
        (b'{"meta"', b"[", "JSON"),
        (b'{"version":1', b'{"version":1,"version":1', "duplicate key"),
    ],
)
async def test_whatever_is_not_as_told_makes_it_unreadable(tmp_path: Path, old: bytes, new: bytes, words: str) -> None:
    text = gzip.decompress(render_bucket_index(await index_of(tmp_path, 1, 2)))
    assert old in text
    with pytest.raises(CorruptionError, match=words):
        parse_bucket_index(gzip.compress(text.replace(old, new, 1)))


async def test_a_body_that_is_cut_anywhere_is_refused(tmp_path: Path) -> None:
    body = render_bucket_index(await index_of(tmp_path, 1))
    for size_bytes in range(len(body)):
        with pytest.raises(CorruptionError):
            parse_bucket_index(body[:size_bytes])
    with pytest.raises(CorruptionError, match="more behind"):
        parse_bucket_index(body + body)


async def test_a_mark_of_another_block_is_refused(tmp_path: Path) -> None:
    index = await index_of(tmp_path, 1)
    other = Mark(MarkKind.DELETION, ulid_of(9), 7)
    block = replace(index.blocks[ulid_of(1)], marks={MarkKind.DELETION: other})
    body = render_bucket_index(replace(index, blocks={ulid_of(1): block}))
    with pytest.raises(CorruptionError, match="marks of"):
        parse_bucket_index(body)
