"""Arithmetic on native histograms, whole columns at a time.

Sums keep what rounding lost beside them (Kahan), so that they can go on with the next batch:

    combined = add_lists(table, start, member, stop)                      the sums of lists of the table's rows
    combined = add_lists(more, start, member, stop, before=combined)      the same lists go on
    combined.histograms, combined.failed, …                               what they come to

Empty buckets are never kept, so every result is what Prometheus has after Compact(0).

Source: Prometheus 3.14, model/histogram/float_histogram.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from promontory.kernels import histogram_lists as lists
from promontory.kernels.histogram_bounds import bound_fractions
from promontory.kernels.histogram_lists import sum_lists
from promontory.kernels.histogram_pairs import compare_pairs, find_resets
from promontory.kernels.histogram_sums import FAILED, OWN, RECONCILED
from promontory.model.histograms import CUSTOM_SCHEMA, Histograms, ResetHint, bound_columns, concat_histograms
from promontory.model.symbols import SymbolTable
from promontory.promql.execution.sum_columns import SumColumns

Index = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

# Room for the buckets of sums that is asked for at once; a longest list gets more.
CHUNK_BUCKETS = 1 << 16


@dataclass(frozen=True, slots=True)
class Combined:
    """Sums of l lists, and what happened on the way.

    totals, l rows: the sums without what was lost, and with buckets that only lost something · bucket_lost float64[b]
    · facts_lost float64[l, 3] of zero count, count and sum · members float64[l] · flags uint8[l], of
    kernels/histogram_lists.py · failed_at int64[l]: the place in `member` at which a list failed just now, or -1
    """

    totals: Histograms
    bucket_lost: Floats
    facts_lost: Floats
    members: Floats
    flags: NDArray[np.uint8]
    failed_at: Index

    @property
    def failed(self) -> Flags:
        """bool[l]: exponential buckets met custom ones, so there is no result."""
        return self._has(FAILED)

    @property
    def reconciled(self) -> Flags:
        """bool[l]: custom bounds that differed were brought to those they share while adding."""
        return self._has(RECONCILED)

    @property
    def reconciled_less(self) -> Flags:
        """bool[l]: the same while subtracting."""
        return self._has(lists.RECONCILED_LESS)

    @property
    def collided(self) -> Flags:
        """bool[l]: some member says "reset", another "not reset"."""
        return self._has(lists.SEEN_RESET | lists.SEEN_NOT_RESET)

    @property
    def running(self) -> Flags:
        """bool[l]: the sum would have overflowed, and what is kept is the mean."""
        return self._has(lists.RUNNING)

    @property
    def plain(self) -> Histograms:
        """The sums without compensation, as `+` and `-` of two histograms give them."""
        return drop_empty(self.totals)

    @property
    def histograms(self) -> Histograms:
        """The sums."""
        zero, count, total = self.facts_lost.T
        sums = self.totals
        return drop_empty(
            replace(
                sums, zero_count=sums.zero_count + zero, count=sums.count + count, sum=sums.sum + total,
                bucket_count=sums.bucket_count + self.bucket_lost,
            )
        )  # fmt: skip

    def means(self) -> Histograms:
        """Return the means of lists that were added with mean=True."""
        divisor = np.where(self.running, 1.0, self.members)
        wide = np.repeat(divisor, np.diff(self.totals.bucket_start))
        parted = replace(
            self, totals=_divide_all(self.totals, divisor), bucket_lost=self.bucket_lost / wide,
            facts_lost=self.facts_lost / divisor[:, np.newaxis],
        )  # fmt: skip
        return parted.histograms

    def _has(self, bits: int) -> Flags:
        has: Flags = (self.flags & bits) == bits
        return has

    def take(self, index: Index) -> Combined:
        """Return the lists at `index`, in that order."""
        return Combined(
            self.totals.take(index), replace(self.totals, bucket_count=self.bucket_lost).take(index).bucket_count,
            self.facts_lost[index], self.members[index], self.flags[index], self.failed_at[index],
        )  # fmt: skip


def concat_combined(parts: Sequence[Combined]) -> Combined:
    """Return the lists of all parts, one after the other. At least one part; all of one SymbolTable."""
    if len(parts) == 1:
        return parts[0]
    names = ("bucket_lost", "facts_lost", "members", "flags", "failed_at")
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return Combined(totals=concat_histograms([part.totals for part in parts]), **columns)


def add_lists(
    table: Histograms,
    start: Index,
    member: Index,
    stop: NDArray[np.uint8],
    *,
    negative: Flags | None = None,
    coarsest: NDArray[np.int32] | None = None,
    before: Combined | None = None,
    mean: bool = False,
) -> Combined:
    """Return the sums of lists of the table's rows, added in order; list i is member[start[i] : start[i + 1]].

    negative bool[m]: members to subtract · coarsest int32[l]: the first member's schema is reduced to this at most
    (custom ones are left) · before: l lists that go on · mean: keep the mean where a sum would overflow. A list
    without members is an empty histogram.
    """
    codes = np.concatenate([table.bounds] if before is None else [table.bounds, before.totals.bounds])
    row, bounds_start, bounds = bound_columns(codes, table.symbols)
    longest = _most_buckets(table, start, member, before)
    most_bounds = int(np.max(np.diff(bounds_start), initial=1))
    kinds = _kinds(table, row[: len(table)])
    facts = np.stack([table.zero_threshold, table.zero_count, table.count, table.sum], axis=1)
    given: tuple[NDArray[Any], ...] = (
        start, member, np.zeros(0, np.bool_) if negative is None else negative,
        np.zeros(0, np.int32) if coarsest is None else coarsest,
        kinds, facts, table.bucket_start, table.bucket_key, table.bucket_count,
        *_state_columns(before, row[len(table) :]),
        np.empty((2, longest), np.int32), np.empty((2, longest)), np.empty((2, longest)), np.empty((2, 7)),
        np.empty((2, 4), np.int64), bounds_start, bounds, np.empty((2, most_bounds)), np.zeros(1, np.int64),
        bound_fractions(), stop,
    )  # fmt: skip
    sums = SumColumns(len(start) - 1, max(longest, CHUNK_BUCKETS), max(most_bounds, CHUNK_BUCKETS))
    done = 0
    while done < sums.count and not stop[0]:
        done = sums.keep(done, sum_lists(done, int(mean), *given, *sums.columns()))
    code_of_row = np.zeros(len(bounds_start), np.int32)
    code_of_row[row] = codes
    return _combined(sums, code_of_row, table.symbols)


def _combined(sums: SumColumns, code_of_row: NDArray[np.int32], symbols: SymbolTable) -> Combined:
    key, total, lost = sums.buckets()
    start = np.zeros(sums.count + 1, np.int64)
    np.cumsum(sums.sizes, out=start[1:])
    schema, hint, bounds_row = sums.kinds.T
    own = bounds_row == OWN
    bounds = np.where(schema == CUSTOM_SCHEMA, code_of_row[bounds_row], np.int32(0))
    if own.any():
        data = sums.bounds().astype("<f8").view(np.uint8)
        end = 8 * np.cumsum(sums.bound_sizes[own])
        bounds[own] = symbols.intern_spans(data, end - 8 * sums.bound_sizes[own], end)
    facts = sums.facts
    totals = Histograms(
        schema.astype(np.int8), hint.astype(np.uint8), bounds, facts[:, 0].copy(), facts[:, 1].copy(),
        facts[:, 3].copy(), facts[:, 5].copy(), start, key, total, symbols,
    )  # fmt: skip
    return Combined(totals, lost, facts[:, 2::2].copy(), sums.members, sums.flags, sums.failed_at)


def _most_buckets(table: Histograms, start: Index, member: Index, before: Combined | None) -> int:
    """Return how many buckets the sum of a list may have at most."""
    ends = np.concatenate([[0], np.cumsum(np.diff(table.bucket_start)[member])])
    sizes = ends[start[1:]] - ends[start[:-1]]
    if before is not None:
        sizes = sizes + np.diff(before.totals.bucket_start)
    return int(np.max(sizes, initial=1))


def _kinds(table: Histograms, bounds_row: NDArray[np.int32]) -> NDArray[np.int32]:
    return np.stack([table.schema.astype(np.int32), table.hint.astype(np.int32), bounds_row], axis=1)


def _state_columns(before: Combined | None, bounds_row: NDArray[np.int32]) -> tuple[NDArray[Any], ...]:
    if before is None:
        none = np.empty(0)
        return (
            np.empty((0, 3), np.int32), np.empty((0, 7)), np.zeros(1, np.int64), np.empty(0, np.int32), none, none,
            none, np.empty(0, np.uint8),
        )  # fmt: skip
    sums = before.totals
    facts = np.empty((len(sums), 7))
    for place, column in enumerate((sums.zero_threshold, sums.zero_count, sums.count, sums.sum)):
        facts[:, max(2 * place - 1, 0)] = column
    facts[:, 2::2] = before.facts_lost
    return (
        _kinds(sums, bounds_row), facts, sums.bucket_start, sums.bucket_key, sums.bucket_count, before.bucket_lost,
        before.members, before.flags,
    )  # fmt: skip


def subtract_pairs(table: Histograms, left: Index, right: Index, stop: NDArray[np.uint8]) -> Combined:
    """Return left - right of pairs of the table's rows: see `Combined.plain` and `Combined.reconciled_less`."""
    member = np.stack([left, right], axis=1).ravel()
    negative = np.tile(np.array([False, True]), len(left))
    return add_lists(table, np.arange(0, len(member) + 1, 2), member, stop, negative=negative)


