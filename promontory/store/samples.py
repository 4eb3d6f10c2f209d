"""Samples of a Store: morsels of its Frames, decoded and de-duplicated in the kernel pool.

    select -> order checked -> morsels ─┬─ decode_frame ─ prepare ─┐
                                        └─ decode_frame ─ prepare ─┴─► absorb, in the order of the Store

`feed_samples` does all there is to do with a morsel in one task of the pool; `read_samples` gives the Samples out.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Protocol, TypeVar

from promontory.errors import CorruptionError, LimitError
from promontory.model.context import QueryContext
from promontory.model.frame import Frame
from promontory.model.samples import Samples
from promontory.model.selector import Selector
from promontory.store.dedup import DecodedFrame, decode_frame
from promontory.store.merge import in_order
from promontory.store.morsels import Morsel, gather_morsels, work_on_morsels
from promontory.store.port import Store, answer_now
from promontory.store.resolution import choose_resolution
from promontory.store.turnstile import Turnstile

UNSUPPORTED_WARNING = (
    "chunks of unknown encodings, or of aggregates without their counts: series that hold them lack those"
)
Prepared = TypeVar("Prepared")


class Feed(Protocol[Prepared]):
    """What takes the samples of a select."""

    @property
    def rows_at_once(self) -> int:
        """About how many series it wants at a time at most."""

    def prepare(self, samples: Samples) -> Prepared:
        """Return what is to be absorbed of a morsel; called from several threads."""

    def absorb(self, prepared: Prepared) -> None:
        """Take a morsel; one at a time, in Store order."""


async def feed_samples(
    store: Store,
    selector: Selector,
    context: QueryContext,
    feed: Feed[Prepared],
    *,
    replica_labels: tuple[bytes, ...],
    deduplicate: bool,
    penalty: bool = True,
) -> None:
    """Give what `read_samples` would yield to a feed: a morsel is decoded, prepared and absorbed without a pause.

    Once this has returned everything is absorbed; once it has raised no more is begun, though a thread may be at one.
    """
    reading = _Reading(store, selector, context, replica_labels if deduplicate else (), penalty=penalty)

    def work(number: int, morsel: Morsel) -> None:
        decoded = reading.decode(morsel)
        size_bytes = decoded.samples.resident_bytes
        try:
            context.budget.charge(size_bytes)
            prepared = feed.prepare(decoded.samples) if len(decoded.samples) else None
        except BaseException:
            context.budget.release(size_bytes)
            raise
        turnstile.put(number, (decoded, prepared))

    def absorb(fed: tuple[DecodedFrame, Prepared | None]) -> None:
        decoded, prepared = fed
        try:
            reading.tell_missing(decoded)
            if prepared is not None:
                feed.absorb(prepared)
        finally:
            drop(fed)

    def drop(fed: tuple[DecodedFrame, Prepared | None]) -> None:
        context.budget.release(fed[0].samples.resident_bytes)

    turnstile = Turnstile(absorb, drop)
    try:
        async with (
            aclosing(gather_morsels(reading.frames(), context, rows=feed.rows_at_once)) as morsels,
            aclosing(work_on_morsels(morsels, work, context)) as absorbed,
        ):
            async for _ in absorbed:
                pass
    finally:
        turnstile.close()


async def read_samples(
    store: Store,
    selector: Selector,
    context: QueryContext,
    *,
    replica_labels: tuple[bytes, ...],
    deduplicate: bool,
    penalty: bool = True,
) -> AsyncGenerator[Samples, None]:
    """Yield the samples of the selector's series within its range, in Store order, whole series at a time.

    De-duplicating strips `replica_labels` and merges the replicas of a series: by the penalty algorithm, or else
    as one chain of all their timestamps. Series without a sample in the range are left out. A chunk that cannot be
    read is a failure of a part: the series goes on without it, and the query says so.
    """
    reading = _Reading(store, selector, context, replica_labels if deduplicate else (), penalty=penalty)
    async with (
        aclosing(gather_morsels(reading.frames(), context)) as morsels,
        aclosing(work_on_morsels(morsels, lambda _, morsel: reading.decode(morsel), context)) as decoded_morsels,
    ):
        async for decoded in decoded_morsels:
            reading.tell_missing(decoded)
            size_bytes = decoded.samples.resident_bytes
            try:
                context.budget.charge(size_bytes)
                if len(decoded.samples):
                    yield decoded.samples
            finally:
                context.budget.release(size_bytes)


def read_samples_now(
    store: Store,
    selector: Selector,
    context: QueryContext,
    *,
    replica_labels: tuple[bytes, ...],
    deduplicate: bool,
    penalty: bool = True,
) -> Samples | None:
    """Return all that `read_samples` would yield, where it is few and at hand; None where it is to be asked.

    In the calling thread, in less than a millisecond. None also where there is anything to tell.
    """
    reading = _Reading(store, selector, context, replica_labels if deduplicate else (), penalty=penalty)
    frame = reading.frame_now()
    if frame is None:
        return None
    decoded = reading.decode_frame(frame)
    is_told = decoded.stopped or decoded.unsupported or len(decoded.corrupt)
    return None if is_told else decoded.samples


def ask_for(selector: Selector, *, merged_labels: tuple[bytes, ...]) -> Selector:
    """Return the selector as a Store is asked, so that what differs in `merged_labels` alone can be made one."""
    return choose_resolution(replace(selector, without_replica_labels=merged_labels))


class _Reading:
    """One select: what is asked of the Store, how its morsels are decoded, and what they miss."""

    def __init__(
        self, store: Store, selector: Selector, context: QueryContext, merged_labels: tuple[bytes, ...],
        *, penalty: bool,
    ) -> None:  # fmt: skip
        self._store = store
        self._asked = ask_for(selector, merged_labels=merged_labels)
        self._context = context
        self._penalty = bool(merged_labels) and penalty

    def frames(self) -> AsyncIterator[Frame]:
        """Return the Frames of the select, in order."""
        name = self._store.describe().name
        return in_order(self._store.select(self._asked, self._context), self._context, name=name)

    def frame_now(self) -> Frame | None:
        """Return what `frames` would yield as one, where it is at hand."""
        return answer_now(self._store, self._asked, self._context)

    def decode(self, morsel: Morsel) -> DecodedFrame:
        """Return the samples of a morsel; on any thread."""
        return self.decode_frame(morsel.join())

    def decode_frame(self, frame: Frame) -> DecodedFrame:
        """Return the samples of a Frame of whole series; on any thread."""
        return decode_frame(
            frame, self._asked.time_range,
            penalty=self._penalty, stop=self._context.stop, aggregates=self._asked.aggregates,
        )  # fmt: skip

    def tell_missing(self, decoded: DecodedFrame) -> None:
        """Note as warnings what a morsel misses. Raises LimitError where it is not whole."""
        if decoded.stopped:
            self._context.check()
            raise LimitError("query was canceled in expression evaluation", error_type="canceled")
        if decoded.unsupported:
            self._context.warn(UNSUPPORTED_WARNING)
        corrupt = decoded.corrupt
        if len(corrupt):
            labels = decoded.labels.labels(int(corrupt.row[0]))
            self._context.tolerate(
                CorruptionError(
                    f"{len(corrupt)} chunks cannot be read; the first one",
                    source=f"series {labels}, samples {corrupt.min_ms[0]} to {corrupt.max_ms[0]} ms",
                    offset=int(corrupt.start[0]),
                    expected=f"a chunk of encoding {corrupt.encoding[0]} in {corrupt.length[0]} bytes",
                    found="bytes that break its format",
                )
            )
