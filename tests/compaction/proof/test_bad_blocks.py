"""A bad block of any kind stops only itself: the other blocks of its stream stay as they are, other streams go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from promontory.block.meta import BlockMeta
from promontory.compaction.settings import CompactionSettings
from promontory.model.labels import Labels
from tests.compaction.proof.history import EPOCH_MS, HOUR_MS, Content, Stream, change_meta, write_history
from tests.compaction.proof.listener import Listener
from tests.compaction.proof.passes import run_pass
from tests.compaction.proof.reading import join_raw, read_raw
from tests.compaction.proof.sites import Site, make_site

END_MS = EPOCH_MS + 10 * HOUR_MS
NOW_MS = END_MS + 3 * HOUR_MS
X, Y = Stream({"cluster": "x"}, kinds=("up_total", "temp")), Stream({"cluster": "y"}, kinds=("up_total", "temp"))


def flip(path: Path, place: float) -> None:
    """Flip a bit at a share of a file."""
    body = bytearray(path.read_bytes())
    body[int(len(body) * place)] ^= 0x10
    path.write_bytes(body)


def break_chunk(block: Path) -> None:
    flip(block / "chunks" / "000001", 0.5)


def break_index(block: Path) -> None:
    flip(block / "index", 0.3)


def cut_segment(block: Path) -> None:
    path = block / "chunks" / "000001"
    path.write_bytes(path.read_bytes()[:-100])


def break_meta(block: Path) -> None:
    (block / "meta.json").write_text('{"ulid": 3')


def lose_segment(block: Path) -> None:
    (block / "chunks" / "000001").unlink()


def lose_index(block: Path) -> None:
    (block / "index").unlink()


def claim_other_range(block: Path) -> None:
    """Say half of the range: chunks lie outside of it."""

    def change(document: dict[str, object]) -> None:
        document["maxTime"] = int(str(document["maxTime"])) - HOUR_MS

    change_meta(block, change)


def claim_future_version(block: Path) -> None:
    path = block / "meta.json"
    path.write_text(path.read_text().replace('"version": 1', '"version": 2', 1))
    assert '"version": 2' in path.read_text()


BREAKERS: list[Callable[[Path], None]] = [
    break_chunk, break_index, cut_segment, break_meta, lose_segment, lose_index, claim_other_range,
    claim_future_version,
]  # fmt: skip


def make(root: Path) -> tuple[Site, list[BlockMeta], dict[Labels, Content]]:
    site = make_site(root)
    held, metas = {}, []
    for stream in (X, Y):
        seen = stream.saw(EPOCH_MS, END_MS)
        metas += write_history(site.bucket, seen, stream.labels, born_ms=END_MS)
        held[Labels.from_mapping(stream.labels)] = seen
    return site, metas, held


@pytest.mark.parametrize("spoil", BREAKERS, ids=lambda spoil: spoil.__name__)
async def test_a_broken_block_stops_only_itself(spoil: Callable[[Path], None], tmp_path: Path) -> None:
    site, metas, held = make(tmp_path)
    x, y = sorted(held)
    bad = metas[1]
    spoil(site.bucket / bad.ulid)
    before = {path: path.read_bytes() for path in (site.bucket / bad.ulid).rglob("*") if path.is_file()}
    listener = Listener()
    await run_pass(site, CompactionSettings(), now_ms=NOW_MS, observer=listener)
    site.touch(NOW_MS)
    lying = site.look() if spoil not in (break_meta, claim_future_version) else None
    assert all(path.read_bytes() == body for path, body in before.items()), "the bad block was touched"
    if lying is None:
        return
    assert bad.ulid not in lying.deletions_s
    served = [meta for meta in lying.served(NOW_MS) if meta.ulid != bad.ulid]
    assert join_raw(site.bucket, (meta for meta in served if meta.labels == y)) == {y: held[y]}
    assert any(meta.max_time_ms - meta.min_time_ms == 8 * HOUR_MS for meta in served if meta.labels == y)
    lost = bad.min_time_ms, bad.max_time_ms
    wanted = {
        labels: [sample for sample in samples if not lost[0] <= sample[0] < lost[1]]
        for labels, samples in held[x].items()
    }
    assert join_raw(site.bucket, (meta for meta in served if meta.labels == x)) == {x: wanted}
    is_whole_in_listing = spoil not in (cut_segment, lose_segment, lose_index)
    if is_whole_in_listing:
        assert lying.no_compact[bad.ulid]
        assert bad.ulid in {ulid for ulid, _, _ in listener.marked}


async def test_a_stream_with_an_unreadable_meta_does_not_hold_up_another(tmp_path: Path) -> None:
    for spoil in (break_meta, claim_future_version):
        site, metas, held = make(tmp_path / spoil.__name__)
        spoil(site.bucket / metas[1].ulid)
        listener = Listener()
        await run_pass(site, CompactionSettings(), now_ms=NOW_MS, observer=listener)
        outputs = {result.output.labels for result in listener.finished if result.output is not None}
        assert sorted(held)[1] in outputs
        assert not listener.deleted


async def test_overlapping_blocks_are_set_aside_and_the_rest_goes_on(tmp_path: Path) -> None:
    site, metas, held = make(tmp_path)
    late = Stream({"cluster": "x"}, shift_ms=9000, kinds=("up_total",))
    (extra,) = write_history(
        site.bucket, late.saw(EPOCH_MS, EPOCH_MS + HOUR_MS), late.labels, born_ms=END_MS, tag="late"
    )
    await run_pass(site, CompactionSettings(), now_ms=NOW_MS)
    lying = site.look()
    assert {extra.ulid, metas[0].ulid} & set(lying.no_compact)
    served = lying.served(NOW_MS)
    y = sorted(held)[1]
    assert any(meta.max_time_ms - meta.min_time_ms == 8 * HOUR_MS for meta in served if meta.labels == y)
    kept = {meta.ulid: read_raw(site.bucket / meta.ulid) for meta in served if meta.labels != y}
    total = sum(len(samples) for content in kept.values() for samples in content.values())
    seen = [held[sorted(held)[0]], late.saw(EPOCH_MS, EPOCH_MS + HOUR_MS)]
    assert total == sum(len(samples) for content in seen for samples in content.values())


async def test_a_merge_whose_index_would_be_too_large_is_set_aside(tmp_path: Path) -> None:
    site, metas, held = make(tmp_path)
    sizes = {meta.ulid: (site.bucket / meta.ulid / "index").stat().st_size for meta in metas}
    settings = replace(CompactionSettings(), max_index_bytes=int(sum(list(sizes.values())[:3]) / 0.85))
    await run_pass(site, settings, now_ms=NOW_MS)
    lying = site.look()
    assert set(lying.no_compact.values()) == {"index-size-exceeding"}
    assert join_raw(site.bucket, lying.served(NOW_MS)) == held
