"""A scrape target: counters, gauges and a classic histogram that move with the clock.

usage: python -m tests.e2e.target PORT

Counters start high, so that rate()'s limit at zero, which Prometheus 2.42 and 3.x order differently, never binds.
"""

from __future__ import annotations

import math
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BASE = 1_000_000
BOUNDS = (0.1, 0.5, 1.0, 2.5)


def render(elapsed_s: float) -> str:
    """Return the exposition at a time since the start."""
    ticks = int(elapsed_s * 50)
    lines = ["# TYPE app_requests_total counter"]
    for code, share in (("200", 9), ("404", 3), ("500", 1)):
        for pod in range(3):
            lines.append(f'app_requests_total{{code="{code}",pod="app-{pod}"}} {BASE + ticks * share * (pod + 1)}')
    lines.append("# TYPE app_temperature_celsius gauge")
    for room in ("north", "süd"):
        lines.append(f'app_temperature_celsius{{room="{room}"}} {20 + len(room) + math.sin(elapsed_s / 7):.4f}')
    lines.append("# TYPE app_latency_seconds histogram")
    total = 0
    for weight, bound in enumerate((*BOUNDS, math.inf), 1):
        total += BASE + ticks * weight
        name = "+Inf" if math.isinf(bound) else str(bound)
        lines.append(f'app_latency_seconds_bucket{{le="{name}"}} {total}')
    lines += [f"app_latency_seconds_sum {BASE + ticks * 0.7:.3f}", f"app_latency_seconds_count {total}"]
    return "\n".join(lines) + "\n"


class Handler(BaseHTTPRequestHandler):
    """Answers every GET with the exposition."""

    started_s = time.monotonic()

    def do_GET(self) -> None:
        """Answer a scrape."""
        body = render(time.monotonic() - self.started_s).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
