"""PrometheusStore: the Store that a sidecar serves over one running Prometheus, by remote read.

Rules (Thanos' sidecar): a matcher on an external label that does not match answers nothing, one that matches is
taken off, and one matcher must be left. External labels overwrite labels of the same name. The range is clamped
to what Prometheus still holds.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from promontory.errors import InputError, LimitError, StoreError, StoreUnavailable
from promontory.model.context import QueryContext
from promontory.model.frame import ChunkColumns, Frame
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.matcher import Matcher
from promontory.model.selector import Selector, Shard
from promontory.model.shard import select_shard
from promontory.model.store_info import StoreInfo, TsdbInfo
from promontory.model.symbols import SymbolTable
from promontory.model.time_range import MAX_TIME_MS, MIN_TIME_MS, TimeRange
from promontory.store.external_labels import strip_matchers
from promontory.store.prometheus.answer import SAMPLED_LIMIT_BYTES, StreamedAnswer, read_sampled
from promontory.store.prometheus.client import PrometheusClient
from promontory.store.prometheus.request import (
    SAMPLES,
    STREAMED_CONTENT_TYPE,
    STREAMED_XOR_CHUNKS,
    encode_read_request,
)
from promontory.store.sort import sort_frames

PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class PrometheusState:
    """What is known of Prometheus: its external labels and the oldest time it holds."""

    labels: Labels
    min_time_ms: int = MIN_TIME_MS


class PrometheusStore:
    """Answers from one Prometheus; `refresh` asks for its labels and oldest time, and is called now and then."""

    def __init__(self, client: PrometheusClient, *, name: str, oldest_ms: int = MIN_TIME_MS) -> None:
        self._client = client
        self._name = name
        self._oldest_ms = oldest_ms
        self.state = PrometheusState(Labels())

    async def refresh(self) -> None:
        """Ask for external labels and oldest time. Raises StoreError, which leaves what is known.

        Raises InputError where there are no labels, and answers nothing from then on: the old ones are not true.
        """
        labels = await self._client.external_labels()
        if not labels.pairs:
            self.state = PrometheusState(labels)
            raise InputError(
                f"Prometheus {self._client.url} has no external labels: expected at least one under "
                "global.external_labels of its configuration, which tells its blocks from others"
            )
        lowest_ms = await self._client.lowest_time_ms()
        self.state = PrometheusState(labels, max(self._oldest_ms, MIN_TIME_MS if lowest_ms is None else lowest_ms))

    def describe(self) -> StoreInfo:
        """Return the external labels and the time range from the oldest sample on."""
        time_range = TimeRange(self.state.min_time_ms, MAX_TIME_MS)
        labels = self.state.labels
        return StoreInfo(
            name=self._name,
            kind="sidecar",
            label_sets=(labels,),
            time_range=time_range,
            tsdb_infos=(TsdbInfo(labels, time_range),),
        )

    async def select(self, selector: Selector, context: QueryContext) -> AsyncGenerator[Frame, None]:
        """Yield the matching series in order. Raises StoreUnavailable before the first `refresh`."""
        matchers = self._strip_external(selector.matchers)
        if matchers is None:
            return
        if not matchers:
            raise InputError("no matchers specified (excluding external labels)")
        time_range = self._clamp(selector.time_range)
        if time_range is None:
            return
        narrowed = replace(selector, matchers=matchers, time_range=time_range)
        read = self._read_labels if selector.skip_chunks else self._read_chunks
        whole = self._finish(read(narrowed, context), selector, context)
        async with aclosing(sort_frames(whole, context, without=selector.without_replica_labels)) as frames:
            async for frame in frames:
                yield frame

    async def label_names(self, selector: Selector, context: QueryContext) -> list[bytes]:
        """Return Prometheus' label names and, where there are any, those of the external labels."""
        matchers = self._strip_external(selector.matchers)
        time_range = self._clamp(selector.time_range)
        if matchers is None or time_range is None:
            return []
        names = await self._client.label_names(_form(matchers, time_range))
        if not names:
            return []
        external = {name for name, _ in self.state.labels.pairs}
        return _limited(sorted({*names, *external} - {*selector.without_replica_labels}), selector.limit)

    async def label_values(self, name: bytes, selector: Selector, context: QueryContext) -> list[bytes]:
        """Return the values of one label; an external label has its one value where any series matches."""
        if not name:
            raise InputError("label name cannot be empty")
        if name in selector.without_replica_labels:
            return []
        matchers = self._strip_external(selector.matchers)
        time_range = self._clamp(selector.time_range)
        if matchers is None or time_range is None:
            return []
        external = self.state.labels.get(name)
        form = _form(matchers, time_range)
        if not external:
            values = await self._client.label_values(name.decode(errors="replace"), form)
            return _limited(sorted(values), selector.limit)
        return [external] if not matchers or await self._client.series(form) else []

    def _strip_external(self, matchers: Sequence[Matcher]) -> tuple[Matcher, ...] | None:
        """Return the matchers that are left for Prometheus, None where an external label does not match."""
        if not self.state.labels.pairs:
            raise StoreUnavailable(
                f"Prometheus {self._client.url} has not said its external labels yet", endpoint=self._name
            )
        return strip_matchers(self.state.labels, matchers)

    def _clamp(self, time_range: TimeRange) -> TimeRange | None:
        """Return the part of the range that Prometheus may hold, None where there is none."""
        if time_range.max_time_ms < self.state.min_time_ms:
            return None
        return TimeRange(max(time_range.min_time_ms, self.state.min_time_ms), time_range.max_time_ms)

    async def _read_labels(self, selector: Selector, context: QueryContext) -> AsyncGenerator[Frame, None]:
        found = await self._client.series(_form(selector.matchers, selector.time_range))
        yield await context.run(_label_frame, found, context.symbols)

    async def _read_chunks(self, selector: Selector, context: QueryContext) -> AsyncGenerator[Frame, None]:
        import cramjam

        accepted = (STREAMED_XOR_CHUNKS, SAMPLES)
        message = encode_read_request(selector.matchers, selector.time_range, accepted=accepted)
        body = bytes(cramjam.snappy.compress_raw(message))
        async with self._client.read(body) as response:
            if not response.headers.get("content-type", "").startswith(STREAMED_CONTENT_TYPE):
                body = await self._gather(response.aiter_raw(PIECE_BYTES))
                sampled = await context.run(read_sampled, body, context.symbols, source=self._client.url)
                self._tell_unread(sampled.histogram_count, context)
                yield sampled.frame
                return
            answer = StreamedAnswer(context.symbols, source=self._client.url)
            async for piece in response.aiter_raw(PIECE_BYTES):
                frame = await context.run(answer.feed, piece)
                if frame is not None:
                    yield frame
            answer.finish()

    def _tell_unread(self, histogram_count: int, context: QueryContext) -> None:
        if histogram_count:
            context.tolerate(
                StoreError(
                    f"{self._client.url} answers remote reads with samples: expected streamed chunks, found "
                    f"{histogram_count} native histograms, which are left out",
                    endpoint=self._name,
                )
            )

    async def _gather(self, pieces: AsyncIterator[bytes]) -> bytes:
        body = bytearray()
        async for piece in pieces:
            body += piece
            if len(body) > SAMPLED_LIMIT_BYTES:
                raise LimitError(f"{self._client.url} answers with more than {SAMPLED_LIMIT_BYTES} bytes of samples")
        return bytes(body)

    async def _finish(
        self, frames: AsyncGenerator[Frame, None], selector: Selector, context: QueryContext
    ) -> AsyncGenerator[Frame, None]:
        """Add external labels and keep the shard."""
        external = self.state.labels
        async with aclosing(frames):
            async for frame in frames:
                yield await context.run(_complete, frame, external, selector.shard)


