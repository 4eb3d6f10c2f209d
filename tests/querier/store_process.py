"""A StoreAPI server over a Store in memory, to be run as a process: one replica's two counters."""

import sys

from promontory.model.labels import Labels
from promontory.model.store_info import StoreInfo
from promontory.service.command import Command, run_command
from promontory.service.common_flags import SERVER_FLAGS
from promontory.service.flags import Flag, FlagSet
from promontory.service.lifecycle import Service, run_service
from promontory.store.rpc.server import add_store
from promontory.testing.memory_store import MemoryStore, make_series

START_MS = 1_795_000_000_000
COUNT = 240
STEP_MS = 15_000


async def build(service: Service) -> None:
    """Serve the counters of the replica that the flag names."""
    replica = service.values.text("--replica")
    times_ms = [START_MS + STEP_MS * step for step in range(COUNT)]
    series = [
        make_series(
            {"__name__": "http_requests_total", "instance": f"host-{number}", "replica": replica},
            times_ms,
            [float(step) for step in range(COUNT)],
        )
        for number in range(2)
    ]
    info = StoreInfo(f"replica-{replica}", "sidecar", (Labels.from_mapping({"replica": replica}),))
    server = service.serve_grpc("thanos.Store").server
    add_store(server, MemoryStore(series, info=info), new_context=service.new_context, is_ready=lambda: True)


if __name__ == "__main__":
    flags = FlagSet(SERVER_FLAGS, Flag("--replica"))
    command = Command("store-process", "", flags, lambda values: run_service("store", values, build))
    sys.exit(run_command(command, sys.argv[1:]))
