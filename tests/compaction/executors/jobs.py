"""Small buckets in a directory, and the merge of their blocks."""

from __future__ import annotations

from pathlib import Path

from promontory.bucket.secret import Secret
from promontory.compaction.job import Job, JobKind
from promontory.compaction.observer import Stage
from tests.compaction.proof.history import EPOCH_MS, HOUR_MS, Stream, write_history

LABELS = {"cluster": "eu", "replica": "a"}


def write_two_blocks(root: Path) -> Job:
    """Make a bucket of four hours; return the merge of its blocks."""
    return write_bucket(root, hours=4)


def write_bucket(root: Path, *, hours: int) -> Job:
    """Make a bucket of blocks of two hours; return the merge of them all."""
    root.mkdir()
    content = Stream(LABELS, kinds=("up_total", "latency")).saw(EPOCH_MS, EPOCH_MS + hours * HOUR_MS)
    metas = write_history(root, content, LABELS, born_ms=EPOCH_MS + (hours + 1) * HOUR_MS)
    return Job(JobKind.MERGE, "0@1", tuple(meta.ulid for meta in metas), 0)


def config_of(root: Path) -> Secret:
    """Return the configuration of the bucket."""
    return Secret(f"type: FILESYSTEM\nconfig:\n  directory: {root}\n")


def names_below(root: Path) -> list[str]:
    """Return the names of all files and directories."""
    return sorted(path.name for path in root.rglob("*"))


def ignore(stage: Stage, done: int, total: int) -> None:
    """Progress that nobody wants to know."""
