"""The sweep: a pass is killed at each of its points, looked at by readers, run again, and ends as if undisturbed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from promontory.block.meta import BlockMeta
from promontory.bucket.filesystem import FilesystemBucket
from promontory.model.time_range import TimeGrid
from tests.compaction.proof.asking import ask
from tests.compaction.proof.crash import Death, MortalBucket, Points, run_mortal
from tests.compaction.proof.history import DAY_MS, HOUR_MS, MINUTE_MS, Content
from tests.compaction.proof.oracle import check_windows, cut, unite
from tests.compaction.proof.passes import run_pass
from tests.compaction.proof.reading import Lying, read_windows
from tests.compaction.proof.scenarios import Scenario
from tests.compaction.proof.sites import Described, Digests, Site

MOST_PASSES = 5


@dataclass(frozen=True, slots=True)
class Swept:
    """How many points there were, by name, how many different states they left, and the blocks at the end."""

    points: Counter[str]
    states: int
    final: list[Described]


class Sweep:
    """One scenario, killed everywhere. `root` takes copies."""

    def __init__(self, scenario: Scenario, root: Path) -> None:
        self._scenario = scenario
        self._root = root
        blocks = scenario.site.look().blocks.values()
        self._digests = Digests(source for meta in blocks for source in meta.compaction.sources)
        self._checked: set[str] = set()
        self._answers = self._ask(scenario.site)

    def run(self, choose: Callable[[str], bool] = lambda name: True) -> Swept:
        """Kill the pass at each point, or those chosen. Raises AssertionError naming the point whose end differs."""
        undisturbed = self._scenario.site.copy(self._root / "undisturbed")
        self.settle(undisturbed)
        final = self._describe(undisturbed)
        names = self._die(self._scenario.site.copy(self._root / "counted"), 0).names
        states: set[str] = set()
        ended: set[str] = set()
        for number, name in enumerate(names, 1):
            if not choose(name):
                continue
            site = self._scenario.site.copy(self._root / "site")
            self._die(site, number)
            state = site.state()
            if state in states:
                continue
            states.add(state)
            place = f"killed at point {number} of {len(names)}: {name}"
            self.check_readers(site, place)
            self.settle(site, days=(0,))
            rest = self._outline(site)
            if rest in ended:
                continue
            ended.add(rest)
            self.settle(site)
            found = self._describe(site)
            assert found == final, f"{place}: {set(found) ^ set(final)}"
        return Swept(Counter(names), len(states), final)

    def settle(self, site: Site, *, days: tuple[int, ...] = (0, 3, 6)) -> None:
        """Run passes until they change nothing, the last ones when all marks are due."""
        for day in days:
            now_ms = self._scenario.now_ms + day * DAY_MS
            for _ in range(MOST_PASSES):
                before = site.look()
                asyncio.run(run_pass(site, self._scenario.settings, now_ms=now_ms))
                site.touch(now_ms)
                if site.look() == before:
                    break
            else:
                raise AssertionError(f"{MOST_PASSES} passes, and the bucket still changes")

    def check_readers(self, site: Site, place: str) -> None:
        """See that whoever reads the bucket as it lies gets what was there before the pass."""
        lying = site.look()
        key = repr(sorted(meta.ulid for meta in lying.served(self._scenario.now_ms)))
        self._check_marks(lying, place)
        if key in self._checked:
            return
        self._checked.add(key)
        held, settings = self._scenario.held, self._scenario.settings
        streams: dict[object, list[Content]] = {}
        for meta in lying.served(self._scenario.now_ms):
            labels = meta.stream_labels.without(tuple(label.encode() for label in settings.replica_labels))
            if meta.resolution_ms == 0:
                content = self._digests.raw(site.bucket, meta)
                self._check_going(content, held[labels], meta)
                streams.setdefault(labels, []).append(self._less_going(content))
            else:
                for series, windows in read_windows(site.bucket / meta.ulid).items():
                    samples = cut(held[labels], meta.min_time_ms, meta.max_time_ms)[series]
                    check_windows(samples, windows, meta.resolution_ms, finest_ms=self._scenario.finest_ms)
        held = {labels: self._less_going(content) for labels, content in held.items()}
        assert {labels: unite(contents) for labels, contents in streams.items()} == held, place
        if not settings.vertical and settings.parts == 1:
            read = sum(len(samples) for contents in streams.values() for one in contents for samples in one.values())
            assert read == sum(len(samples) for content in held.values() for samples in content.values()), place
        assert self._ask(site) == self._answers, place
        if self._scenario.has_index:
            assert self._ask(site, index_fresh_ms=HOUR_MS // 2) == self._answers, f"{place}, by the bucket index"

    def _less_going(self, content: Content) -> Content:
        going = self._scenario.going
        return {labels: samples for labels, samples in content.items() if labels.get(b"__name__") not in going}

    def _check_going(self, content: Content, held: Content, meta: BlockMeta) -> None:
        wanted = cut(held, meta.min_time_ms, meta.max_time_ms)
        for labels in content.keys() - self._less_going(content).keys():
            assert content[labels] == wanted[labels]

    def _check_marks(self, lying: Lying, place: str) -> None:
        """See that no block was marked before what it holds stood in others, at any resolution."""
        before = self._scenario.site.look().deletions_s
        held = {source for meta in lying.unmarked() for source in meta.compaction.sources}
        for ulid in lying.deletions_s.keys() - before.keys():
            assert set(lying.blocks[ulid].compaction.sources) <= held, f"{place}: {ulid} was marked too early"

    def describe_unmarked(self, site: Site) -> list[Described]:
        """Return what is in the blocks that are not marked for deletion."""
        return self._digests.describe(site.bucket, site.look().unmarked())

    def _die(self, site: Site, fatal: int) -> Death:
        async def work(points: Points) -> None:
            bucket = MortalBucket(FilesystemBucket(site.bucket), points)
            await run_pass(site, self._scenario.settings, now_ms=self._scenario.now_ms, bucket=bucket)

        death = run_mortal(work, fatal=fatal)
        site.touch(self._scenario.now_ms)
        return death

    def _ask(self, site: Site, *, index_fresh_ms: int = 0) -> dict[str, bytes]:
        start_ms, end_ms = self._scenario.range_ms
        grid = TimeGrid(start_ms, end_ms, max(7 * MINUTE_MS, (end_ms - start_ms) // 100))
        bucket = FilesystemBucket(site.bucket)
        queries, now_ms = self._scenario.queries, self._scenario.now_ms
        return asyncio.run(ask(bucket, queries, grid, now_ms=now_ms, index_fresh_ms=index_fresh_ms))

    def _outline(self, site: Site) -> str:
        """Return what lies in the bucket, but for the names of outputs: blocks, marked blocks, and files of others."""
        lying = site.look()
        marked = [lying.blocks[ulid] for ulid in lying.deletions_s if ulid in lying.blocks]
        others = sorted(
            path.relative_to(site.bucket / ulid).as_posix()
            for ulid in lying.partial
            for path in (site.bucket / ulid).rglob("*")
        )
        return repr((self.describe_unmarked(site), self._digests.describe(site.bucket, marked), others))

    def _describe(self, site: Site) -> list[Described]:
        lying = site.look()
        assert not lying.partial
        assert not lying.deletions_s
        return self._digests.describe(site.bucket, list(lying.blocks.values()))
