"""A block damaged in every byte: each answer is the whole one's, or lacks something and says so by name."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile_block import FILES, SEGMENT

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("kind", ["flip", "cut"])
@pytest.mark.parametrize("file", FILES)
def test_a_damaged_byte_is_named_or_changes_nothing(file: str, kind: str) -> None:
    argv = [sys.executable, "-W", "error", "-m", "tests.hostile_block", file, kind]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    answers = sum(count for name, count in counts.items() if name != "grown_bytes")
    assert answers > (30 if file == "tombstones" else 400)
    if file == "index-header":
        assert set(counts) == {"equal", "grown_bytes"}, "a header is made again"
    if file == SEGMENT:
        assert counts["in part"] > 0.9 * answers, "one chunk costs only itself"
