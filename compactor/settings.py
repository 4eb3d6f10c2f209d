"""CompactorSettings and ViewerSettings: plain values, read once from the flags."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from promontory.block.meta import PART_LABEL
from promontory.catalog.filters import BlockFilter, TimePartitionFilter
from promontory.catalog.relabel import RelabelFilter, parse_relabel_rules
from promontory.compaction.job import Deduplication
from promontory.compaction.ladder import FIVE_MINUTES_AFTER_MS, HOUR_AFTER_MS, Ladder, default_ladder
from promontory.compaction.ladder_text import parse_ladder
from promontory.compaction.settings import CompactionSettings
from promontory.errors import InputError
from promontory.model.time_range import TimeRange
from promontory.promql.parser import parse_matchers
from promontory.service.values import Values

# Below these ages of raw and 5m blocks nothing would be downsampled before it is deleted.
RANGES_MS = CompactionSettings().ranges_ms
LADDER_FLAG = "--downsample.ladder"
RETENTION_FLAGS = ("--retention.resolution-raw", "--retention.resolution-5m", "--retention.resolution-1h")


@dataclass(frozen=True, slots=True)
class CompactorSettings:
    """How a compactor runs; how it decides is `compaction`. Intervals are in seconds, 0 is never."""

    directory: Path
    compaction: CompactionSettings = field(default_factory=CompactionSettings)
    executor: str = "local"
    merges_at_once: int = 1
    downsampled_at_once: int = 1
    blocks_fetched_at_once: int = 1
    files_at_once: int = 1
    does_wait: bool = False
    wait_interval_s: float = 300.0
    cleanup_interval_s: float = 300.0
    progress_interval_s: float = 300.0
    filters: tuple[BlockFilter, ...] = ()

    @staticmethod
    def from_values(values: Values, *, now_ms: int) -> CompactorSettings:
        """Read the flags of `promontory compact`. Raises InputError where they contradict each other."""

        def range_at(now_ms: int) -> TimeRange:
            return TimeRange(values.time_ms("--min-time", now_ms=now_ms), values.time_ms("--max-time", now_ms=now_ms))

        if range_at(now_ms).min_time_ms > range_at(now_ms).max_time_ms:
            raise InputError("flags --min-time and --max-time: expected the first not to be after the second")
        return CompactorSettings(
            directory=Path(values.text("--data-dir")),
            compaction=read_compaction(values),
            executor=values.text("--executor"),
            merges_at_once=values.integer("--compact.concurrency"),
            downsampled_at_once=values.integer("--downsample.concurrency"),
            blocks_fetched_at_once=values.integer("--compact.blocks-fetch-concurrency"),
            files_at_once=values.integer("--block-files-concurrency"),
            does_wait=values.flag("--wait"),
            wait_interval_s=values.duration_s("--wait-interval"),
            cleanup_interval_s=values.duration_s("--compact.cleanup-interval"),
            progress_interval_s=values.duration_s("--compact.progress-interval"),
            filters=(TimePartitionFilter(range_at), *_read_relabelling(values)),
        )


@dataclass(frozen=True, slots=True)
class ViewerSettings:
    """What people may see and do over HTTP; `label` groups the blocks."""

    label: str = ""
    interval_s: float = 60.0
    timeout_s: float = 300.0
    may_mark: bool = True
    cors: bool = True

    @staticmethod
    def from_values(values: Values) -> ViewerSettings:
        """Read the flags of `promontory compact`."""
        return ViewerSettings(
            label=values.text("--bucket-web-label"),
            interval_s=values.duration_s("--block-viewer.global.sync-block-interval"),
            timeout_s=values.duration_s("--block-viewer.global.sync-block-timeout"),
            may_mark=not values.flag("--disable-admin-operations"),
            cors=not values.flag("--web.disable-cors"),
        )


def read_compaction(values: Values) -> CompactionSettings:
    """Return what the flags say of planning, merging and retention. Raises InputError."""
    replica_labels = read_replica_labels(values)
    deduplication = Deduplication(values.text("--deduplication.func"))
    if deduplication is Deduplication.PENALTY and not replica_labels:
        raise InputError("flag --deduplication.func: penalty expects at least one --deduplication.replica-label")
    return CompactionSettings(
        ranges_ms=_read_ranges(values),
        replica_labels=replica_labels,
        deduplication=deduplication,
        vertical=bool(replica_labels) or values.flag("--compact.enable-vertical-compaction"),
        downsampling=not values.flag("--downsampling.disable"),
        ladder=read_ladder(values),
        consistency_delay_ms=values.duration_ms("--consistency-delay"),
        delete_delay_ms=values.duration_ms("--delete-delay"),
        max_index_bytes=values.size_bytes("--compact.block-max-index-size"),
        parts=values.integer("--compact.parts"),
        deletion_share=read_share(values),
        halt_on_error=values.flag("--debug.halt-on-error"),
        skip_out_of_order_chunks=values.flag("--compact.skip-block-with-out-of-order-chunks"),
        accept_malformed_index=values.flag("--debug.accept-malformed-index"),
        hash_function=values.text("--hash-func"),
    )


def _read_relabelling(values: Values) -> list[BlockFilter]:
    flag = "--selector.relabel-config"
    try:
        rules = parse_relabel_rules(values.text(flag))
    except InputError as error:
        raise InputError(f"flag {flag}: {error}") from error
    return [RelabelFilter(rules, read_replica_labels(values))] if rules else []


def read_replica_labels(values: Values) -> tuple[str, ...]:
    """Return the replica labels. Raises InputError where one of them does not tell replicas apart."""
    names = values.names("--deduplication.replica-label")
    part_label = PART_LABEL.decode()
    if part_label in names:
        raise InputError(
            f"flag --deduplication.replica-label: expected labels that tell replicas apart, found {part_label}, which "
            "tells the parts of one stream apart"
        )
    return names


def read_ladder(values: Values) -> Ladder:
    """Return the resolutions and how long each is kept. Raises InputError where a retention ends too early."""
    text = values.text(LADDER_FLAG)
    if text.strip():
        return _read_own_ladder(values, text)
    raw_ms, five_minutes_ms, hour_ms = (values.duration_ms(flag) for flag in RETENTION_FLAGS)
    if not values.flag("--downsampling.disable"):
        if 0 < raw_ms < FIVE_MINUTES_AFTER_MS:
            raise InputError("flag --retention.resolution-raw: expected 40h or more, as younger is not downsampled yet")
        if 0 < five_minutes_ms < HOUR_AFTER_MS:
            raise InputError("flag --retention.resolution-5m: expected 10d or more, as younger is not downsampled yet")
    return default_ladder(raw_keep_ms=raw_ms, five_minutes_keep_ms=five_minutes_ms, hour_keep_ms=hour_ms)


def _read_own_ladder(values: Values, text: str) -> Ladder:
    given = [flag for flag in RETENTION_FLAGS if values.is_given(flag)]
    if given:
        raise InputError(f"flags {LADDER_FLAG} and {given[0]}: expected one of them, as the ladder says what is kept")
    try:
        return parse_ladder(text, parse_matchers=parse_matchers)
    except InputError as error:
        raise InputError(f"flag {LADDER_FLAG}: {error}") from error


def read_share(values: Values) -> float:
    """Return which share of the blocks may go by the clock alone. Raises InputError."""
    share = values.number("--delete.max-share")
    if not 0 <= share <= 1:
        raise InputError(f"flag --delete.max-share: expected 0 to 1, found {share}")
    return share


def _read_ranges(values: Values) -> tuple[int, ...]:
    level = values.integer("--debug.max-compaction-level")
    if not 0 <= level < len(RANGES_MS):
        raise InputError(f"flag --debug.max-compaction-level: expected 0 to {len(RANGES_MS) - 1}, found {level}")
    return RANGES_MS[: level + 1]