def add_pairs(table: Histograms, left: Index, right: Index, stop: NDArray[np.uint8]) -> Combined:
    """Return left + right of pairs of the table's rows: see `Combined.plain`."""
    member = np.stack([left, right], axis=1).ravel()
    return add_lists(table, np.arange(0, len(member) + 1, 2), member, stop)


def drop_empty(table: Histograms) -> Histograms:
    """Return the histograms without buckets that hold nothing."""
    populated = table.bucket_count != 0
    if populated.all():
        return table
    ends = np.concatenate([[0], np.cumsum(populated)]).astype(np.int64)
    return replace(
        table, bucket_start=ends[table.bucket_start], bucket_key=table.bucket_key[populated],
        bucket_count=table.bucket_count[populated],
    )  # fmt: skip


def scale(table: Histograms, factor: Floats) -> Histograms:
    """Return the histograms times factor: float64[h]; by a negative one they become gauges."""
    with np.errstate(all="ignore"):
        return drop_empty(
            replace(
                table, hint=_gauge_where(table, factor < 0), zero_count=table.zero_count * factor,
                count=table.count * factor, sum=table.sum * factor,
                bucket_count=table.bucket_count * np.repeat(factor, np.diff(table.bucket_start)),
            )
        )  # fmt: skip


def divide(table: Histograms, divisor: Floats) -> Histograms:
    """Return the histograms over divisor: float64[h]; by zero they lose their buckets, by less they become gauges."""
    if (divisor == 0).any():
        table = _without_buckets(table, divisor == 0)
    return drop_empty(_divide_all(table, divisor))


