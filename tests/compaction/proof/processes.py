"""`promontory compact` as a process over the bucket of a site, and a site with work of several kinds for it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from promontory.compaction.settings import CompactionSettings
from promontory.model.labels import Labels
from tests.compaction.proof.history import DAY_MS, EPOCH_MS, HOUR_MS, MINUTE_MS, Stream, write_history
from tests.compaction.proof.oracle import unite
from tests.compaction.proof.scenarios import FLOATS, Scenario
from tests.compaction.proof.sites import make_site
from tests.parts import free_port

END_MS = EPOCH_MS + 10 * HOUR_MS
# What a pass leaves: of x eight hours and the newest two; of y two days, the same at 5m, and the newest.
BLOCKS_LEFT = 5


def make_busy(root: Path) -> Scenario:
    """Make two replicas of ten hours to be merged, and a block of two days to be downsampled."""
    site = make_site(root)
    replicas = []
    for name, outage_h in (("a", 1), ("b", 5)):
        stream = Stream({"cluster": "x", "replica": name}, kinds=FLOATS)
        outage_ms = EPOCH_MS + outage_h * HOUR_MS
        seen = unite([stream.saw(EPOCH_MS, outage_ms), stream.saw(outage_ms + 20 * MINUTE_MS, END_MS)])
        write_history(site.bucket, seen, stream.labels, born_ms=END_MS)
        replicas.append(seen)
    y = Stream({"cluster": "y"}, interval_ms=3 * MINUTE_MS, kinds=("up_total", "latency"))
    old, new = y.saw(EPOCH_MS, EPOCH_MS + 2 * DAY_MS), y.saw(EPOCH_MS + 2 * DAY_MS, EPOCH_MS + 2 * DAY_MS + HOUR_MS)
    write_history(site.bucket, old, y.labels, range_ms=2 * DAY_MS, born_ms=END_MS)
    write_history(site.bucket, new, y.labels, born_ms=END_MS)
    held = {
        Labels.from_mapping({"cluster": "x"}): unite(replicas),
        Labels.from_mapping({"cluster": "y"}): unite([old, new]),
    }
    settings = CompactionSettings(vertical=True, replica_labels=("replica",))
    return Scenario(site, EPOCH_MS + 4 * DAY_MS, settings, held, range_ms=(EPOCH_MS, END_MS))


def directory_config(bucket: Path) -> str:
    """Return the bucket YAML of a directory."""
    return f"type: FILESYSTEM\nconfig:\n  directory: {bucket}\n"


@contextmanager
def run_compactor(config: str, work: Path, flags: Sequence[str] = ()) -> Iterator[subprocess.Popen[bytes]]:
    """Start it, its log in a file beside its data directory; kill it on leaving, where it lives still."""
    argv = [
        sys.executable, "-m", "compactor", f"--objstore.config={config}", f"--data-dir={work}",
        f"--http-address=127.0.0.1:{free_port()}", "--deduplication.replica-label=replica", "--consistency-delay=0s",
        "--delete.max-share=1", *flags,
    ]  # fmt: skip
    with log_of(work).open("ab") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def log_of(work: Path) -> Path:
    """Return where the log of a compactor is."""
    return work.with_name(work.name + ".log")
