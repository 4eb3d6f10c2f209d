"""The demo's history: a small web shop seen by an HA pair, 200 series a replica.

Both replicas scrape the same targets, some seconds apart, and each has holes where the other has none. Load follows
the day and the week; services restart now and then, so counters reset.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promontory.model.durations import DAY_MS
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.samples import Samples
from promontory.model.symbols import SymbolTable

INTERVAL_MS = 30_000
SHIFT_MS = {"a": 0, "b": 11_000}
SHOPS = tuple(f"shop-{number}:8080" for number in range(4))
NODES = tuple(f"node-{number}:9100" for number in range(4))
HANDLERS = {"/cart": 0.8, "/checkout": 0.25, "/login": 0.5, "/product": 3.0, "/search": 1.4}
CODES = {"200": 0.97, "404": 0.025, "500": 0.005}
BOUNDS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
QUEUES = {"email": 12.0, "invoice": 5.0, "search": 40.0, "shipping": 8.0}
COUNTRIES = {"at": 0.3, "de": 1.0, "fr": 0.6, "nl": 0.4}

Column = NDArray[np.float64]
Series = tuple[Mapping[str, str], Column]


@dataclass(frozen=True, slots=True)
class Scrapes:
    """When one replica scraped: timestamps int64[m] in ms, and where those lie among the target's own ticks."""

    timestamps_ms: NDArray[np.int64]
    position: Column
    kept: NDArray[np.bool_]


