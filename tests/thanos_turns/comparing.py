"""Two buckets compared block by block: what metas say, marks, and every chunk's bytes, else its samples."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from promontory.block.meta import BlockMeta
from tests.block.plain_block import PlainSeries, read_block
from tests.compaction.proof.reading import Lying, look, read_raw, read_windows

Key = tuple[str, int, int, int, tuple[str, ...], int]
"""External labels, resolution, range, sources and how many blocks of the same came before: ULIDs of outputs differ."""


@dataclass
class Comparison:
    """What was compared, and what differs; `re_encoded` chunks hold the same samples in other bytes."""

    blocks: int = 0
    chunks: int = 0
    re_encoded: int = 0

    def __post_init__(self) -> None:
        self.differences: list[str] = []

    def __str__(self) -> str:
        same = f"{self.blocks} blocks, {self.chunks} chunks"
        more = f", {self.re_encoded} chunks of equal samples in other bytes" if self.re_encoded else ""
        return same + more + "".join(f"\n      {text}" for text in self.differences[:12])


def compare(mine: Path, theirs: Path, *, unmarked_only: bool = False) -> Comparison:
    """Compare the directories of two buckets; how soon marked blocks go is a matter of seconds."""
    comparison = Comparison()
    one, other = look(mine), look(theirs)
    found, wanted = (_by_key(lying, unmarked_only=unmarked_only) for lying in (one, other))
    for key in sorted(found.keys() ^ wanted.keys(), key=str):
        side = "only here" if key in found else "only there"
        comparison.differences.append(f"{side}: {_name((found | wanted)[key])}")
    for key in sorted(found.keys() & wanted.keys(), key=str):
        comparison.blocks += 1
        _compare_metas(comparison, (found[key], one), (wanted[key], other))
        _compare_contents(comparison, mine / found[key].ulid, theirs / wanted[key].ulid, found[key])
    if one.partial != other.partial:
        comparison.differences.append(f"partial uploads: {sorted(one.partial)} and {sorted(other.partial)}")
    return comparison


def find_missing(mine: Path, theirs: Path) -> list[BlockMeta]:
    """Return the unmarked blocks there that have sources which no unmarked block here has at the same resolution."""
    held: dict[tuple[str, int], set[str]] = defaultdict(set)
    for meta in look(mine).unmarked():
        held[str(meta.labels), meta.resolution_ms].update(meta.compaction.sources)
    return [
        meta
        for meta in look(theirs).unmarked()
        if not held[str(meta.labels), meta.resolution_ms].issuperset(meta.compaction.sources)
    ]


def describe(meta: BlockMeta, lying: Lying) -> dict[str, object]:
    """Return what a meta and the marks of a block say, without ULIDs of outputs."""
    counts: tuple[object, ...] = (meta.stats.series_count, meta.stats.chunk_count, meta.stats.sample_count)
    if not meta.resolution_ms:
        counts += (meta.stats.float_sample_count, meta.stats.histogram_sample_count)
    return {
        "level": meta.compaction.level,
        "parents": Counter((parent.min_time_ms, parent.max_time_ms) for parent in meta.compaction.parents),
        "counts": counts,
        "hints": meta.compaction.hints,
        "source": meta.thanos.source if meta.thanos else "",
        "extensions": meta.thanos.extensions if meta.thanos else {},
        "rewrites": meta.thanos.rewrites if meta.thanos else (),
        "files": sorted(file.path for file in meta.thanos.files) if meta.thanos else [],
        "deletion mark": meta.ulid in lying.deletions_s,
        "no-compact mark": lying.no_compact.get(meta.ulid),
        "no-downsample mark": lying.no_downsample.get(meta.ulid),
    }


def _by_key(lying: Lying, *, unmarked_only: bool = False) -> dict[Key, BlockMeta]:
    seen: dict[object, int] = defaultdict(int)
    found = {}
    for ulid in sorted(lying.blocks.keys() - (lying.deletions_s.keys() if unmarked_only else set())):
        meta = lying.blocks[ulid]
        plain = (
            str(meta.labels), meta.resolution_ms, meta.min_time_ms, meta.max_time_ms,
            tuple(sorted(meta.compaction.sources)),
        )  # fmt: skip
        found[*plain, seen[plain]] = meta
        seen[plain] += 1
    return found


def _compare_metas(comparison: Comparison, one: tuple[BlockMeta, Lying], other: tuple[BlockMeta, Lying]) -> None:
    mine, theirs = describe(*one), describe(*other)
    for name, value in mine.items():
        if value != theirs[name]:
            comparison.differences.append(f"{_name(one[0])}: {name} {value} here, {theirs[name]} there")


def _compare_contents(comparison: Comparison, mine: Path, theirs: Path, meta: BlockMeta) -> None:
    files = [
        [path.read_bytes() for path in (block / "index", *sorted(block.glob("chunks/*")))] for block in (mine, theirs)
    ]
    if files[0] == files[1]:
        comparison.chunks += meta.stats.chunk_count
        return
    one, other = read_block(mine), read_block(theirs)
    if [series.labels for series in one] != [series.labels for series in other]:
        comparison.differences.append(f"{_name(meta)}: other series")
        return
    alike = sum(_alike(*pair) for pair in zip(one, other, strict=True))
    total = sum(len(series.chunks) for series in one)
    comparison.chunks += total
    if alike < total or total != sum(len(series.chunks) for series in other):
        comparison.re_encoded += total - alike
        read = read_windows if meta.resolution_ms else read_raw
        if read(mine) != read(theirs):
            comparison.differences.append(f"{_name(meta)}: other samples in {total - alike} of {total} chunks")


def _files(block: Path) -> list[bytes]:
    return [path.read_bytes() for path in (block / "index", *sorted(block.glob("chunks/*")))]


def _alike(mine: PlainSeries, theirs: PlainSeries) -> int:
    """Return how many chunks are the same to the byte."""
    there = {(chunk.min_ms, chunk.max_ms, chunk.encoding, chunk.payload) for chunk in theirs.chunks}
    return sum((chunk.min_ms, chunk.max_ms, chunk.encoding, chunk.payload) in there for chunk in mine.chunks)


def _name(meta: BlockMeta) -> str:
    return (
        f"{meta.ulid} {meta.labels} {meta.resolution_ms // 1000} s, level {meta.compaction.level}, from "
        f"{meta.min_time_ms} for {(meta.max_time_ms - meta.min_time_ms) / 3_600_000:g} h, "
        f"{len(meta.compaction.sources)} sources"
    )
