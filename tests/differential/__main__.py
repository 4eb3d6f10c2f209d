"""Ask ours and the real Prometheus 2.42 the same random queries over HTTP.

usage: python -m tests.differential [--queries N] [--seed N] [--case N]
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from pathlib import Path

from tests.differential.run import FULL_RUN, Comparison
from tests.differential.servers import run_both


def main() -> int:
    """Run; exit status 1 where an answer differs or the run was too poor."""
    parser = argparse.ArgumentParser(prog="python -m tests.differential")
    parser.add_argument("--queries", type=int, default=FULL_RUN)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--case", type=int, help="ask only the case of this number")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    numbers = range(arguments.queries) if arguments.case is None else range(arguments.case, arguments.case + 1)
    with tempfile.TemporaryDirectory(prefix="promontory-differential-") as name, run_both(Path(name)) as (ours, theirs):
        began_s = time.monotonic()
        summary = Comparison(ours, theirs).run(arguments.seed, numbers)
        wall_s = time.monotonic() - began_s
    if summary.findings:
        print(summary.report())
    print(summary)
    print(f"{wall_s:.0f} s, {len(numbers) / wall_s:.0f} queries/s")
    return 1 if summary.findings or (arguments.case is None and summary.misses()) else 0


if __name__ == "__main__":
    raise SystemExit(main())
