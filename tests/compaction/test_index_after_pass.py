"""What a pass leaves for readers: a bucket index that tells what a listing would."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from promontory.block.markers import Mark, MarkKind
from promontory.bucket.filesystem import FilesystemBucket
from promontory.catalog.bucket_index import BUCKET_INDEX_KEY, parse_bucket_index
from promontory.catalog.catalog import Catalog
from promontory.catalog.index_object import FRESH_MS
from promontory.catalog.transfer import mark_block
from promontory.compaction.compactor import Compactor
from promontory.compaction.settings import CompactionSettings
from promontory.model.clock import SystemClock
from tests.compaction.pass_site import OTHER, Site
from tests.compaction.proof.history import EPOCH_MS, HOUR_MS, Stream, write_history

LABELS = {"cluster": "eu"}


async def test_after_a_pass_readers_need_not_list_the_bucket(tmp_path: Path) -> None:
    root = tmp_path / "bucket"
    root.mkdir()
    content = Stream(LABELS, kinds=("up_total",)).saw(EPOCH_MS, EPOCH_MS + 10 * HOUR_MS)
    metas = write_history(root, content, LABELS, born_ms=EPOCH_MS + 11 * HOUR_MS)
    bucket, clock = FilesystemBucket(root), SystemClock()
    kept = Mark(MarkKind.NO_COMPACT, metas[-1].ulid, 7, "by hand", "manual")
    await mark_block(bucket, kept)
    await Compactor(bucket, CompactionSettings(), directory=tmp_path / "data", clock=clock).run_pass()
    listed = await Catalog(bucket, clock=clock).sync()
    assert len(listed.blocks) == len(metas) + 1
    assert len(listed.marks) == len(metas) - 1
    view = await Catalog(bucket, clock=clock, index_fresh_ms=FRESH_MS).sync()
    assert view.index_ms is not None
    assert replace(view, index_ms=None, listed_ms=listed.listed_ms) == listed
    index = parse_bucket_index(await bucket.get(BUCKET_INDEX_KEY))
    assert index.writer.startswith("promontory compact on ")
    assert index.blocks[metas[-1].ulid].marks == {MarkKind.NO_COMPACT: kept}


async def test_a_long_pass_keeps_the_index_fresh(site: Site) -> None:
    await site.put()
    await site.put(labels=OTHER)
    compactor = site.compactor()
    written: list[int] = []

    async def before(operation: str, key: str) -> None:
        if key == BUCKET_INDEX_KEY and operation in ("put", "upload"):
            written.append(len(site.ears.finished))
        if operation == "upload" and key.endswith("/index"):
            site.clock.time_ms += 11 * 60_000  # each job takes so long

    site.bucket.before = before
    await compactor.run_pass()
    assert written[0] == 0, "in the first job, when it was done"
    assert len(written) > len(site.ears.finished) > 1