def negate(table: Histograms) -> Histograms:
    """Return minus the histograms, which are gauges."""
    return scale(table, np.full(len(table), -1.0))


def _divide_all(table: Histograms, divisor: Floats) -> Histograms:
    with np.errstate(all="ignore"):
        return replace(
            table, hint=_gauge_where(table, divisor < 0), zero_count=table.zero_count / divisor,
            count=table.count / divisor, sum=table.sum / divisor,
            bucket_count=table.bucket_count / np.repeat(divisor, np.diff(table.bucket_start)),
        )  # fmt: skip


def _gauge_where(table: Histograms, chosen: Flags) -> NDArray[np.uint8]:
    return np.where(chosen, np.uint8(ResetHint.GAUGE), table.hint)


def _without_buckets(table: Histograms, chosen: Flags) -> Histograms:
    emptied = np.repeat(chosen, np.diff(table.bucket_start))
    return drop_empty(replace(table, bucket_count=np.where(emptied, 0.0, table.bucket_count)))


def equal_pairs(left: Histograms, left_index: Index, right: Histograms, right_index: Index) -> Flags:
    """Return bool[p]: whether pairs of rows hold the same data, NaN included; reset hints do not count.

    Both tables are of one SymbolTable.
    """
    alike: Flags = left.schema[left_index] == right.schema[right_index]
    alike &= left.bounds[left_index] == right.bounds[right_index]
    alike &= left.zero_threshold[left_index] == right.zero_threshold[right_index]
    for name in ("zero_count", "count", "sum"):
        one, other = getattr(left, name)[left_index], getattr(right, name)[right_index]
        alike &= one.view(np.int64) == other.view(np.int64)
    compare_pairs(
        left.bucket_start, left.bucket_key, left.bucket_count.view(np.int64), left_index,
        right.bucket_start, right.bucket_key, right.bucket_count.view(np.int64), right_index, alike,
    )  # fmt: skip
    return alike


def detect_resets(table: Histograms, current: Index, previous: Index) -> Flags:
    """Return bool[p]: whether a counter was reset between the row `previous` and the row `current` of each pair."""
    row, bounds_start, bounds = table.bound_values()
    most = int(np.max(np.diff(table.bucket_start), initial=1))
    reset = np.zeros(len(current), np.bool_)
    find_resets(
        current, previous, _kinds(table, row),
        np.stack([table.zero_threshold, table.zero_count, table.count, table.sum], axis=1),
        table.bucket_start, table.bucket_key, table.bucket_count, bounds_start, bounds, bound_fractions(),
        np.empty((2, most), np.int32), np.empty((2, most)), np.empty((2, most)),
        np.empty(int(np.max(np.diff(bounds_start), initial=1))), reset,
    )  # fmt: skip
    return reset
