"""Let the real Thanos compactor and ours work on the same uploads, alone and in turns, and compare the buckets.

usage: python -m tests.thanos_turns --thanos PROGRAM [--only WHAT]... [--keep FOLDER]

WHAT is a scenario, or "readers" (Thanos' tools, stores and queriers over a bucket of ours), or "extensions" (what of
ours Thanos does not know), or "speed-merge" and the like.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.thanos_turns.arrivals import SCENARIOS, Arrivals
from tests.thanos_turns.compactors import Compactors
from tests.thanos_turns.extensions import try_extensions
from tests.thanos_turns.readers import try_readers
from tests.thanos_turns.speed import WORK, measure
from tests.thanos_turns.turns import take_turns

Line = tuple[bool, str, str]


def main() -> int:
    """Run; exit status 1 where something differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--thanos", type=Path, required=True, help="the program thanos")
    parser.add_argument("--only", action="append", choices=[*SCENARIOS, *OTHERS], help="only this")
    parser.add_argument("--keep", type=Path, help="a folder for buckets and logs, which stay")
    arguments = parser.parse_args()
    failed = 0
    with ExitStack() as stack:
        folder = arguments.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="promontory-turns-")))
        for name in arguments.only or [*SCENARIOS, *OTHERS]:
            print(f"{name}:", flush=True)
            compactors = Compactors(arguments.thanos.resolve(), folder / name)
            for is_good, what, text in OTHERS.get(name, _take_turns)(compactors, name):
                failed += not is_good
                print(f"  {'ok  ' if is_good else 'FAIL'} {what}: {text}", flush=True)
    print(f"{failed} failed" if failed else "all as it should be")
    return 1 if failed else 0


def _take_turns(compactors: Compactors, name: str) -> Iterator[Line]:
    return take_turns(SCENARIOS[name](), Arrivals(), compactors)


OTHERS: dict[str, Callable[[Compactors, str], Iterator[Line]]] = {
    "readers": lambda compactors, _: try_readers(compactors),
    "extensions": lambda compactors, _: try_extensions(compactors),
    **{f"speed-{work}": lambda compactors, name: measure(compactors, name.removeprefix("speed-")) for work in WORK},
}

if __name__ == "__main__":
    raise SystemExit(main())
