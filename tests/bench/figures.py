"""Measuring: the servers of a row take turns, so that noise of the machine meets all of them.

    repetition 1: one process, two processes, Prometheus, VictoriaMetrics · repetition 2: the same · …

The best time of each counts, after one request that does not; a server that needs seconds is asked once. Nothing is
cached between repetitions: no server keeps results (VictoriaMetrics is asked with nocache=1), ours no decoded samples.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.bench.client import EMPTY_REQUEST, Connection, Endpoint, Question
from tests.bench.rows import Kind, Row, Target

# An instant query is repeated so many times as often, in turns of so many.
LATENCY_TURN = 40
# A peer whose first request took so long is not asked again: it is no close race, and the run is to end. Ours always
# is: its first request may have compiled.
SLOW_MS = 5000.0
OURS = ("ours", "two")


@dataclass(frozen=True, slots=True)
class Figure:
    """What a server needed: `value` in ms, or in MiB; CPU in ms; bytes of the answer; of an empty request, in ms."""

    value: float
    cpu_ms: float = 0.0
    size_bytes: int = 0
    empty_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """A row's figures by the name of the server, and what differs between our answer and Prometheus'."""

    row: Row
    figures: Mapping[str, Figure]
    difference: str = ""

    def ratio(self, peer: str) -> float | None:
        """Return peer / ours, of memory ours / peer; None where either was not measured."""
        ours, theirs = self.figures.get("ours"), self.figures.get(peer)
        if ours is None or theirs is None:
            return None
        return ours.value / theirs.value if self.row.kind is Kind.MEMORY else theirs.value / ours.value

    def verdict(self, peer: str, target: Target | None) -> str:
        """Return `aim`, `must` or `MISSED`, empty where nothing is asked for."""
        ratio = self.ratio(peer)
        if ratio is None or target is None:
            return ""
        return judge(ratio, target, less_is_better=self.row.kind is Kind.MEMORY)

    @property
    def hop(self) -> float | None:
        """Two processes / one."""
        one, two = self.figures.get("ours"), self.figures.get("two")
        return two.value / one.value if one and two else None


def judge(ratio: float, target: Target, *, less_is_better: bool) -> str:
    """Say what of a target is reached."""
    if less_is_better:
        return "aim" if ratio <= target.aim else "must" if ratio <= target.must else "MISSED"
    return "aim" if ratio >= target.aim else "must" if ratio >= target.must else "MISSED"


def measure_query(row: Row, endpoints: Mapping[str, Endpoint], repetitions: int) -> dict[str, Figure]:
    """Return the best of the repetitions for each endpoint."""
    question = Question(row.text, row.step_s)
    found: dict[str, list[Figure]] = {name: [] for name in endpoints}
    buffer = bytearray(1 << 20)
    for _ in range(repetitions + 1):
        for name, endpoint in endpoints.items():
            if name not in OURS and found[name] and found[name][0].value > SLOW_MS:
                continue
            with Connection(endpoint, buffer) as connection:
                before_s = endpoint.cpu_s()
                answer = connection.ask(question.to_request(endpoint))
                cpu_ms = (endpoint.cpu_s() - before_s) * 1e3
            found[name].append(Figure(answer.wall_s * 1e3, cpu_ms, len(answer.body)))
    return {name: min(figures[1:] or figures, key=lambda figure: figure.value) for name, figures in found.items()}


def measure_latency(row: Row, endpoints: Mapping[str, Endpoint], repetitions: int) -> dict[str, Figure]:
    """Return the median of small requests over one connection each, and that of an empty one."""
    times: dict[str, list[float]] = {name: [] for name in endpoints}
    empty: dict[str, list[float]] = {name: [] for name in endpoints}
    cpu: dict[str, float] = dict.fromkeys(endpoints, 0.0)
    sizes = {}
    for turn in range(repetitions + 1):
        for name, endpoint in endpoints.items():
            with Connection(endpoint) as connection:
                request = Question(row.text, row.step_s).to_request(endpoint)
                before_s = endpoint.cpu_s()
                answers = [connection.ask(request) for _ in range(LATENCY_TURN)]
                cpu_s = endpoint.cpu_s() - before_s
                idle = [connection.ask(EMPTY_REQUEST).wall_s for _ in range(LATENCY_TURN)]
            sizes[name] = len(answers[0].body)
            if turn:
                times[name] += [answer.wall_s for answer in answers]
                empty[name] += idle
                cpu[name] += cpu_s
    return {
        name: Figure(
            median_ms(times[name]), cpu[name] * 1e3 / len(times[name]), sizes[name], empty_ms=median_ms(empty[name])
        )
        for name in endpoints
    }


def measure_memory(row: Row, endpoints: Mapping[str, Endpoint], repetitions: int) -> dict[str, Figure]:
    """Return the greatest growth that one query brings, in MiB; only the first counts, so the endpoints are fresh."""
    figures = {}
    for name, endpoint in endpoints.items():
        with Connection(endpoint) as connection:
            connection.ask(Question(row.warming, row.step_s).to_request(endpoint))
            before_mib = endpoint.memory_mib("VmRSS")
            endpoint.forget_peak()
            answer = connection.ask(Question(row.text, row.step_s).to_request(endpoint))
            figures[name] = Figure(endpoint.memory_mib("VmHWM") - before_mib, size_bytes=len(answer.body))
    return figures


def median_ms(seconds: Sequence[float]) -> float:
    """Return the median in ms."""
    return statistics.median(seconds) * 1e3


MEASURES = {Kind.QUERY: measure_query, Kind.LATENCY: measure_latency, Kind.MEMORY: measure_memory}
