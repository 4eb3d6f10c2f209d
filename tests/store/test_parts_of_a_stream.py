"""A stream that a compactor cut into parts by series answers as the whole did."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from promontory.block.meta import PART_LABEL
from promontory.compaction.job import Job, JobKind, Part
from promontory.compaction.merge.blocks import merge_blocks
from promontory.model.context import QueryContext
from promontory.model.labels import Labels
from promontory.model.matcher import Matcher, MatchKind
from promontory.model.selector import Selector
from promontory.model.time_range import ALL_TIME
from promontory.store.bucket_store import BucketStore
from tests.blocks import fill_bucket, read_frames, read_meta
from tests.compaction.merge.made_blocks import name_ulid, write_block
from tests.store.test_bucket_store import FixedListing

EVERYTHING = Selector((Matcher(MatchKind.REGEX, b"__name__", b".+"),), ALL_TIME)
STREAM = {"cluster": "one", "replica": "a"}


def make_whole_and_parts(directory: Path) -> tuple[Path, list[Path]]:
    series = {
        Labels(((b"__name__", b"m"), (b"n", b"%02d" % number))): [[(time_ms, number) for time_ms in range(0, 900, 15)]]
        for number in range(40)
    }
    whole = write_block(directory, 0, series, external=STREAM)
    parts = []
    for index in range(3):
        job = Job(JobKind.MERGE, "0@1", (name_ulid(0),), 0, part=Part(index, 3))
        merge_blocks([whole], directory / "parts", ulid=name_ulid(50 + index), job=job)
        parts.append(directory / "parts" / name_ulid(50 + index))
    return whole, parts


@pytest.mark.parametrize("stripped", [(), (b"replica",), (PART_LABEL,)])
async def test_parts_answer_as_the_whole_also_beside_it(
    tmp_path: Path, context: QueryContext, stripped: tuple[bytes, ...]
) -> None:
    whole, parts = make_whole_and_parts(tmp_path)
    answers = []
    for blocks in ([whole], parts, [whole, *parts]):
        metas = [read_meta(block) for block in blocks]
        store = BucketStore(await fill_bucket(blocks), FixedListing({meta.ulid: meta for meta in metas}))
        report = await store.sync()
        assert len(report.opened) == len(blocks)
        selector = replace(EVERYTHING, without_replica_labels=stripped)
        order, content = await read_frames(store.select(selector, context))
        assert order == sorted(order)
        answers.append(
            (
                {labels: sorted(set(samples)) for labels, samples in content.items()},
                await store.label_names(selector, context),
                await store.label_values(PART_LABEL, selector, context),
                store.describe().label_sets,
            )
        )
    assert answers[1] == answers[0]
    assert answers[2] == answers[0]
    assert len(answers[0][0]) == 40
