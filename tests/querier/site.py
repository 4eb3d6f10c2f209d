"""A query service over a Store in memory, to be run as a process: the HTTP API without any network below it."""

import sys

from promontory.service.command import Command, run_command
from promontory.service.lifecycle import Service, run_service
from promontory.testing.memory_store import MemoryStore, make_series
from querier.api import make_api
from querier.flags import QUERY_FLAG_SET

START_MS = 1_795_000_000_000
TIMES_MS = [START_MS + 15_000 * step for step in range(240)]


async def build(service: Service) -> None:
    """Serve three counters of two replicas."""
    series = [
        make_series(
            {"__name__": "http_requests_total", "instance": f"host-{number}", "job": "api", "replica": replica},
            TIMES_MS,
            [float(step * (number + 1)) for step in range(len(TIMES_MS))],
            source=b"",
        )
        for number in range(3)
        for replica in "ab"
    ]
    service.mount(make_api(service, MemoryStore(series), list))


if __name__ == "__main__":
    command = Command("query", "", QUERY_FLAG_SET, lambda values: run_service("query", values, build))
    sys.exit(run_command(command, sys.argv[1:]))
