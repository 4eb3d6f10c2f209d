"""The metrics that dashboards and alerts read, as passes move them."""

from __future__ import annotations

import math

import pytest
from prometheus_client import CollectorRegistry

from compactor.job_metrics import JobMetrics
from compactor.metrics import PassMetrics
from promontory.block.markers import Mark, MarkKind
from promontory.catalog.view import CatalogView
from promontory.compaction.observer import Backlog, FailureKind, Phase
from promontory.compaction.planning.state import BucketState
from promontory.compaction.survey import Survey
from promontory.errors import BucketUnavailable, CorruptionError
from promontory.testing.still_clock import StillClock
from tests.compactor.jobs import FIRST, OUTPUT, OVERLAPPING, SECOND, downsample_job, merge_job, result_of

# What the alerts, rules and dashboards of Thanos' mixin read of a compactor itself.
MIXIN_NAMES = [
    "thanos_blocks_meta_sync_duration_seconds_bucket", "thanos_blocks_meta_sync_failures_total",
    "thanos_blocks_meta_syncs_total", "thanos_compact_block_cleanup_failures_total",
    "thanos_compact_blocks_cleaned_total", "thanos_compact_blocks_marked_for_deletion_total",
    "thanos_compact_garbage_collection_duration_seconds_bucket", "thanos_compact_garbage_collection_failures_total",
    "thanos_compact_garbage_collection_total", "thanos_compact_halted",
]  # fmt: skip
FAULT = CorruptionError("chunk", source="chunks/000001", offset=8, expected="a CRC", found="another")


class Told:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.clock = StillClock()
        self.passes = PassMetrics(self.registry, self.clock, delete_delay_ms=48 * 3_600_000)
        self.jobs = JobMetrics(self.registry, self.clock)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.mark.parametrize("name", MIXIN_NAMES)
def test_what_the_mixin_reads_is_there_before_the_first_pass(told: Told, name: str) -> None:
    names = {sample.name for family in told.registry.collect() for sample in family.samples}
    assert name in names


def test_the_delete_delay_is_shown(told: Told) -> None:
    assert told.value("thanos_delete_delay_seconds") == 172_800


def test_a_phase_is_counted_and_timed_when_the_next_begins(told: Told) -> None:
    told.passes.on_phase(Phase.SYNC)
    told.clock.time_ms += 5_000
    told.passes.on_phase(Phase.GARBAGE)
    told.clock.time_ms += 100
    told.passes.on_phase(Phase.PARTIALS)
    told.passes.end_pass(None)
    assert told.value("thanos_blocks_meta_syncs_total") == 1
    assert told.value("thanos_blocks_meta_sync_duration_seconds_sum") == 5
    assert told.value("thanos_compact_garbage_collection_total") == 1
    assert told.value("thanos_compact_garbage_collection_duration_seconds_sum") == pytest.approx(0.1)
    assert told.value("thanos_compact_block_cleanup_loops_total") == 1
    assert told.value("thanos_compact_iterations_total") == 1


@pytest.mark.parametrize(
    ("phase", "name"),
    [
        (Phase.SYNC, "thanos_blocks_meta_sync_failures_total"),
        (Phase.GARBAGE, "thanos_compact_garbage_collection_failures_total"),
    ],
)
def test_an_error_is_counted_to_the_phase_that_it_ended(told: Told, phase: Phase, name: str) -> None:
    told.passes.on_phase(phase)
    told.passes.end_pass(BucketUnavailable("down", key="", operation="list"))
    assert told.value(name) == 1
    assert told.value("thanos_compact_iterations_total") == 0


def test_marks_are_counted_by_kind_and_reason_but_a_sentence_is_no_label(told: Told) -> None:
    told.passes.on_phase(Phase.GARBAGE)
    told.passes.on_block_marked(Mark(MarkKind.DELETION, FIRST.ulid, 1, details="covered by another block"))
    told.passes.on_phase(Phase.RETENTION)
    told.passes.on_block_marked(Mark(MarkKind.DELETION, SECOND.ulid, 1, details="older than 40h"))
    told.passes.on_block_marked(Mark(MarkKind.NO_COMPACT, OUTPUT.ulid, 1, reason="index-size-exceeding"))
    assert told.value("thanos_compact_blocks_marked_total", marker="deletion-mark.json", reason="") == 2
    assert told.value("thanos_compact_blocks_marked_for_deletion_total") == 2
    assert told.value("thanos_compact_garbage_collected_blocks_total") == 1
    labels = {"marker": "no-compact-mark.json", "reason": "index-size-exceeding"}
    assert told.value("thanos_compact_blocks_marked_total", **labels) == 1


