"""What a person sees of a pass on a terminal."""

from __future__ import annotations

import io

from rich.console import Console

from compactor.progress import ProgressBars
from promontory.compaction.observer import FailureKind, Phase, Stage
from promontory.errors import CorruptionError
from promontory.testing.still_clock import StillClock
from tests.compactor.jobs import FIRST, OUTPUT, SECOND, downsample_job, merge_job, result_of


def test_each_job_ends_as_a_line() -> None:
    text, clock = io.StringIO(), StillClock()
    bars = ProgressBars(Console(file=text, width=160, force_terminal=True, color_system=None), clock)
    merge, downsample = merge_job(FIRST, SECOND), downsample_job(FIRST)
    with bars.running():
        bars.on_phase(Phase.COMPACTION)
        bars.on_job_started(merge)
        for stage in Stage:
            bars.on_stage(merge, stage)
            clock.time_ms += 500
            bars.on_progress(merge, 1 << 20, 2 << 20)
        bars._progress.refresh()
        bars.on_job_finished(merge, result_of(merge, FIRST, SECOND, output=OUTPUT))
        bars.on_job_started(downsample)
        fault = CorruptionError("chunk", source="chunks/000001", offset=8, expected="a CRC", found="another")
        bars.on_job_failed(downsample, fault, FailureKind.BAD_BLOCK)
        bars.on_progress(merge, 2, 2)
    shown = text.getvalue()
    assert "2.0 MiB/s" in shown
    assert f"merge 2 blocks of 0@42: {OUTPUT.ulid}, 0.0 M samples at 0.0 M/s, 1000 B read, 700 B written" in shown
    assert f"downsample {FIRST.ulid} of 0@42: bad block: chunk in chunks/000001 at offset 8" in shown


def test_a_job_that_left_nothing_says_so() -> None:
    text = io.StringIO()
    bars = ProgressBars(Console(file=text, width=160), StillClock())
    job = merge_job(FIRST, SECOND)
    with bars.running():
        bars.on_job_started(job)
        bars.on_job_finished(job, result_of(job, FIRST, SECOND))
    assert "no sample is left, no block was made" in text.getvalue()
