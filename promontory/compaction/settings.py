"""What a compactor was told: durations in milliseconds, sizes in bytes. Defaults are Thanos'."""

from __future__ import annotations

from dataclasses import dataclass, field

from promontory.compaction.job import Deduplication
from promontory.compaction.ladder import Ladder, default_ladder
from promontory.model.durations import DAY_MS, HOUR_MS


@dataclass(frozen=True, slots=True)
class CompactionSettings:
    """How blocks are grouped, merged and retired; a duration of zero means never, or no limit.

    `parts` above 1: into how many a merge is cut whose index would grow beyond `max_index_bytes`. `deletion_share`:
    where more of the bucket's blocks than this share would go by the clock alone, none of them does; 1 refuses never.
    """

    ranges_ms: tuple[int, ...] = (1 * HOUR_MS, 2 * HOUR_MS, 8 * HOUR_MS, 2 * DAY_MS, 14 * DAY_MS)
    replica_labels: tuple[str, ...] = ()
    deduplication: Deduplication = Deduplication.ONE_TO_ONE
    vertical: bool = False
    downsampling: bool = True
    ladder: Ladder = field(default_factory=default_ladder)
    consistency_delay_ms: int = HOUR_MS // 2
    delete_delay_ms: int = 2 * DAY_MS
    max_index_bytes: int = 64 * 2**30
    parts: int = 1
    deletion_share: float = 0.25
    halt_on_error: bool = False
    skip_out_of_order_chunks: bool = False
    accept_malformed_index: bool = False
    hash_function: str = ""
