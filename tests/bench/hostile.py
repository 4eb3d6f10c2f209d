"""How long hostile queries take, at 64 KiB and at half of it; more than 200 ms, or much more than twice, is marked.

usage: python -m tests.bench.hostile [NAME]

Time of the thread alone, best of three. A query passes once through one of: answer (parse, plan, build, run on no
data), format_query and parse_query; the slowest counts.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import Executor, ThreadPoolExecutor

from promontory.model.matcher import compile_regex
from promontory.model.regex_cost import estimate_cost
from promontory.testing.hostile_queries import HOSTILE, LARGEST, walk_whole_path

MOST_MS = 200.0
REPETITIONS = 3
ASIDE = {"print", "format", "syntax", "explain"}


def measure_ms(query: str, pool: Executor) -> tuple[float, str]:
    """Return the milliseconds of the slowest use of a query, and how it ended; no regex is compiled beforehand."""
    compile_regex.cache_clear()
    estimate_cost.cache_clear()
    before, steps, last = time.thread_time(), dict[str, float](), ""
    for last in walk_whole_path(query, pool):
        now = time.thread_time()
        steps[last] = (now - before) * 1e3
        before = now
    parse_ms = steps.get("parse", 0.0)
    answer_ms = sum(spent for step, spent in steps.items() if step not in ASIDE)
    return max(answer_ms, *(parse_ms + steps.get(step, 0.0) for step in ASIDE)), last


def main() -> None:
    """Print one line a query."""
    chosen = sys.argv[1] if len(sys.argv) > 1 else ""
    with ThreadPoolExecutor(1) as pool:
        for _ in walk_whole_path("abs(a) + sum(rate(a[5m]))", pool):
            pass
        for name, make in HOSTILE.items():
            if chosen in name:
                halves = min(measure_ms(make(LARGEST // 2), pool) for _ in range(REPETITIONS))
                whole = min(measure_ms(make(LARGEST), pool) for _ in range(REPETITIONS))
                is_slow = whole[0] > MOST_MS or whole[0] > 10 + 4 * max(halves[0], 1.0)
                mark = "SLOW" if is_slow else ""
                print(f"{name:40} {halves[0]:8.1f} ms {whole[0]:8.1f} ms {mark:4} {whole[1]}")


if __name__ == "__main__":
    main()
