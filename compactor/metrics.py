"""What a compactor counts of its passes and of the bucket; names that Thanos' dashboards and alerts read."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from promontory.block.markers import Mark, MarkKind
from promontory.catalog.filters import TOO_FRESH
from promontory.compaction.observer import PassObserver, Phase
from promontory.compaction.reasons import DOWNSAMPLED_OVERLAP, INDEX_TOO_LARGE, OUT_OF_ORDER_CHUNKS
from promontory.compaction.survey import Survey
from promontory.model.clock import Clock

GARBAGE_SECONDS = (0.01, 0.1, 0.3, 0.6, 1, 3, 6, 9, 20, 30, 60, 90, 120, 240, 360, 720)
SYNC_SECONDS = (0.01, 1, 10, 100, 300, 600, 1000)
# Reasons that are there from the start, so that an alert sees the first increase.
NO_COMPACT_REASONS = (INDEX_TOO_LARGE, OUT_OF_ORDER_CHUNKS, DOWNSAMPLED_OVERLAP)


class PassMetrics(PassObserver):
    """The metrics of the passes of one compactor."""

    def __init__(self, registry: CollectorRegistry, clock: Clock, *, delete_delay_ms: int) -> None:
        self._clock = clock
        self._phase: Phase | None = None
        self._phase_began_s = 0.0

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, registry=registry)

        delay = Gauge("thanos_delete_delay_seconds", "Time from a mark for deletion to deletion.", registry=registry)
        delay.set(delete_delay_ms / 1000)
        self.halted = Gauge("thanos_compact_halted", "1 where it has halted until it is restarted.", registry=registry)
        self.retries = counter("thanos_compact_retries", "Passes that failed and are tried again.")
        self._iterations = counter("thanos_compact_iterations", "Passes that came to their end.")
        self._cleanups = counter("thanos_compact_block_cleanup_loops", "Clean-ups of partial uploads.")
        self._partials = counter(
            "thanos_compact_aborted_partial_uploads_deletion_attempts", "Partial uploads whose deletion was tried."
        )
        self._cleaned = counter("thanos_compact_blocks_cleaned", "Blocks deleted.")
        self._cleanup_failures = counter("thanos_compact_block_cleanup_failures", "Blocks that could not be deleted.")
        self._marked = counter("thanos_compact_blocks_marked", "Blocks marked.", "marker", "reason")
        self._marked.labels(MarkKind.DELETION.file_name, "")
        for reason in NO_COMPACT_REASONS:
            self._marked.labels(MarkKind.NO_COMPACT.file_name, reason)
        self._deletion_marks = counter(
            "thanos_compact_blocks_marked_for_deletion", "Marks for deletion, under the name that a dashboard reads."
        )
        self._garbage_blocks = counter("thanos_compact_garbage_collected_blocks", "Duplicates marked for deletion.")
        self._garbage = counter("thanos_compact_garbage_collection", "Collections of garbage that ended well.")
        self._garbage_failures = counter("thanos_compact_garbage_collection_failures", "Those that failed.")
        self._garbage_seconds = Histogram(
            "thanos_compact_garbage_collection_duration_seconds", "Time of a collection.", buckets=GARBAGE_SECONDS,
            registry=registry,
        )  # fmt: skip
        self._syncs = counter("thanos_blocks_meta_syncs", "Looks through the bucket.")
        self._sync_failures = counter("thanos_blocks_meta_sync_failures", "Those that failed.")
        self._sync_seconds = Histogram(
            "thanos_blocks_meta_sync_duration_seconds", "Time of one look.", buckets=SYNC_SECONDS, registry=registry
        )
        self._synced = Gauge("thanos_blocks_meta_synced", "Blocks by what was found.", ("state",), registry=registry)
        self._refusals = counter("promontory_compact_refusals", "What was due and was not done, as it looked unsafe.")

    def end_pass(self, error: Exception | None) -> None:
        """Note that a pass ended, well or by an error of the phase that it was in."""
        self._end_phase(failed=error is not None)
        if error is None:
            self._iterations.inc()

    def on_phase(self, phase: Phase) -> None:
        """Count what ends with the phase before."""
        self._end_phase(failed=False)
        self._phase, self._phase_began_s = phase, self._clock.monotonic_s()

    def on_survey(self, survey: Survey) -> None:
        """Show what the bucket holds; marked blocks are counted as loaded too, as Thanos does."""
        view, state = survey.view, survey.state
        too_fresh = sum(reason.startswith(TOO_FRESH) for reason in view.excluded.values())
        states = {
            "loaded": len(view.blocks),
            "no-meta-json": len(view.partial),
            "corrupted-meta-json": len(view.corrupt),
            "too-fresh": too_fresh,
            "excluded": len(view.excluded) - too_fresh,
            "marked-for-deletion": len(view.marks),
            "marked-for-no-compact": len(state.no_compact_marks),
            "marked-for-no-downsample": len(state.no_downsample_marks),
        }
        for name, count in states.items():
            self._synced.labels(name).set(count)

    def on_block_marked(self, mark: Mark) -> None:
        """Count a mark; the reasons for deletion are sentences, and no label."""
        self._marked.labels(mark.kind.file_name, mark.reason).inc()
        if mark.kind is MarkKind.DELETION:
            self._deletion_marks.inc()
            if self._phase is Phase.GARBAGE:
                self._garbage_blocks.inc()

    def on_block_deleted(self, ulid: str, *, partial: bool) -> None:
        """Count a block that is gone."""
        self._cleaned.inc()
        if partial:
            self._partials.inc()

    def on_delete_failed(self, ulid: str, error: Exception) -> None:
        """Count a block that would not go."""
        self._cleanup_failures.inc()
        if self._phase is Phase.PARTIALS:
            self._partials.inc()

    def on_refused(self, reason: str) -> None:
        """Count what was not done."""
        self._refusals.inc()

    def _end_phase(self, *, failed: bool) -> None:
        took_s = self._clock.monotonic_s() - self._phase_began_s
        if self._phase is Phase.SYNC:
            self._syncs.inc()
            self._sync_seconds.observe(took_s)
            if failed:
                self._sync_failures.inc()
        elif self._phase is Phase.GARBAGE and failed:
            self._garbage_failures.inc()
        elif self._phase is Phase.GARBAGE:
            self._garbage.inc()
            self._garbage_seconds.observe(took_s)
        elif self._phase is Phase.PARTIALS and not failed:
            self._cleanups.inc()
        self._phase = None
