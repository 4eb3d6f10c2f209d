"""The two compactors as programs: one pass each over a bucket on disk."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.parts import free_port

PROMONTORY = Path(sys.prefix) / "bin" / "promontory"
PASS_TIMEOUT_S = 150
HALTED = re.compile(r"halting|critical error|panic:")


@dataclass(frozen=True, slots=True)
class Turn:
    """How a pass ended: exit status, what was printed, and how long it took, in wall and processor time."""

    status: int
    log: str
    took_s: float

    @property
    def is_good(self) -> bool:
        """Whether the pass ended well."""
        return self.status == 0 and not HALTED.search(self.log)


@dataclass(frozen=True, slots=True)
class Compactors:
    """Runs passes; `folder` is for the data directories."""

    thanos: Path
    folder: Path

    def argv(self, who: str, bucket: Path, flags: Sequence[str]) -> list[str]:
        """Return the words of one pass of "thanos" or "ours"."""
        program = self.thanos if who == "thanos" else PROMONTORY
        own = ("--no-debug.halt-on-error",) if who == "thanos" else ()
        words = [
            program, "compact", f"--data-dir={self.folder / bucket.parent.name / who}",
            f"--objstore.config={bucket_config(bucket)}", f"--http-address=127.0.0.1:{free_port()}",
            "--consistency-delay=0s", *own, *flags,
        ]  # fmt: skip
        return [str(word) for word in words]

    def run(self, who: str, bucket: Path, flags: Sequence[str]) -> Turn:
        """Run one pass."""
        began_s = time.monotonic()
        done = subprocess.run(
            self.argv(who, bucket, flags), check=False, capture_output=True, text=True, timeout=PASS_TIMEOUT_S
        )
        return Turn(done.returncode, done.stdout + done.stderr, time.monotonic() - began_s)


def bucket_config(bucket: Path) -> str:
    """Return the configuration of a bucket on disk."""
    return f"type: FILESYSTEM\nconfig:\n  directory: {bucket}\n"
