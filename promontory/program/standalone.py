"""`promontory standalone`: sidecars, store gateway, querier and compactor of a small site in one process.

The same parts as the services, without gRPC between them: a Store is a Store.
"""

from __future__ import annotations

from promontory.program.standalone_flags import STANDALONE_FLAGS
from promontory.service.command import Command
from promontory.service.values import Values


def _run(values: Values) -> int:
    from promontory.program.site import build
    from promontory.service.lifecycle import run_service

    return run_service("standalone", values, build)


command = Command(
    "standalone", "Run sidecars, store gateway, querier and compactor in one process.", STANDALONE_FLAGS, _run
)
