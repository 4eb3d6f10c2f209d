"""meta.json: what a block says of itself. Written last, it commits the block; layout in docs/formats/meta.md.

    ulid minTime maxTime stats compaction version        Prometheus' part, version 1
    thanos { version labels downsample source files … }  Thanos' part, version 0 or 1, absent in plain Prometheus blocks

Fields that we do not know are carried along, so that rewriting the meta of a newer writer loses nothing.
Source: prometheus tsdb/block.go; thanos pkg/block/metadata/meta.go.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from promontory.block.strict_json import Fields, JsonObject, parse_object, render_object
from promontory.block.ulid import is_ulid
from promontory.errors import InputError
from promontory.model.labels import Labels
from promontory.model.rfc3339 import format_rfc3339_ms, parse_rfc3339_ms

META_FILE = "meta.json"
INDEX_FILE = "index"
CHUNKS_DIRECTORY = "chunks"
TSDB_VERSION = 1
THANOS_VERSIONS = (0, 1)
# An external label that only the parts of a stream cut by series have: `<index from 1>_of_<total>`. Mimir's name.
PART_LABEL = b"__compactor_shard_id__"
# The value that Thanos' compactor puts in place of the replica label where a block would have no label left.
NO_LABEL_LEFT = b"deduped"
# No query asks for finer windows: a block that had them would be passed over, and nothing said.
FINEST_WINDOW_MS = 1000
GO_ZERO_TIME = "0001-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class BlockStats:
    """What a block counts of itself; zero also where the writer did not say."""

    sample_count: int = 0
    float_sample_count: int = 0
    histogram_sample_count: int = 0
    series_count: int = 0
    chunk_count: int = 0
    tombstone_count: int = 0


@dataclass(frozen=True, slots=True)
class ParentBlock:
    """A block that was compacted into this one, with its range [min, max)."""

    ulid: str
    min_time_ms: int
    max_time_ms: int


@dataclass(frozen=True, slots=True)
class Compaction:
    """Where a block comes from: `sources` are the level-1 blocks whose samples it holds."""

    level: int = 1
    sources: tuple[str, ...] = ()
    parents: tuple[ParentBlock, ...] = ()
    deletable: bool = False
    failed: bool = False
    hints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BlockFile:
    """A file of a block, path relative to it; the size is None for meta.json, which cannot hold its own."""

    path: str
    size_bytes: int | None = None
    hash_function: str = ""
    hash_value: str = ""


@dataclass(frozen=True, slots=True)
class ThanosMeta:
    """Thanos' part. `rewrites`, `extensions` and `unknown` are JSON that we carry and do not read."""

    labels: Labels = field(default_factory=Labels)
    resolution_ms: int = 0
    source: str = ""
    files: tuple[BlockFile, ...] = ()
    segment_files: tuple[str, ...] = ()
    series_max_bytes: int = 0
    chunk_max_bytes: int = 0
    upload_time_ms: int | None = None
    version: int = 1
    rewrites: tuple[JsonObject, ...] = field(default=(), hash=False)
    extensions: JsonObject = field(default_factory=dict, hash=False)
    unknown: JsonObject = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class BlockMeta:
    """A block's identity, range [min_time_ms, max_time_ms), counts and origin; `thanos` is None for a plain block."""

    ulid: str
    min_time_ms: int
    max_time_ms: int
    stats: BlockStats = BlockStats()
    compaction: Compaction = Compaction()
    thanos: ThanosMeta | None = None
    unknown: JsonObject = field(default_factory=dict, hash=False)

    @property
    def labels(self) -> Labels:
        """The external labels; none for a plain Prometheus block."""
        return self.thanos.labels if self.thanos else Labels()

    @property
    def stream_labels(self) -> Labels:
        """The external labels that series are served with: a stream cut into parts answers as the whole did."""
        return self.labels.without([PART_LABEL]) if self.labels.get(PART_LABEL) else self.labels

    @property
    def resolution_ms(self) -> int:
        """0 for raw samples, else the width of a downsampling window."""
        return self.thanos.resolution_ms if self.thanos else 0


