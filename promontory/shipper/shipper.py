"""Shipper: takes the finished blocks of one Prometheus to a bucket, oldest first, each once.

    for each local block:  known in the state file?  -> keep it there
                           empty, or compacted?      -> skip
                           meta.json in the bucket?  -> remember it
                           else                      -> freeze, add external labels, upload, remember

One rule: a block that fails does not stop the others; a bucket that does not answer ends the pass.
Source: thanos pkg/shipper/shipper.go (which stops at the first bad block; we report it and go on).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from promontory.block.meta import META_FILE, BlockMeta, ThanosMeta
from promontory.bucket.port import Bucket
from promontory.catalog.catalog import Catalog
from promontory.catalog.transfer import upload_block
from promontory.errors import BucketError, CorruptionError, HaltError, InputError, ObjectNotFound, PromontoryError
from promontory.model.clock import Clock
from promontory.model.labels import Labels
from promontory.shipper.local_blocks import LocalBlocks, frozen_block, read_local_blocks
from promontory.shipper.state import STATE_FILE, read_state, write_state

SIDECAR_SOURCE = "sidecar"


@dataclass(frozen=True, slots=True)
class ShipReport:
    """What one pass did, by ULID. `waiting` were not tried because the bucket did not answer."""

    uploaded: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)
    failed: Mapping[str, Exception] = field(default_factory=dict)
    waiting: tuple[str, ...] = ()
    state_problem: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether every block that should be in the bucket is there."""
        return not self.failed and not self.waiting


class Shipper:
    """Ships the blocks below `tsdb_path`. `labels_provider` gives Prometheus' external labels as they are now."""

    def __init__(
        self,
        tsdb_path: Path,
        bucket: Bucket,
        labels_provider: Callable[[], Labels],
        *,
        clock: Clock,
        upload_compacted: bool = False,
        source: str = SIDECAR_SOURCE,
        state_file: str = STATE_FILE,
    ) -> None:
        self._tsdb_path = tsdb_path
        self._bucket = bucket
        self._labels_provider = labels_provider
        self._clock = clock
        self._upload_compacted = upload_compacted
        self._source = source
        self._state_path = tsdb_path / state_file

    async def sync(self) -> ShipReport:
        """Ship what is new. Raises InputError without external labels, OSError without a data directory."""
        labels = self._labels_provider()
        if not labels.pairs:
            raise InputError("external labels of Prometheus: expected at least one, found none")
        local = await asyncio.to_thread(read_local_blocks, self._tsdb_path)
        known, state_problem = await asyncio.to_thread(self._read_state)
        shipment = _Shipment(failed=dict(local.broken))
        try:
            await self._ship_all(local, labels, known, shipment)
        finally:
            if state_problem or tuple(shipment.state) != known:
                state_problem = await asyncio.to_thread(self._write_state, shipment) or state_problem
        return ShipReport(
            uploaded=tuple(shipment.uploaded),
            known=tuple(shipment.known),
            skipped=shipment.skipped,
            failed=shipment.failed,
            waiting=tuple(shipment.waiting),
            state_problem=state_problem,
        )

    async def _ship_all(self, local: LocalBlocks, labels: Labels, known: tuple[str, ...], shipment: _Shipment) -> None:
        for position, meta in enumerate(local.metas):
            if meta.ulid in known:
                shipment.remember(meta.ulid)
            elif reason := self._reason_to_skip(meta):
                shipment.skipped[meta.ulid] = reason
            else:
                try:
                    if await self._is_in_bucket(meta.ulid):
                        shipment.remember(meta.ulid)
                        continue
                except BucketError as error:  # the bucket's trouble, not the block's
                    shipment.failed[meta.ulid] = error
                    shipment.waiting = self._left(local.metas[position + 1 :], known, shipment)
                    return
                await self._ship(meta, labels, shipment)

    def _left(self, metas: Sequence[BlockMeta], known: tuple[str, ...], shipment: _Shipment) -> list[str]:
        """Return what was not tried, and keep in the state what was known before."""
        for meta in metas:
            if meta.ulid in known:
                shipment.remember(meta.ulid)
        return [meta.ulid for meta in metas if meta.ulid not in known and not self._reason_to_skip(meta)]

    async def _ship(self, meta: BlockMeta, labels: Labels, shipment: _Shipment) -> None:
        try:
            if meta.compaction.level > 1:
                await self._refuse_overlap(meta, labels)
            with ExitStack() as stack:
                frozen = await asyncio.to_thread(stack.enter_context, frozen_block(self._tsdb_path, meta.ulid))
                await upload_block(self._bucket, frozen, self._with_labels(meta, labels), clock=self._clock)
        except (PromontoryError, OSError) as error:
            shipment.failed[meta.ulid] = error
        else:
            shipment.uploaded.append(meta.ulid)
            shipment.state.append(meta.ulid)

    def _reason_to_skip(self, meta: BlockMeta) -> str:
        if meta.stats.sample_count == 0:
            return "empty"
        if meta.compaction.level > 1 and not self._upload_compacted:
            return f"compacted to level {meta.compaction.level}"
        return ""

    async def _is_in_bucket(self, ulid: str) -> bool:
        try:
            await self._bucket.info(f"{ulid}/{META_FILE}")
        except ObjectNotFound:
            return False
        return True

    async def _refuse_overlap(self, meta: BlockMeta, labels: Labels) -> None:
        """A compacted block may hold what its sources brought to the bucket before."""
        view = await Catalog(self._bucket, clock=self._clock).sync()
        overlapping = sorted(
            other.ulid
            for other in view.blocks.values()
            if other.labels == labels
            and other.resolution_ms == 0
            and other.min_time_ms < meta.max_time_ms
            and meta.min_time_ms < other.max_time_ms
        )
        if overlapping:
            raise HaltError(f"compacted block {meta.ulid} overlaps blocks in the bucket: {', '.join(overlapping)}")

    def _with_labels(self, meta: BlockMeta, labels: Labels) -> BlockMeta:
        thanos = replace(meta.thanos or ThanosMeta(), labels=labels, source=self._source)
        return replace(meta, thanos=thanos)

    def _read_state(self) -> tuple[tuple[str, ...], str]:
        try:
            return read_state(self._state_path), ""
        except (OSError, CorruptionError) as error:
            return (), f"read anew from the bucket: {error}"

    def _write_state(self, shipment: _Shipment) -> str:
        try:
            write_state(self._state_path, shipment.state)
        except OSError as error:
            return f"not written: {error}"
        return ""


@dataclass(slots=True)
class _Shipment:
    """A pass under way; `state` is what the state file will hold, oldest first."""

    failed: dict[str, Exception]
    uploaded: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    state: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)

    def remember(self, ulid: str) -> None:
        self.known.append(ulid)
        self.state.append(ulid)
