"""`promontory compact` on the flags of Thanos' compactor (cmd/thanos/compact.go)."""

from __future__ import annotations

from compactor.flags import COMPACT_FLAGS
from promontory.service.command import Command
from promontory.service.values import Values


def _run(values: Values) -> int:
    from compactor.service import run

    return run(values)


command = Command(
    "compact", "Merge, downsample and retire the blocks of a bucket; --wait goes on doing so.", COMPACT_FLAGS, _run
)