def parse_meta(body: bytes, *, source: str) -> BlockMeta:
    """Return the meta that a document holds. Raises CorruptionError naming `source` and the field."""
    return read_meta(parse_object(body, source=source), source=source)


def read_meta(document: JsonObject, *, source: str) -> BlockMeta:
    """Return the meta that a JSON object says, which may be a part of a larger document. Raises CorruptionError."""
    top = Fields(document, source=source)
    version = top.integer("version")
    if version != TSDB_VERSION:
        raise top.broken("version", str(TSDB_VERSION), str(version))
    ulid = _take_ulid(top, "ulid")
    min_time_ms, max_time_ms = top.integer("minTime"), top.integer("maxTime")
    if min_time_ms > max_time_ms:
        raise top.broken("maxTime", f"at least minTime {min_time_ms}", str(max_time_ms))
    return BlockMeta(
        ulid=ulid,
        min_time_ms=min_time_ms,
        max_time_ms=max_time_ms,
        stats=_parse_stats(top.fields("stats")),
        compaction=_parse_compaction(top.fields("compaction")),
        thanos=_parse_thanos(top.fields("thanos")) if top.holds("thanos") else None,
        unknown=top.rest(),
    )


def render_meta(meta: BlockMeta) -> bytes:
    """Return the document of a meta: tab-indented, in Go's order of fields, unknown fields after the known ones."""
    return render_object(describe_meta(meta))


def describe_meta(meta: BlockMeta) -> JsonObject:
    """Return the JSON object of a meta."""
    document: dict[str, object] = {
        "ulid": meta.ulid,
        "minTime": meta.min_time_ms,
        "maxTime": meta.max_time_ms,
        "stats": _render_stats(meta.stats),
        "compaction": _render_compaction(meta.compaction),
        "version": TSDB_VERSION,
        **meta.unknown,
    }
    if meta.thanos:
        document["thanos"] = _render_thanos(meta.thanos)
    return document


def _parse_stats(stats: Fields) -> BlockStats:
    return BlockStats(
        sample_count=stats.integer("numSamples", default=0),
        float_sample_count=stats.integer("numFloatSamples", default=0),
        histogram_sample_count=stats.integer("numHistogramSamples", default=0),
        series_count=stats.integer("numSeries", default=0),
        chunk_count=stats.integer("numChunks", default=0),
        tombstone_count=stats.integer("numTombstones", default=0),
    )


def _render_stats(stats: BlockStats) -> JsonObject:
    return _less_empty(
        {
            "numSamples": stats.sample_count,
            "numFloatSamples": stats.float_sample_count,
            "numHistogramSamples": stats.histogram_sample_count,
            "numSeries": stats.series_count,
            "numChunks": stats.chunk_count,
            "numTombstones": stats.tombstone_count,
        }
    )


def _parse_compaction(compaction: Fields) -> Compaction:
    sources = compaction.texts("sources")
    for ulid in sources:
        if not is_ulid(ulid):
            raise compaction.broken("sources", "ULIDs", repr(ulid))
    parents = tuple(
        ParentBlock(_take_ulid(parent, "ulid"), parent.integer("minTime"), parent.integer("maxTime"))
        for parent in compaction.items("parents")
    )
    return Compaction(
        level=compaction.integer("level", default=0),
        sources=sources,
        parents=parents,
        deletable=compaction.flag("deletable"),
        failed=compaction.flag("failed"),
        hints=compaction.texts("hints"),
    )


def _render_compaction(compaction: Compaction) -> JsonObject:
    parents = [
        {"ulid": parent.ulid, "minTime": parent.min_time_ms, "maxTime": parent.max_time_ms}
        for parent in compaction.parents
    ]
    optional = {
        "sources": list(compaction.sources),
        "deletable": compaction.deletable,
        "parents": parents,
        "failed": compaction.failed,
        "hints": list(compaction.hints),
    }
    return {"level": compaction.level, **_less_empty(optional)}


