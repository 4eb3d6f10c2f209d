"""The same uploads compacted by Thanos, by ours, and by both in turns; the buckets are to be the same."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.compaction.proof.reading import look
from tests.thanos_turns.arrivals import TURNS, Arrivals, Scenario
from tests.thanos_turns.compactors import Compactors
from tests.thanos_turns.comparing import compare, find_missing
from tests.thanos_turns.planned import Merges, merges_done, plan_merges_of

ORDERS = {
    "thanos": ("thanos",) * TURNS,
    "ours": ("ours",) * TURNS,
    "thanos-ours": tuple(("thanos", "ours")[turn % 2] for turn in range(TURNS)),
    "ours-thanos": tuple(("ours", "thanos")[turn % 2] for turn in range(TURNS)),
}


Line = tuple[bool, str, str]
"""Whether it is as it should be, in which order of turns, and a line for people."""


def take_turns(scenario: Scenario, arrivals: Arrivals, compactors: Compactors) -> Iterator[Line]:
    """Run every order of turns over a scenario; yield what was found as it is found."""
    folder = compactors.folder
    for order, turns in ORDERS.items():
        good = True
        for turn, who in enumerate(turns):
            for line in _take_turn(scenario, arrivals, compactors, (order, turn, who)):
                good &= line[0]
                yield line
            if not good:
                return
        if order != "thanos":
            bucket, theirs = folder / order / "bucket", folder / "thanos" / "bucket"
            if scenario.is_kept_longer:
                missing = find_missing(bucket, theirs)
                yield not missing, order, f"beside Thanos alone: {len(missing)} blocks' sources are missing"
            else:
                comparison = compare(bucket, theirs, unmarked_only=scenario.does_delete)
                yield not comparison.differences, order, f"beside Thanos alone: {comparison}"


def _take_turn(
    scenario: Scenario, arrivals: Arrivals, compactors: Compactors, place: tuple[str, int, str]
) -> Iterator[Line]:
    (order, turn, who), folder = place, compactors.folder
    bucket = folder / order / "bucket"
    flags = (*scenario.flags, f"--delete-delay={scenario.delete_delay_s}s")
    arrivals.upload(scenario, turn, bucket)
    before = look(bucket)
    planned = plan_merges_of(bucket, (*flags, *scenario.our_flags), folder / order / f"planned-{turn}")
    if scenario.does_delete:
        time.sleep(scenario.delete_delay_s + 1)  # marks are dated by the machine's clock, in whole seconds
    done = compactors.run(who, bucket, (*flags, *(scenario.our_flags if who == "ours" else ())))
    (folder / order / f"{turn}-{who}.log").write_text(done.log)
    yield done.is_good, order, f"turn {turn} of {who}: status {done.status}, {done.took_s:.1f} s"
    if not done.is_good:
        yield False, order, "\n".join(done.log.splitlines()[-4:])
    elif not scenario.does_delete:
        yield _compare_plans(order, turn, planned, merges_done(before, look(bucket)))


def _compare_plans(order: str, turn: int, planned: Merges, done: Merges) -> Line:
    if planned == done:
        return True, order, f"turn {turn}: the {len(done)} first merges were planned so"
    text = f"{_show(planned - done)} planned but not done, {_show(done - planned)} done but not planned"
    return False, order, f"turn {turn}: of {len(done)} first merges {text}"


def _show(merges: Merges) -> str:
    first = sorted(sorted(inputs) for inputs in merges)[:2]
    return f"{len(merges)} {first}"