def test_deletions_and_failed_ones_are_counted(told: Told) -> None:
    told.passes.on_phase(Phase.PARTIALS)
    told.passes.on_block_deleted(FIRST.ulid, partial=True)
    told.passes.on_delete_failed(SECOND.ulid, FAULT)
    told.passes.on_phase(Phase.DELETION)
    told.passes.on_block_deleted(OUTPUT.ulid, partial=False)
    told.passes.on_refused("the clock jumped")
    assert told.value("thanos_compact_blocks_cleaned_total") == 2
    assert told.value("thanos_compact_block_cleanup_failures_total") == 1
    assert told.value("thanos_compact_aborted_partial_uploads_deletion_attempts_total") == 2
    assert told.value("promontory_compact_refusals_total") == 1


def test_the_states_of_blocks_are_shown(told: Told) -> None:
    view = CatalogView(blocks={FIRST.ulid: FIRST}, partial={SECOND.ulid: "no meta.json"})
    marks = {ulid: Mark(MarkKind.NO_COMPACT, ulid, 0) for ulid in (FIRST.ulid, OUTPUT.ulid)}
    told.passes.on_survey(Survey(BucketState(no_compact_marks=marks), view))
    found = {
        state: told.value("thanos_blocks_meta_synced", state=state)
        for state in ("loaded", "no-meta-json", "marked-for-no-compact")
    }
    assert found == {"loaded": 1, "no-meta-json": 1, "marked-for-no-compact": 2}


def test_a_merge_is_counted_by_the_resolution_of_its_group(told: Told) -> None:
    job = merge_job(FIRST, SECOND)
    told.jobs.on_job_started(job)
    told.jobs.on_job_finished(job, result_of(job, FIRST, SECOND, output=OUTPUT))
    for name in ("compactions", "compaction_runs_started", "compaction_runs_completed"):
        assert told.value(f"thanos_compact_group_{name}_total", resolution="0") == 1
    assert told.value("thanos_compact_group_vertical_compactions_total", resolution="0") is None


def test_a_merge_of_overlapping_blocks_is_vertical(told: Told) -> None:
    job = merge_job(FIRST, OVERLAPPING)
    told.jobs.on_job_started(job)
    told.jobs.on_job_finished(job, result_of(job, FIRST, OVERLAPPING, output=OUTPUT))
    assert told.value("thanos_compact_group_vertical_compactions_total", resolution="0") == 1


def test_a_merge_that_left_nothing_made_no_block(told: Told) -> None:
    job = merge_job(FIRST, SECOND)
    told.jobs.on_job_started(job)
    told.jobs.on_job_finished(job, result_of(job, FIRST, SECOND))
    assert told.value("thanos_compact_group_compaction_runs_completed_total", resolution="0") == 1
    assert told.value("thanos_compact_group_compactions_total", resolution="0") is None


def test_downsampling_is_counted_by_the_resolution_of_its_input(told: Told) -> None:
    job = downsample_job(FIRST)
    told.jobs.on_job_started(job)
    told.jobs.on_job_finished(job, result_of(job, FIRST, output=OUTPUT))
    told.jobs.on_job_started(job)
    told.jobs.on_job_failed(job, FAULT, FailureKind.BAD_BLOCK)
    assert told.value("thanos_compact_downsample_total", resolution="0") == 1
    assert told.value("thanos_compact_downsample_duration_seconds_sum", resolution="0") == 2
    assert told.value("thanos_compact_downsample_failures_total", resolution="0") == 1
    assert told.value("promontory_compact_bad_blocks_total") == 1
    assert told.value("thanos_compact_group_compactions_failures_total", resolution="0") is None


def test_a_failed_merge_is_counted(told: Told) -> None:
    job = merge_job(FIRST, SECOND)
    told.jobs.on_job_started(job)
    told.jobs.on_job_failed(job, FAULT, FailureKind.RETRYABLE)
    assert told.value("thanos_compact_group_compactions_failures_total", resolution="0") == 1
    assert told.value("promontory_compact_bad_blocks_total") == 0


def test_the_backlog_is_shown_with_the_time_that_it_will_take(told: Told) -> None:
    backlog = Backlog(compactions=2, compaction_blocks=8, downsample_blocks=1, deletion_blocks=3, job_bytes=5000)
    told.jobs.on_backlog(backlog)
    seconds = told.value("promontory_compact_backlog_seconds")
    assert seconds is not None
    assert math.isnan(seconds)
    job = merge_job(FIRST, SECOND)
    told.jobs.on_job_started(job)
    told.clock.time_ms += 4_000
    told.jobs.on_job_finished(job, result_of(job, FIRST, SECOND, output=OUTPUT, read_bytes=1000))
    told.clock.time_ms += 3_600_000  # nothing runs: that says nothing of the pace
    told.jobs.on_backlog(backlog)
    assert told.value("promontory_compact_backlog_seconds") == 20
    assert told.value("thanos_compact_todo_compactions") == 2
    assert told.value("thanos_compact_todo_compaction_blocks") == 8
    assert told.value("thanos_compact_todo_downsample_blocks") == 1
    assert told.value("thanos_compact_todo_deletion_blocks") == 3
    told.jobs.on_backlog(Backlog())
    assert told.value("promontory_compact_backlog_seconds") == 0