def _parse_thanos(thanos: Fields) -> ThanosMeta:
    version = thanos.integer("version", default=0)
    if version not in THANOS_VERSIONS:
        raise thanos.broken("version", "0 or 1", str(version))
    resolution_ms = thanos.fields("downsample").integer("resolution", default=0)
    # Thanos makes 300000 and 3600000 alone; a ladder of one's own may ask for any.
    if resolution_ms and resolution_ms < FINEST_WINDOW_MS:
        raise thanos.broken(
            "downsample.resolution", "0 or the milliseconds of a window, 1000 at least", str(resolution_ms)
        )
    labels = thanos.text_mapping("labels")
    if "" in labels:
        raise thanos.broken("labels", "a name for each", "one without")
    index_stats = thanos.fields("index_stats")
    return ThanosMeta(
        labels=Labels.from_mapping(labels),
        resolution_ms=resolution_ms,
        source=thanos.text("source", default=""),
        files=tuple(_parse_file(item) for item in thanos.items("files")),
        segment_files=thanos.texts("segment_files"),
        series_max_bytes=index_stats.integer("series_max_size", default=0),
        chunk_max_bytes=index_stats.integer("chunk_max_size", default=0),
        upload_time_ms=_parse_upload_time(thanos),
        version=version,
        rewrites=tuple(item.rest() for item in thanos.items("rewrites")),
        extensions=thanos.fields("extensions").rest(),
        unknown=thanos.rest(),
    )


def _render_thanos(thanos: ThanosMeta) -> JsonObject:
    before = _less_empty({"version": thanos.version})
    optional = {
        "segment_files": list(thanos.segment_files),
        "files": [_render_file(file) for file in thanos.files],
        "rewrites": list(thanos.rewrites),
    }
    index_stats = {"series_max_size": thanos.series_max_bytes, "chunk_max_size": thanos.chunk_max_bytes}
    return {
        **before,
        "labels": thanos.labels.to_text(),
        "downsample": {"resolution": thanos.resolution_ms},
        "source": thanos.source,
        **_less_empty(optional),
        "index_stats": _less_empty(index_stats),
        **_less_empty({"extensions": thanos.extensions}),
        "upload_time": _render_upload_time(thanos.upload_time_ms),
        **thanos.unknown,
    }


def _parse_upload_time(thanos: Fields) -> int | None:
    text = thanos.text("upload_time", default=GO_ZERO_TIME)
    try:
        return None if text == GO_ZERO_TIME else parse_rfc3339_ms(text)
    except InputError as error:
        raise thanos.broken("upload_time", "an RFC 3339 time", repr(text)) from error


def _render_upload_time(time_ms: int | None) -> str:
    if time_ms is None:
        return GO_ZERO_TIME
    return format_rfc3339_ms(time_ms).removesuffix("Z").rstrip("0").rstrip(".") + "Z"  # as Go's RFC3339Nano


def _parse_file(item: Fields) -> BlockFile:
    path = item.text("rel_path")
    if not _is_safe_path(path):
        raise item.broken("rel_path", "a path inside the block", repr(path))
    digest = item.fields("hash")
    return BlockFile(
        path=path,
        size_bytes=item.integer("size_bytes", default=0) if path != META_FILE else None,
        hash_function=digest.text("hashFunc", default=""),
        hash_value=digest.text("value", default=""),
    )


def _render_file(file: BlockFile) -> JsonObject:
    rendered: dict[str, object] = {"rel_path": file.path}
    if file.size_bytes:
        rendered["size_bytes"] = file.size_bytes
    if file.hash_function or file.hash_value:
        rendered["hash"] = {"hashFunc": file.hash_function, "value": file.hash_value}
    return rendered


def _take_ulid(fields: Fields, name: str) -> str:
    ulid = fields.text(name)
    if not is_ulid(ulid):
        raise fields.broken(name, "a ULID", repr(ulid))
    return ulid


def _is_safe_path(path: str) -> bool:
    return "\0" not in path and "\\" not in path and all(part not in ("", ".", "..") for part in path.split("/"))


def _less_empty(fields: JsonObject) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value}
