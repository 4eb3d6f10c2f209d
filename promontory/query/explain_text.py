"""An Explanation for people: the plan as a tree, its selects, what the optimizers did.

The same query gives the same text, but for the times and the bytes held of an analysis.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from promontory.model.durations import format_duration
from promontory.model.rfc3339 import format_rfc3339_ms
from promontory.model.selector import Selector
from promontory.model.sizes import format_size
from promontory.model.time_range import TimeGrid, TimeRange
from promontory.promql.execution.meters import Meter
from promontory.promql.plan.node_text import write_place
from promontory.promql.plan.nodes import Common
from promontory.promql.plan.optimizer import Applied
from promontory.query.analysis import Analysis, SelectFigures
from promontory.query.explanation import Explanation
from promontory.store.estimates import Passed, SelectEstimate

PASSED_SHOWN = 5
HOW = (
    "estimated from the postings of each block and the counts in its meta.json: every series an average one, evenly\n"
    "spread over the block; samples of all replicas; a range read is one request"
)


def write_explanation(explanation: Explanation) -> str:
    """Return the text, several lines, the last one ended too."""
    lines = [f"query  {_one_line(explanation.text)}", f"times  {_write_grid(explanation.plan.grid)}", "", "plan"]
    lines += _write_plan(explanation)
    for number, selector in enumerate(explanation.selectors):
        lines += ["", f"select {number}", *_write_select(explanation, number, selector)]
    if explanation.estimates:
        lines += ["", *HOW.splitlines()]
    lines += ["", "optimizers", *_write_trace(explanation.plan.trace)]
    if explanation.analysis is not None:
        lines += ["", "in all", *_write_totals(explanation.analysis)]
    return "\n".join(lines) + "\n"


def _write_plan(explanation: Explanation) -> Iterator[str]:
    shown = [(number, place) for number, place in enumerate(explanation.places) if not place.implied]
    texts, selects = [], explanation.number_selects()
    for number, place in shown:
        select = selects[number]
        texts.append("  " + write_place(place) + (f"  (select {select})" if select is not None else ""))
    analysis = explanation.analysis
    width = max(map(len, texts)) if analysis is not None else 0
    for (number, place), text in zip(shown, texts, strict=True):
        if analysis is None or place.again or isinstance(place.node, Common) or not analysis.places[number].calls:
            yield text
        else:
            yield f"{text:<{width}}  {_write_meter(analysis.places[number])}"


def _write_meter(meter: Meter) -> str:
    return (
        f"{meter.rows:,} rows, {meter.samples:,} samples, {format_size(meter.peak_bytes)}, "
        f"{meter.calls:,} calls, {_write_cpu(meter.cpu_ns)}"
    )


def _write_select(explanation: Explanation, number: int, selector: Selector) -> Iterator[str]:
    matchers = ",".join(str(matcher) for matcher in selector.matchers)
    yield f"  series    {{{matchers}}}"
    yield f"  times     {_write_range(selector.time_range)}"
    if hints := list(_write_hints(selector)):
        yield f"  hints     {', '.join(hints)}"
    if explanation.estimates:
        yield from _write_estimate(explanation.estimates[number])
    if explanation.analysis is not None:
        figures = explanation.analysis.selects[number]
        yield f"  read      {_write_figures(figures)}"
        for name, tally in sorted(figures.endpoints.items()):
            yield f"  of        {name}: {format_size(tally.read_bytes)} in {tally.responses:,} messages"


def _write_hints(selector: Selector) -> Iterator[str]:
    if selector.function:
        yield f"for {selector.function}"
    if selector.range_ms:
        yield f"over {format_duration(selector.range_ms)}"
    if selector.step_ms:
        yield f"every {format_duration(selector.step_ms)}"
    if selector.grouping or selector.grouping_by:
        names = ", ".join(name.decode(errors="replace") for name in selector.grouping)
        yield f"{'by' if selector.grouping_by else 'without'} ({names})"
    if selector.projection is not None:
        yield f"labels that matter: {selector.projection}"
    if selector.max_resolution_ms:
        aggregates = ", ".join(aggregate.name.lower() for aggregate in selector.aggregates)
        yield f"resolution up to {format_duration(selector.max_resolution_ms)} ({aggregates})"
    if selector.without_replica_labels:
        names = ", ".join(name.decode(errors="replace") for name in selector.without_replica_labels)
        yield f"replicas by ({names}) made one"


def _write_estimate(estimate: SelectEstimate) -> Iterator[str]:
    size = format_size(estimate.chunk_bytes) if estimate.chunk_bytes or not estimate.chunks else "unknown size"
    yield (
        f"  estimate  {estimate.series:,} series, {estimate.chunks:,} chunks of {size}, {estimate.samples:,} samples; "
        f"{format_size(estimate.read_bytes)} in {estimate.requests:,} requests, {len(estimate.blocks):,} blocks"
    )
    yield from _write_passed("passed by", estimate.passed)
    yield from _write_passed("not told", estimate.untold)


def _write_passed(title: str, passed: Sequence[Passed]) -> Iterator[str]:
    for one in passed[:PASSED_SHOWN]:
        yield f"  {title:<9} {_one_line(one.name)}: {_one_line(one.reason)}"
    if len(passed) > PASSED_SHOWN:
        yield f"  {title:<9} {len(passed) - PASSED_SHOWN:,} more"


def _write_figures(figures: SelectFigures) -> str:
    read = f"; {format_size(figures.read_bytes)} in {figures.requests:,} requests" if figures.requests else ""
    return (
        f"{figures.series:,} series, {figures.chunks:,} chunks of {format_size(figures.chunk_bytes)}, "
        f"{figures.samples:,} samples{read}; {_write_cpu(figures.cpu_ns)}"
    )


def _write_trace(trace: Sequence[Applied]) -> Iterator[str]:
    for number, applied in enumerate(trace, 1):
        yield f"  {number}. {applied.name}: {applied.summary if applied.notes else 'nothing'}"
        for note in applied.notes:
            yield f"       {_one_line(str(note))}"


def _write_totals(analysis: Analysis) -> Iterator[str]:
    yield f"  {analysis.samples_read:,} samples read, {analysis.peak_samples:,} held at once"
    yield f"  {format_size(analysis.peak_bytes)} held at once"
    yield f"  {analysis.wall_s * 1000:.1f} ms passed, {_write_cpu(analysis.cpu_ns)}"


def _write_grid(grid: TimeGrid) -> str:
    if not grid.step_ms:
        return format_rfc3339_ms(grid.start_ms)
    every = f"every {format_duration(grid.step_ms)} ({grid.count:,} times)"
    return f"{_write_range(TimeRange(grid.start_ms, grid.end_ms))} {every}"


def _write_range(time_range: TimeRange) -> str:
    return f"{format_rfc3339_ms(time_range.min_time_ms)} to {format_rfc3339_ms(time_range.max_time_ms)}"


def _write_cpu(cpu_ns: int) -> str:
    return f"{max(0, cpu_ns) / 1e6:.1f} ms of CPU"


def _one_line(text: str) -> str:
    return " ".join(text.split())