def _label_frame(found: Sequence[Mapping[str, str]], symbols: SymbolTable) -> Frame:
    rows = LabelRows.from_labels([Labels.from_mapping(labels) for labels in found], symbols)
    return Frame(labels=rows, chunks=ChunkColumns.empty(), buffers=())


def _complete(frame: Frame, external: Labels, shard: Shard | None) -> Frame:
    whole = replace(frame, labels=frame.labels.with_labels(external))
    return whole if shard is None else whole.keep_rows(select_shard(whole.labels, shard))


def _form(matchers: Collection[Matcher], time_range: TimeRange) -> list[tuple[str, str]]:
    form = []
    if matchers:
        form.append(("match[]", "{" + ",".join(str(matcher) for matcher in matchers) + "}"))
    if time_range.min_time_ms > MIN_TIME_MS:
        form.append(("start", _seconds(time_range.min_time_ms)))
    if time_range.max_time_ms < MAX_TIME_MS:
        form.append(("end", _seconds(time_range.max_time_ms)))
    return form


def _seconds(time_ms: int) -> str:
    seconds, milliseconds = divmod(abs(time_ms), 1000)
    return f"{'-' if time_ms < 0 else ''}{seconds}.{milliseconds:03d}"


def _limited(texts: list[bytes], limit: int) -> list[bytes]:
    return texts[:limit] if limit else texts
