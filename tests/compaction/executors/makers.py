"""Makers for workers of a cluster: they end, or do not, as a test needs it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from promontory.block.meta import BlockMeta
from promontory.compaction.job import Job
from promontory.compaction.running.make_output import make_output
from promontory.errors import StoppedError


def hang_once(
    marker: Path, job: Job, inputs: Sequence[Path], target: Path, *, ulid: str, workers: int,
    stop: Callable[[], bool], progress: Callable[[int, int], None],
) -> BlockMeta | None:  # fmt: skip
    """Make `marker` a link to the process id and wait for a stop, or for a kill; where it is there, make the block."""
    try:
        marker.symlink_to(str(os.getpid()))  # at once whole
    except FileExistsError:
        return make_output(job, inputs, target, ulid=ulid, workers=workers, stop=stop, progress=progress)
    while not stop():
        threading.Event().wait(0.01)
    raise StoppedError("told to stop")


def die(
    job: Job, inputs: Sequence[Path], target: Path, *, ulid: str, workers: int,
    stop: Callable[[], bool], progress: Callable[[int, int], None],
) -> BlockMeta | None:  # fmt: skip
    """End the process of whoever tries, at once, as a lack of memory does."""
    os.kill(os.getpid(), signal.SIGKILL)
    return None
