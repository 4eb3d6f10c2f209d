"""An Explanation as JSON, in the shapes of Thanos with members of ours beside.

    explain   {"name", "children", …}                    the root has "optimizers" and "selects", a read its "select"
    analysis  {"name", "executionTime", "peakSamples", "totalSamples", "children", …}     the root has "total" too

Members that Thanos leaves out where they are empty are left out here too. A plan may be deeper than writers of JSON
go; so the tree is written here, and they write what stands at a node.
Source: thanos pkg/api/query/v1.go, queryExplain and queryTelemetry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

import orjson

from promontory.model.rfc3339 import format_rfc3339_ms
from promontory.model.selector import Selector
from promontory.promql.execution.meters import Meter
from promontory.promql.plan.node_text import describe_node
from promontory.promql.plan.optimizer import Applied
from promontory.promql.plan.outline import Place
from promontory.query.analysis import Analysis, SelectFigures
from promontory.query.explanation import Explanation
from promontory.store.estimates import SelectEstimate

Members = dict[str, object]


def write_explanation_json(explanation: Explanation) -> bytes:
    """Return the tree of the plan, with the analysis below `analysis` where there is one."""

    selects = explanation.number_selects()

    def members(number: int, place: Place) -> Members:
        found = _name(place, selects[number])
        if number == 0:
            found |= _write_root(explanation)
        return found

    text = _write_tree(explanation.places, members)
    if explanation.analysis is None:
        return text
    return text.removesuffix(b"}") + b',"analysis":' + write_analysis_json(explanation) + b"}"


def write_analysis_json(explanation: Explanation) -> bytes:
    """Return the tree of what the plan's places did; the query was run."""
    analysis = explanation.analysis
    assert analysis is not None
    selects = explanation.number_selects()

    def members(number: int, place: Place) -> Members:
        select = selects[number]
        found = _name(place, select) | _write_meter(analysis.places[number])
        if select is not None:
            figures = analysis.selects[select]
            found["read"] = _write_figures(figures)
            if figures.endpoints:
                found["fanout"] = [
                    {"endpointAddr": name, "bytesProcessed": tally.read_bytes, "numResponses": tally.responses}
                    for name, tally in sorted(figures.endpoints.items())
                ]
        if number == 0:
            found["total"] = _write_totals(analysis)
        return found

    return _write_tree(explanation.places, members)


def _write_tree(places: Sequence[Place], members: Callable[[int, Place], Members]) -> bytes:
    parts: list[bytes] = []
    level = -1
    for number, place in enumerate(places):
        if place.level > level:
            parts.append(b',"children":[' if number else b"")
        else:
            parts.append(b"}" + b"]}" * (level - place.level) + b",")
        level = place.level
        parts.append(orjson.dumps(members(number, place)).removesuffix(b"}"))
    parts.append(b"}" + b"]}" * level)
    return b"".join(parts)


def _name(place: Place, select: int | None) -> Members:
    found: Members = {"name": _readable(describe_node(place.node)) + " again" * place.again}
    return found if select is None else found | {"select": select}


def _write_root(explanation: Explanation) -> Members:
    grid = explanation.plan.grid
    return {
        "query": explanation.text,
        "start": format_rfc3339_ms(grid.start_ms),
        "end": format_rfc3339_ms(grid.end_ms),
        "stepMs": grid.step_ms,
        "optimizers": [_write_applied(applied) for applied in explanation.plan.trace],
        "selects": [
            _write_select(selector, explanation.estimates[number] if explanation.estimates else None)
            for number, selector in enumerate(explanation.selectors)
        ],
    }


def _write_applied(applied: Applied) -> Members:
    return {
        "name": applied.name,
        "summary": applied.summary,
        "notes": [_readable(str(note)) for note in applied.notes],
    }


def _write_select(selector: Selector, estimate: SelectEstimate | None) -> Members:
    found: Members = {
        "matchers": [_readable(str(matcher)) for matcher in selector.matchers],
        "minTime": format_rfc3339_ms(selector.time_range.min_time_ms),
        "maxTime": format_rfc3339_ms(selector.time_range.max_time_ms),
        "function": selector.function,
        "rangeMs": selector.range_ms,
        "stepMs": selector.step_ms,
        "grouping": _texts(selector.grouping),
        "by": selector.grouping_by,
        "maxResolutionMs": selector.max_resolution_ms,
        "aggregates": [aggregate.name.lower() for aggregate in selector.aggregates],
        "withoutReplicaLabels": _texts(selector.without_replica_labels),
    }
    if selector.projection is not None:
        found["projection"] = {"labels": _texts(selector.projection.labels), "by": selector.projection.by}
    return found if estimate is None else found | {"estimate": _write_estimate(estimate)}


def _write_estimate(estimate: SelectEstimate) -> Members:
    return {
        **_figures(estimate),
        "blocks": [{"ulid": block.ulid, **_figures(block)} for block in estimate.blocks],
        "passed": [asdict(passed) for passed in estimate.passed],
        "untold": [asdict(untold) for untold in estimate.untold],
    }


def _figures(counted: object) -> Members:
    names = {
        "series": "series", "chunks": "chunks", "samples": "samples", "chunkBytes": "chunk_bytes",
        "readBytes": "read_bytes", "requests": "requests",
    }  # fmt: skip
    return {shown: getattr(counted, name) for shown, name in names.items()}


def _write_meter(meter: Meter) -> Members:
    found = {
        "executionTime": _write_go_duration(meter.cpu_ns) if meter.calls else None,
        "peakSamples": meter.peak_samples,
        "totalSamples": meter.samples,
        "calls": meter.calls,
        "rows": meter.rows,
        "peakBytes": meter.peak_bytes,
    }
    return _filled(found)


def _write_figures(figures: SelectFigures) -> Members:
    return {**_figures(figures), "cpuTime": _write_go_duration(figures.cpu_ns)}


def _write_totals(analysis: Analysis) -> Members:
    return {
        "wallTime": _write_go_duration(round(analysis.wall_s * 1e9)),
        "cpuTime": _write_go_duration(analysis.cpu_ns),
        "samplesRead": analysis.samples_read,
        "peakSamples": analysis.peak_samples,
        "peakBytes": analysis.peak_bytes,
    }


def _filled(members: Mapping[str, object]) -> Members:
    return {name: value for name, value in members.items() if value}


def _write_go_duration(duration_ns: int) -> str:
    """Return a duration as Go's time.Duration shows it, which Thanos' interface reads."""
    if duration_ns <= 0:
        return "0s"
    units = ((10**9, "s"), (10**6, "ms"), (10**3, "µs"), (1, "ns"))
    size_ns, unit = next((size_ns, unit) for size_ns, unit in units if duration_ns >= size_ns)
    whole, rest = divmod(duration_ns, size_ns)
    minutes, whole = divmod(whole, 60) if unit == "s" else (0, whole)
    hours, minutes = divmod(minutes, 60)
    before = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    digits = str(rest).zfill(len(str(size_ns)) - 1).rstrip("0") if rest else ""
    return f"{before}{whole}.{digits}{unit}" if digits else f"{before}{whole}{unit}"


def _texts(names: Sequence[bytes]) -> list[str]:
    return [name.decode(errors="replace") for name in names]


def _readable(text: str) -> str:
    return text.encode(errors="surrogateescape").decode(errors="replace")
