"""/api/v1/series, /api/v1/labels and /api/v1/label/<name>/values."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TypeVar

import numpy as np

from promontory.api.answer import Answer, Body, Piece, success, success_of
from promontory.api.call import Call
from promontory.api.encoder import TRUNCATED
from promontory.api.failure import ApiError, bad_data, invalid_parameter, query_failure
from promontory.api.label_text import LabelText
from promontory.errors import PromontoryError
from promontory.model.context import QueryContext
from promontory.model.label_rows import LabelRows, concat_rows
from promontory.model.result import Annotations
from promontory.model.selector import Selector
from promontory.model.time_range import MAX_TIME_MS, MIN_TIME_MS, TimeRange

T = TypeVar("T")

ROWS_PER_PIECE = 10_000
ESCAPED_NAME = "U__"


async def answer_labels(call: Call) -> Answer:
    """Answer with the label names of matching series."""

    async def work(context: QueryContext, selector: Selector) -> list[bytes]:
        return await call.backend.store.label_names(selector, context)

    return await _answer_texts(call, work)


async def answer_label_values(call: Call) -> Answer:
    """Answer with the values of one label among matching series."""
    name = unescape_name(call.request.path_params["name"])
    try:
        label = name.encode()
    except UnicodeEncodeError:
        raise bad_data(f"invalid label name: {name!r}") from None

    async def work(context: QueryContext, selector: Selector) -> list[bytes]:
        return await call.backend.store.label_values(label, selector, context)

    return await _answer_texts(call, work)


async def answer_series(call: Call) -> Answer:
    """Answer with the label sets of matching series, sorted, each once."""
    limit = call.parameters.limit()
    if not call.parameters.texts("match[]"):
        raise bad_data("no match[] parameter provided")
    replica_labels = call.replica_labels()
    if replica_labels is None:
        replica_labels = call.settings.replica_labels
    if not call.parameters.flag("dedup", default=True):
        replica_labels = ()
    selectors = _selectors(call, limit, replica_labels, refuse=_refuse_match)
    context = call.new_context()

    async def work() -> LabelRows:
        parts = [frame.labels for selector in selectors async for frame in call.backend.store.select(selector, context)]
        return await context.run(_unite, parts, context)

    rows = await _guarded(call, context, work())
    is_truncated = 0 < limit < len(rows)
    count = limit if is_truncated else len(rows)
    labels = LabelText(rows)
    body = Body(b"[", tuple(_piece(labels, first, count) for first in range(0, count, ROWS_PER_PIECE)), b"]")
    return success(body, _annotations(context, is_truncated=is_truncated), is_partial=bool(context.warnings))


def unescape_name(name: str) -> str:
    """Return the label name that `U__http_2e_status` stands for; a name that is not escaped as it is.

    Source: Prometheus' UTF-8 escaping, "Value encoding": `__` is an underscore, `_HEX_` a code point.
    """
    if not name.startswith(ESCAPED_NAME):
        return name
    out, position, body = "", 0, name.removeprefix(ESCAPED_NAME)
    while position < len(body):
        if body[position] != "_":
            out += body[position]
            position += 1
        elif body.startswith("__", position):
            out += "_"
            position += 2
        else:
            found = re.compile(r"_([0-9A-Fa-f]{1,6})_").match(body, position)
            if found is None or int(found[1], 16) > 0x10FFFF:
                return name
            out += chr(int(found[1], 16))
            position = found.end()
    return out


async def _answer_texts(call: Call, work: Callable[[QueryContext, Selector], Awaitable[list[bytes]]]) -> Answer:
    limit = call.parameters.limit()
    selectors = _selectors(call, limit, (), refuse=bad_data)
    context = call.new_context()

    async def gather() -> list[bytes]:
        parts = [await work(context, selector) for selector in selectors]
        return parts[0] if len(parts) == 1 else sorted({text for part in parts for text in part})

    texts = await _guarded(call, context, gather())
    is_truncated = 0 < limit < len(texts)
    shown = [text.decode(errors="replace") for text in (texts[:limit] if is_truncated else texts)]
    return success_of(shown, _annotations(context, is_truncated=is_truncated), is_partial=bool(context.warnings))


async def _guarded(call: Call, context: QueryContext, work: Awaitable[T]) -> T:
    try:
        return await call.guard(context, work)
    except PromontoryError as error:
        raise query_failure(error, parameter="match[]") from error


def _refuse_match(text: str) -> ApiError:
    return invalid_parameter("match[]", text)


def _selectors(
    call: Call, limit: int, replica_labels: tuple[bytes, ...], *, refuse: Callable[[str], ApiError]
) -> list[Selector]:
    """Return a Selector for each match[], one without matchers where there is none; none for an empty time range.

    Prometheus names the parameter of a wrong match[] for series, and not for labels and their values.
    """
    time_range = _time_range(call)
    sets = call.matcher_sets("match[]", refuse=refuse)
    for matchers in sets:
        if all(matcher.matches_empty for matcher in matchers):
            raise refuse("match[] must contain at least one non-empty matcher")
    if time_range.max_time_ms < time_range.min_time_ms:
        return []
    return [
        Selector(
            matchers, time_range, skip_chunks=True, limit=limit + 1 if limit else 0,
            without_replica_labels=replica_labels, max_resolution_ms=MAX_TIME_MS,
        )
        for matchers in (sets or ((),))
    ]  # fmt: skip


def _time_range(call: Call) -> TimeRange:
    range_ms = call.settings.metadata_range_ms
    earliest_ms = call.backend.clock.now_ms() - range_ms if range_ms else MIN_TIME_MS
    return TimeRange(
        call.parameters.time_ms("start", default_ms=earliest_ms), call.parameters.time_ms("end", default_ms=MAX_TIME_MS)
    )


def _unite(parts: list[LabelRows], context: QueryContext) -> LabelRows:
    """Return all rows sorted, each once."""
    if not parts:
        return LabelRows.from_labels([], context.symbols)
    rows = concat_rows(parts)
    if not rows.is_sorted():
        rows = rows.take(rows.sort_index())
    return rows.take(np.flatnonzero(~rows.equal_neighbours()))


def _piece(labels: LabelText, first: int, count: int) -> Piece:
    end = min(first + ROWS_PER_PIECE, count)
    return Piece(lambda: labels.write_list(first, end).removesuffix(b"," if end == count else b""))


def _annotations(context: QueryContext, *, is_truncated: bool) -> Annotations:
    return Annotations((*context.warnings, TRUNCATED) if is_truncated else tuple(context.warnings))
