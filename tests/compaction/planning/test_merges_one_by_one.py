"""All merges at once are those that are found one by one, planning anew after each, as Thanos does."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from promontory.block.markers import MarkKind
from promontory.block.meta import BlockMeta
from promontory.compaction.settings import CompactionSettings
from tests.compaction.planning.made_up import block, inputs_of, marks, merge_plan, number_of

RANGES = (10, 20, 60, 240)


def choose_one(blocks: Sequence[BlockMeta], marked: set[int]) -> list[BlockMeta]:
    """Return the next merge of blocks sorted by minimum time, by the rules as they are written down."""
    chain: list[BlockMeta] = []
    for meta in (meta for meta in blocks if number_of(meta.ulid) not in marked):
        if chain and meta.min_time_ms < max(other.max_time_ms for other in chain):
            chain.append(meta)
        elif len(chain) > 1:
            break
        else:
            chain = [meta]
    if len(chain) > 1:
        return chain
    older = blocks[:-1]
    for length in RANGES[1:]:
        for start in sorted({meta.min_time_ms // length * length for meta in older}):
            # A block across the border of ranges also parts what lies before it from what lies behind.
            part: list[BlockMeta] = []
            for one in [*(meta for meta in older if start <= meta.min_time_ms < start + length), None]:
                if one is not None and one.max_time_ms <= start + length:
                    part.append(one)
                    continue
                if found := choose_run(part, length, older[-1].min_time_ms, marked):
                    return found
                part = []
    return []


def choose_run(part: list[BlockMeta], length: int, newest_start: int, marked: set[int]) -> list[BlockMeta]:
    if len(part) < 2 or any(meta.compaction.failed for meta in part):
        return []
    if part[-1].max_time_ms - part[0].min_time_ms != length and part[-1].max_time_ms > newest_start:
        return []
    runs: list[list[BlockMeta]] = [[]]
    for meta in part:
        if number_of(meta.ulid) in marked:
            runs.append([])
        else:
            runs[-1].append(meta)
    return next((run for run in runs if len(run) > 1), [])


@st.composite
def groups(draw: st.DrawFn) -> list[BlockMeta]:
    blocks = []
    at = draw(st.integers(-5, 5)) * 10
    for number in range(1, draw(st.integers(2, 40))):
        length = draw(st.sampled_from([10, 10, 10, 20, 30, 60]))
        blocks.append(block(number, at, at + length, failed=draw(st.integers(0, 19)) == 0))
        at += length + draw(st.sampled_from([0, 0, 0, 0, 0, 0, 10, 50, -10]))
    return sorted(blocks, key=lambda meta: (meta.min_time_ms, meta.ulid))


@examples(max_examples=150, deadline=None)
@given(groups(), st.sets(st.integers(1, 39), max_size=3))
def test_merges_are_those_found_one_by_one(blocks: list[BlockMeta], marked: set[int]) -> None:
    expected: list[list[int]] = []
    left, made, read, output = list(blocks), 0, 0, 50_000
    while len(left) > 1 and (chosen := choose_one(left, marked)):
        made, read, output = made + 1, read + len(chosen), output + 1
        if max(number_of(meta.ulid) for meta in chosen) < 50_000:
            expected.append([number_of(meta.ulid) for meta in chosen])
        merged = block(output, chosen[0].min_time_ms, max(meta.max_time_ms for meta in chosen))
        left = sorted([*(m for m in left if m not in chosen), merged], key=lambda m: (m.min_time_ms, m.ulid))
    plan = merge_plan(
        blocks, CompactionSettings(ranges_ms=RANGES, vertical=True), no_compact=marks(MarkKind.NO_COMPACT, *marked)
    )
    assert sorted(inputs_of(plan.jobs)) == sorted(expected)
    assert (plan.todo_jobs, plan.todo_blocks) == (made, read)
