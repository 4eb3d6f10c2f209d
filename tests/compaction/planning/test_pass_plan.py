"""The plan of a whole pass, as people see it; and how it behaves when it is done over and over."""

from __future__ import annotations

from promontory.block.markers import MarkKind
from promontory.compaction.ladder import default_ladder
from promontory.compaction.planning.pass_plan import JOB_HEADS, plan_pass
from promontory.compaction.settings import CompactionSettings
from promontory.model.labels import Labels
from tests.compaction.planning.made_up import DAY_MS, HOUR_MS, NOW_MS, block, marks, state_of, ulid_of

SETTINGS = CompactionSettings(ladder=default_ladder(raw_keep_ms=30 * DAY_MS))
START = (NOW_MS // (14 * DAY_MS) - 5) * 14 * DAY_MS


def test_a_plan_is_told_with_sizes_and_estimates() -> None:
    two_hours = [
        block(n, START + 2 * n * HOUR_MS, START + 2 * (n + 1) * HOUR_MS, index_bytes=2**20) for n in range(1, 14)
    ]
    other = Labels.from_mapping({"cluster": "b\n"})
    blocks = [
        *two_hours,
        block(20, START, START + 48 * HOUR_MS, labels=other, index_bytes=2**30, series=1000),
        block(21, START, START + HOUR_MS, sources=(20,), labels=other),
        block(30, START, START + 9, labels=Labels.from_mapping({"a": "c"})),
        block(31, START, START + 9, labels=Labels.from_mapping({"a": "c"})),
        block(99, NOW_MS - 2 * HOUR_MS, NOW_MS, labels=Labels.from_mapping({"a": "d"})),
    ]
    state = state_of(blocks, partial_ms={ulid_of(50): 0}, deletion_marks=marks(MarkKind.DELETION, 60, time_ms=0))
    text = plan_pass(state, SETTINGS, now_ms=NOW_MS).describe()
    lines = text.splitlines()
    assert lines[0] == "Blocks: 18, 1.0 GiB. Groups to plan for: 4."
    assert tuple(lines[2].split()) == JOB_HEADS
    merge = next(line for line in lines if line.startswith("merge"))
    assert '{cluster="a", replica="0"}' in merge
    assert merge.split()[-9:] == ["3", "300", "3.0", "MiB", "1.1", "MiB", "70.0", "MiB", "1s"]
    assert "downsample to 5m" in text
    assert r'{cluster="b\n"}' in text
    assert "Set aside, with a no-compact mark: 2" in lines
    assert "Deleted: 2" in lines
    assert "Past retention, waiting for: 17" in lines
    assert "Read whole and verified, before anything goes for them: 1" in lines


def test_a_plan_of_nothing_says_so() -> None:
    text = plan_pass(state_of([]), SETTINGS, now_ms=NOW_MS).describe()
    assert text == "Blocks: 0, 0 B. Groups to plan for: 0.\n\nNothing to merge, rewrite or downsample.\n"


def test_ten_thousand_blocks_of_a_hundred_streams_are_planned() -> None:
    labels = [Labels.from_mapping({"cluster": str(n)}) for n in range(100)]
    blocks = [
        block(n, START + n // 100 * 2 * HOUR_MS, START + (n // 100 + 1) * 2 * HOUR_MS, labels=labels[n % 100])
        for n in range(10_000)
    ]
    plan = plan_pass(state_of(blocks), SETTINGS, now_ms=NOW_MS)
    assert len([job for job in plan.jobs if len(job.inputs) > 1]) == 2400
