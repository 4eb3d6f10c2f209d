"""Histograms that no instrumentation makes, and every query that they can meet; run by test_hostile_histograms.py.

A decoder lets most of them pass: counts, bounds and thresholds are what a chunk says. The rest would be a bug of ours.
With machine code that checks every index, which takes a minute to compile and so is no part of the tests:
    NUMBA_BOUNDSCHECK=1 PROMONTORY_KERNEL_CACHE=$(mktemp -d) python -m tests.promql.hostile_histograms
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

from promontory.api.encoder import encode_result
from promontory.errors import PromontoryError
from promontory.model.histograms import ResetHint
from promontory.model.labels import Labels
from promontory.model.time_range import TimeGrid
from promontory.promql.functions import FUNCTIONS
from promontory.promql.nodes import ValueType
from promontory.testing.histogram_values import HistogramValue
from promontory.testing.promqltest.database import Database
from promontory.testing.promqltest.literals import Value
from promontory.testing.promqltest.queries import Query
from promontory.testing.promqltest.script import Load

STEP_MS, SAMPLES = 15_000, 9
GRID = TimeGrid(STEP_MS, (SAMPLES - 1) * STEP_MS, 2 * STEP_MS)
ODD = (math.nan, math.inf, -math.inf, -1.0, -0.0, 5e-324, 1.7976931348623157e308)
FAR = (1 << 24) - 1
ARGUMENTS = {
    ValueType.VECTOR: ("h", "rate(h[1m])", "h - h offset 30s"),
    ValueType.MATRIX: ("h[1m]", "h[1m:15s]", "rate(h[1m])[1m:15s]"),
    ValueType.SCALAR: ("0.5", "NaN", "-Inf", "Inf"),
    ValueType.STRING: ('"x"',),
}


def hostile_values(*, wide: int) -> dict[str, list[HistogramValue]]:
    """Return series of histograms by what is wrong with them; `wide` is the number of buckets and bounds of some."""
    made: dict[str, list[HistogramValue]] = {}
    for number in ODD:
        made[f"counts {number}"] = [
            HistogramValue(0, number, number, number, 0.5, {-3: number, 2: 1, 5: number}, {1: number, 4: 2})
        ]
        made[f"threshold {number}"] = [HistogramValue(3, 6, 1, 2, number, {0: 1, 40: 1}, {0: 1, 40: 1})]
        made[f"bounds {number}"] = [
            HistogramValue(-53, 6, 1, positive={0: 1, 1: 2, 2: 3}, custom_values=(number, 0.0)),
            HistogramValue(-53, 7, 1, positive={0: 1, 1: 3, 2: 3}, custom_values=(0.0, number)),
        ]
    for schema in (-9, -4, 0, 8):
        far = dict.fromkeys((-FAR, -FAR + 1, -1, 0, 1, FAR - 1, FAR), 1.0)
        made[f"far of schema {schema}"] = [HistogramValue(schema, 14, 3, 1, 1e-3, far, far)]
    made["bounds that fall"] = [
        HistogramValue(-53, 9, 1, positive={0: 2, 1: 3, 2: 4}, custom_values=(5.0, -5.0)),
        HistogramValue(-53, 9, 1, positive={0: 2, 1: 3, 3: 4}, custom_values=(5.0, 1.0, 5.0)),
        HistogramValue(-53, 9, 1, positive={0: 2, 1: 3, 3: 4}, custom_values=(7.0, math.nan, 5.0)),
    ]
    made["bounds that are equal"] = [HistogramValue(-53, 9, 1, positive={0: 2, 3: 3, 4: 4}, custom_values=(1.0,) * 4)]
    made["no bounds"] = [HistogramValue(-53, 3, 1, positive={0: 3})]
    made["buckets beyond the bounds"] = [
        HistogramValue(-53, 3, 1, positive={0: 1, 7: 2, FAR: 3}, custom_values=(1.0, 2.0)),
        HistogramValue(-53, 4, 1, positive={0: 1, 9: 2, 70_000: 3}, custom_values=(1.5, 2.0, 2.5)),
    ]
    made["every schema"] = [
        HistogramValue(schema, 4, 1, 1, 2.0**-schema, {1: 1, 9: 1}, {1: 1}, hint=ResetHint(schema % 4))
        for schema in range(-9, 9)
    ]
    made["no buckets"] = [HistogramValue(0, 5, math.nan), HistogramValue(0, 0, 0)]
    rising = tuple(number / 8 for number in range(wide))
    made["many bounds"] = [
        HistogramValue(-53, wide, 1, positive=dict.fromkeys(range(0, wide, 3), 1.0), custom_values=rising),
        HistogramValue(-53, wide, 1, positive=dict.fromkeys(range(1, wide + 1, 7), 2.0), custom_values=rising[::-2]),
        HistogramValue(-53, wide, 1, positive=dict.fromkeys(range(0, wide // 3, 3), 1.0), custom_values=rising[::3]),
    ]
    made["many buckets"] = [
        HistogramValue(8, wide, 1, 1, 1e3, dict.fromkeys(range(wide // 2), 1.0), dict.fromkeys(range(wide // 2), 1.0)),
        HistogramValue(7, wide, 1, 1, 1.0, dict.fromkeys(range(-wide // 2, 0), 2.0), {3: 1.0}),
    ]
    made["all in turn"] = [values[0] for values in made.values()]
    return made


def load_hostile(executor: Executor, *, wide: int) -> Database:
    """Return a database in which `h` has a series for each of them, and a float among its samples."""
    database = Database(executor)
    series = {}
    for name, values in hostile_values(wide=wide).items():
        row = [Value(histogram=value) for value in itertools.islice(itertools.cycle(values), SAMPLES)]
        row[5] = Value(5.0) if len(name) % 3 == 0 else row[5]
        series[Labels.from_mapping({"__name__": "h", "case": name, "side": str(len(name) % 2)})] = tuple(row)
    database.load(Load(0, STEP_MS, series))
    return database


def hostile_queries() -> Iterator[str]:
    """Yield every function, aggregation and operator over histograms."""
    for function in FUNCTIONS.values():
        kinds = function.argument_types
        if function.name == "info" or not any(kind in (ValueType.VECTOR, ValueType.MATRIX) for kind in kinds):
            continue
        for arguments in itertools.islice(itertools.product(*(ARGUMENTS[kind] for kind in kinds)), 12):
            yield f"{function.name}({', '.join(arguments)})"
    for name in ("rate", "increase", "delta", "resets", "changes"):
        yield f"{name}(h[1m] anchored)"
    for name in ("rate", "increase", "delta"):
        yield f"{name}(h[1m] smoothed)"
    yield from ("h smoothed", "info(h)", 'info(rate(h[1m]), {case!=""})')
    for phi in ("0", "0.01", "0.5", "0.99", "1", "1.5", "-1", "NaN"):
        yield f"histogram_quantile({phi}, h)"
        yield f"histogram_quantile({phi}, sum(h))"
    for low, high in itertools.product(("-Inf", "-1e300", "0", "1", "Inf", "NaN"), repeat=2):
        yield f"histogram_fraction({low}, {high}, h)"
    for name in ("sum", "avg", "min", "max", "count", "stddev", "stdvar", "group"):
        yield from (f"{name}(h)", f"{name} by (side) (h)", f"{name} without (case) (rate(h[1m]))")
    yield from ("topk(3, h)", "bottomk(3, h)", "quantile(0.5, h)", 'count_values("v", h)', "limitk(3, h)")
    yield "limit_ratio(0.5, h)"
    for operator in (
        "+",
        "-",
        "*",
        "/",
        "%",
        "^",
        "atan2",
        "==",
        "!=",
        ">",
        "<",
        "==bool",
        "</",
        ">/",
        "and",
        "unless",
    ):
        yield f"h {operator} h offset 15s" if operator not in ("</", ">/") else f"h {operator} 1.5"
        if operator not in ("and", "unless"):
            yield f"h {operator} 3"
            yield f"-Inf {operator} h" if operator not in ("</", ">/") else f"h {operator} NaN"
    for side in ("</ -Inf", ">/ Inf", "</ 0", ">/ -1e-300", "</ 1e308", ">/ (h * 0)"):
        yield f"h {side}"
    yield 'h{side="0"} + on (side) group_left sum by (side) (h)'
    yield "-h"


def run_hostile(executor: Executor, *, wide: int, every: int = 1) -> Iterator[str]:
    """Answer the queries and make JSON of what they say; yield each with what became of it."""
    database = load_hostile(executor, wide=wide)
    for text in itertools.islice(hostile_queries(), 0, None, every):
        try:
            result = Query.parse(text).answer(database, GRID, batch_rows=1 << 20)
            body = encode_result(result, is_range=True).whole()
            yield f"{len(body)} {text}"
        except PromontoryError as error:
            yield f"{type(error).__name__} {text}: {error}"


if __name__ == "__main__":
    with ThreadPoolExecutor(1) as pool:
        for line in run_hostile(pool, wide=300):
            print(line, flush=True)