class DemoHistory:
    """The truth about the targets from `start_ms` on, and what each replica saw of it."""

    def __init__(self, *, end_ms: int, days: int, seed: int = 20) -> None:
        self._random = np.random.default_rng(seed)
        count = days * DAY_MS // INTERVAL_MS
        self._start_ms = end_ms - count * INTERVAL_MS
        self._ticks_ms = self._start_ms + np.arange(count + 2, dtype=np.int64) * INTERVAL_MS
        day = (self._ticks_ms % DAY_MS) / DAY_MS
        weekend = (self._ticks_ms // DAY_MS + 3) % 7 >= 5
        wobble = self._smooth_noise(every=240)
        self._load = (1 - 0.75 * np.cos(2 * np.pi * (day - 0.1))) * np.where(weekend, 0.6, 1.0) * (1 + 0.12 * wobble)
        self._families = list(self._make())

    @property
    def start_ms(self) -> int:
        """The time of the first scrape of replica a."""
        return self._start_ms

    @property
    def series_count(self) -> int:
        """Series a replica."""
        return sum(len(family) for _, family in self._families)

    @property
    def scrape_count(self) -> int:
        """Scrapes a replica would have made without holes."""
        return len(self._ticks_ms) - 2

    def samples(self, replica: str) -> Iterator[Samples]:
        """Yield a replica's samples, a family at a time, in label order."""
        scrapes = self._scrapes(replica)
        for name, family in self._families:
            rows = sorted((Labels.from_mapping({"__name__": name, **labels}), values) for labels, values in family)
            yield _collect([(labels, values) for labels, values in rows], scrapes, is_counter=_is_counter(name))

    def _scrapes(self, replica: str) -> Scrapes:
        shift_ms = SHIFT_MS[replica]
        count = len(self._ticks_ms) - 2
        jitter_ms = self._random.integers(0, 8, count)
        timestamps_ms = self._ticks_ms[:count] + shift_ms + jitter_ms
        kept = np.ones(count, np.bool_)
        # Holes: the replica was down for some minutes to some hours, at times of its own.
        starts = np.linspace(0.04, 0.93, 7) + (0.031 if replica == "b" else 0.0)
        for number, start in enumerate(starts):
            kept[int(start * count) : int(start * count) + (20, 360, 45, 120, 10, 240, 30)[number]] = False
        return Scrapes(timestamps_ms, np.arange(count, dtype=np.float64) + shift_ms / INTERVAL_MS, kept)

    def _noise(self, count: int) -> Column:
        return self._random.standard_normal(count)

    def _smooth_noise(self, *, every: int) -> Column:
        """Return noise that is drawn anew every so many ticks and straight in between."""
        count = len(self._ticks_ms)
        knots = self._noise(count // every + 2)
        return np.interp(np.arange(count), np.arange(len(knots)) * every, knots)

    def _counter(self, per_second: Column, *, restarts: Sequence[float] = ()) -> Column:
        """Return a counter that grows by about `per_second`, whole numbers, falling to zero at restarts (0..1)."""
        mean = per_second * (INTERVAL_MS / 1000)
        growth = np.maximum(np.rint(mean + np.sqrt(mean) * self._noise(len(mean))), 0.0)
        total = np.cumsum(growth)
        for restart in restarts:
            at = int(restart * len(total))
            total[at:] -= total[at]
        return total

    def _restarts(self, instance: str) -> tuple[float, ...]:
        number = int(instance.split("-")[1][0])
        return (0.3 + 0.01 * number, 0.71 + 0.01 * number)

    def _walk(self, *, level: float, spread: float) -> Column:
        """Return a gauge that wanders slowly around a level."""
        smooth = self._smooth_noise(every=120)
        return level + spread * (smooth + 0.1 * self._noise(len(smooth)))

    def _make(self) -> Iterator[tuple[str, list[Series]]]:
        """Yield (metric name, series) sorted by name."""
        yield "go_goroutines", [({"job": "shop", "instance": one}, self._goroutines()) for one in SHOPS]
        yield from self._latencies()
        yield "http_requests_total", self._requests()
        yield from self._nodes()
        yield (
            "orders_total",
            [
                ({"job": "shop", "country": country}, self._counter(self._load * share * 0.4))
                for country, share in COUNTRIES.items()
            ],
        )
        yield (
            "process_resident_memory_bytes",
            [({"job": "shop", "instance": one}, np.rint(self._walk(level=4e8, spread=2e7))) for one in SHOPS],
        )
        yield (
            "queue_depth",
            [
                ({"job": "shop", "queue": queue}, np.maximum(np.rint(self._walk(level=level, spread=level)), 0.0))
                for queue, level in QUEUES.items()
            ],
        )
        up = np.ones_like(self._load)
        jobs = [("node", one) for one in NODES] + [("shop", one) for one in SHOPS]
        scraped: list[Series] = [({"job": job, "instance": one}, up) for job, one in jobs]
        yield "up", scraped

    def _goroutines(self) -> Column:
        return np.rint(self._walk(level=120, spread=9) * (0.6 + 0.4 * self._load))

    def _requests(self) -> list[Series]:
        return [
            (
                {"job": "shop", "instance": one, "handler": handler, "code": code},
                self._counter(self._load * share * part * 8, restarts=self._restarts(one)),
            )
            for one in SHOPS
            for handler, share in HANDLERS.items()
            for code, part in CODES.items()
        ]

    def _nodes(self) -> Iterator[tuple[str, list[Series]]]:
        """Yield what the machines say of themselves."""
        yield (
            "node_cpu_seconds_total",
            [
                ({"job": "node", "instance": one, "mode": mode}, np.cumsum(self._busy(share)) * 0.001)
                for one in NODES
                for mode, share in (("idle", 26_000.0), ("system", 900.0), ("user", 3100.0))
            ],
        )
        filling = np.rint(5e11 - 3e5 * np.cumsum(np.ones_like(self._load)))
        yield (
            "node_filesystem_avail_bytes",
            [
                ({"job": "node", "instance": one, "mountpoint": "/"}, filling - 1e9 * number)
                for number, one in enumerate(NODES)
            ],
        )
        yield (
            "node_memory_MemAvailable_bytes",
            [({"job": "node", "instance": one}, np.rint(self._walk(level=9e9, spread=6e8))) for one in NODES],
        )
        yield (
            "node_network_receive_bytes_total",
            [
                ({"job": "node", "instance": one, "device": device}, self._counter(self._load * share))
                for one in NODES
                for device, share in (("eth0", 2.4e6), ("lo", 3e5))
            ],
        )

    def _busy(self, share: float) -> Column:
        return np.maximum(share * (0.5 + 0.5 * self._load) + 60 * self._noise(len(self._load)), 0.0)

    def _latencies(self) -> Iterator[tuple[str, list[Series]]]:
        """Yield a classic histogram: buckets, count and sum of two handlers on each shop."""
        buckets: list[Series] = []
        counts: list[Series] = []
        sums: list[Series] = []
        for one in SHOPS:
            for handler in ("/cart", "/search"):
                labels = {"job": "shop", "instance": one, "handler": handler}
                total = self._counter(self._load * HANDLERS[handler] * 8, restarts=self._restarts(one))
                median_s = (0.04 if handler == "/cart" else 0.09) * (0.8 + 0.3 * float(one[5]))
                for bound_s in BOUNDS_S:
                    share = 1 / (1 + (median_s / bound_s) ** 2)
                    buckets.append(({**labels, "le": repr(bound_s).removesuffix(".0")}, np.floor(total * share)))
                buckets.append(({**labels, "le": "+Inf"}, total))
                counts.append((labels, total))
                sums.append((labels, np.round(total * median_s * 1.4, 3)))
        yield "http_request_duration_seconds_bucket", buckets
        yield "http_request_duration_seconds_count", counts
        yield "http_request_duration_seconds_sum", sums


def _is_counter(name: str) -> bool:
    return name.endswith(("_total", "_bucket", "_count", "_sum"))


def _collect(family: Sequence[tuple[Labels, Column]], scrapes: Scrapes, *, is_counter: bool) -> Samples:
    """Return what a replica saw of a family: counters between two ticks of the target, gauges the last one."""
    kept = scrapes.kept
    times_ms = scrapes.timestamps_ms[kept]
    before = scrapes.position.astype(np.int64)
    share = (scrapes.position - before)[kept]
    columns = []
    for _, values in family:
        first = values[before][kept]
        after = values[before + 1][kept]
        # A counter that fell in between was restarted: the scrape saw the old or the new one, not a mixture.
        grown = first + np.floor((after - first) * share)
        columns.append(np.where(after >= first, grown, first) if is_counter else first)
    count = len(times_ms)
    return Samples(
        labels=LabelRows.from_labels([labels for labels, _ in family], SymbolTable()),
        row_start=np.arange(len(family) + 1, dtype=np.int64) * count,
        timestamps_ms=np.tile(times_ms, len(family)),
        values=np.concatenate(columns),
    )
