"""Targets: the JSON documents of a block."""

from __future__ import annotations

from promontory.block.markers import Mark, MarkKind, parse_mark, render_mark
from promontory.block.meta import BlockFile, BlockMeta, BlockStats, Compaction, ThanosMeta, parse_meta, render_meta
from promontory.errors import CorruptionError
from promontory.model.labels import Labels
from tests.fuzz.outcome import SOURCE

ULID = "01HF1Z4YQ0000000000000000A"


def check_meta(data: bytes) -> object:
    """Read a meta.json; it says the same once it was written and read again."""
    meta = parse_meta(data, source=SOURCE)
    assert parse_meta(render_meta(meta), source=SOURCE) == meta, "a meta changes when it is written again"
    assert all(name and value for name, value in meta.labels.pairs), "a label without a name or a value"
    return meta


def check_mark(data: bytes) -> object:
    """Read a mark of each kind."""
    found: list[object] = []
    for kind in MarkKind:
        try:
            mark = parse_mark(data, kind, source=SOURCE)
        except CorruptionError as error:
            found.append(str(error))
            continue
        assert parse_mark(render_mark(mark), kind, source=SOURCE) == mark
        found.append(mark)
    return found


def meta_seeds() -> list[bytes]:
    """Return a plain meta and one of Thanos."""
    files = (BlockFile("chunks/000001", 100), BlockFile("index", 200, "SHA256", "ab"), BlockFile("meta.json"))
    thanos = ThanosMeta(Labels.from_mapping({"replica": "a"}), files=files, source="sidecar", upload_time_ms=5)
    plain = BlockMeta(ULID, 0, 100, BlockStats(5, 4, 1, 2, 3), Compaction(1, (ULID,)))
    full = BlockMeta(ULID, 0, 100, thanos=thanos, unknown={"more": [1, {"x": None}]})
    return [render_meta(plain), render_meta(full)]


def mark_seeds() -> list[bytes]:
    """Return marks."""
    return [render_mark(Mark(kind, ULID, 1_700_000_000, "why", "manual")) for kind in MarkKind]
