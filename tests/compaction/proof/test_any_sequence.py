"""After any sequence of uploads, passes, turns of another compactor and hours gone by, the bucket holds what was seen.

Raw samples exactly, each once; what was downsampled as its definition says, computed from the raw samples. Nothing
retires here, so that everything has to be there for ever.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from promontory.compaction.job import Deduplication
from promontory.compaction.ladder import Ladder, Step, StreamLadder
from promontory.compaction.settings import CompactionSettings
from promontory.model.labels import Labels
from tests.compaction.proof.history import EPOCH_MS, HOUR_MS, MINUTE_MS, Content, Stream, write_history
from tests.compaction.proof.oracle import check_windows, cut, has_windows, unite
from tests.compaction.proof.passes import run_pass
from tests.compaction.proof.reading import read_windows
from tests.compaction.proof.scenarios import claim_sources, mark
from tests.compaction.proof.sites import Digests, make_site

INTERVAL_MS = 10 * MINUTE_MS
KINDS = ("up_total", "temp", "latency")
STREAMS = (
    Stream({"cluster": "x", "replica": "a"}, interval_ms=INTERVAL_MS, kinds=KINDS),
    Stream({"cluster": "x", "replica": "b"}, interval_ms=INTERVAL_MS, kinds=KINDS),
    Stream({"cluster": "y", "replica": "a"}, interval_ms=INTERVAL_MS, shift_ms=7000, kinds=KINDS),
)
TURN_RANGE_MS = 8 * HOUR_MS
# Thanos' resolutions, of shorter blocks: there is something to downsample sooner.
STEPS = (Step(0), Step(5 * MINUTE_MS, after_ms=6 * HOUR_MS), Step(HOUR_MS, after_ms=24 * HOUR_MS))
LADDER = Ladder((StreamLadder(STEPS),))


class AnySequence(RuleBasedStateMachine):
    """A bucket, what was seen of each stream, and a clock."""

    @initialize(vertical=st.booleans())
    def begin(self, vertical: bool) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="promontory-proof-")
        self._site = make_site(Path(self._folder.name) / "site")
        replica_labels = ("replica",) if vertical else ()
        self._settings = CompactionSettings(
            vertical=vertical, replica_labels=replica_labels, deduplication=Deduplication.ONE_TO_ONE, ladder=LADDER
        )
        self._digests = Digests()
        self._seen: dict[Labels, Content] = {}
        self._uploaded_ms = [EPOCH_MS] * len(STREAMS)
        self._now_ms = EPOCH_MS
        self._checked: set[str] = set()

    def teardown(self) -> None:
        """Take the bucket away."""
        if hasattr(self, "_folder"):
            self._folder.cleanup()

    @rule(number=st.sampled_from(range(len(STREAMS))), ranges=st.sampled_from([1, 4, 13, 26]))
    def upload(self, number: int, ranges: int) -> None:
        """Upload so many blocks of two hours."""
        stream, start_ms = STREAMS[number], self._uploaded_ms[number]
        end_ms = start_ms + ranges * 2 * HOUR_MS
        seen = stream.saw(start_ms, end_ms)
        write_history(self._site.bucket, seen, stream.labels, born_ms=end_ms)
        labels = self._less_replicas(Labels.from_mapping(stream.labels))
        self._seen[labels] = unite([self._seen.get(labels, {}), seen])
        self._uploaded_ms[number] = end_ms
        self._now_ms = max(self._now_ms, end_ms)

    @rule(number=st.sampled_from(range(len(STREAMS))))
    def lose(self, number: int) -> None:
        """Let a Prometheus be down for three hours."""
        self._uploaded_ms[number] += 4 * HOUR_MS

    @rule(hours=st.sampled_from([1, 25, 50]))
    def wait(self, hours: int) -> None:
        """Let time pass."""
        self._now_ms += hours * HOUR_MS

    @rule()
    def compact(self) -> None:
        """Run a pass of ours."""
        asyncio.run(run_pass(self._site, self._settings, now_ms=self._now_ms))
        self._site.touch(self._now_ms)

    @rule()
    def compact_as_another_would(self) -> None:
        """Let another compactor merge the blocks of one range of 8 h, as Thanos does."""
        groups: dict[tuple[Labels, int], list[object]] = {}
        lying = self._site.look()
        for meta in lying.served(self._now_ms):
            place = meta.min_time_ms // TURN_RANGE_MS
            if meta.resolution_ms == 0 and (meta.max_time_ms - 1) // TURN_RANGE_MS == place:
                groups.setdefault((meta.labels, place), []).append(meta)
        for (labels, _), members in sorted(groups.items()):
            if len(members) > 1 and not any(meta.ulid in lying.deletions_s for meta in members):  # type: ignore[attr-defined]
                content = unite(self._digests.raw(self._site.bucket, meta) for meta in members)  # type: ignore[arg-type]
                (output,) = write_history(
                    self._site.bucket, content, labels.to_text(), range_ms=TURN_RANGE_MS, born_ms=self._now_ms,
                    tag="another",
                )  # fmt: skip
                claim_sources(self._site.bucket, output, members, level=2)  # type: ignore[arg-type]
                for meta in members:
                    mark(self._site.bucket, meta, self._now_ms)  # type: ignore[arg-type]
                return

    @invariant()
    def holds_what_was_seen(self) -> None:
        """Compare all that is served with what was seen."""
        if not hasattr(self, "_site"):
            return
        served = self._site.look().served(self._now_ms)
        state = repr([meta.ulid for meta in served])
        if state in self._checked:
            return
        self._checked.add(state)
        streams: dict[Labels, list[Content]] = {}
        for meta in served:
            labels = self._less_replicas(meta.labels)
            if meta.resolution_ms == 0:
                streams.setdefault(labels, []).append(self._digests.raw(self._site.bucket, meta))
            elif meta.ulid not in self._checked:
                self._checked.add(meta.ulid)
                samples = cut(self._seen[labels], meta.min_time_ms, meta.max_time_ms)
                found = read_windows(self._site.bucket / meta.ulid)
                assert set(found) == {series for series, row in samples.items() if has_windows(row)}
                for series, windows in found.items():
                    check_windows(samples[series], windows, meta.resolution_ms)
        assert {labels: unite(contents) for labels, contents in streams.items()} == self._seen

    def _less_replicas(self, labels: Labels) -> Labels:
        return labels.without(tuple(name.encode() for name in self._settings.replica_labels))


AnySequence.TestCase.settings = settings(
    max_examples=8,
    stateful_step_count=10,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestAnySequence = AnySequence.TestCase


@pytest.mark.e2e
def test_many_long_sequences_lose_nothing() -> None:
    longer = settings(AnySequence.TestCase.settings, max_examples=30, stateful_step_count=20)
    run_state_machine_as_test(AnySequence, settings=longer)  # type: ignore[no-untyped-call]
