"""Real compactors on a real S3 server, ended by SIGKILL at whatever moment: the next one makes good."""

from __future__ import annotations

import os
import random
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.compaction.proof.processes import BLOCKS_LEFT, log_of, make_busy, run_compactor
from tests.compaction.proof.reading import join_raw
from tests.compaction.proof.sites import Digests, Site
from tests.parts import run_rclone_s3

BUCKETS = 4
KILLS = 2
LATEST_CHANGE = 16
PASS_TIMEOUT_S = 60


def list_names(roots: Sequence[Path]) -> list[tuple[str, ...]]:
    """Return the names of all files below some directories; some may go meanwhile."""
    return [(folder, *sorted(names)) for root in roots for folder, _, names in os.walk(root)]


def kill_at(process: subprocess.Popen[bytes], roots: Sequence[Path], change: int, pause_s: float) -> bool:
    """Kill a compactor when it has changed the files there so often; say whether it was still at work."""
    before = list_names(roots)
    deadline = time.monotonic() + PASS_TIMEOUT_S
    while change and process.poll() is None and time.monotonic() < deadline:
        now = list_names(roots)
        change -= now != before
        before = now
        time.sleep(0.001)
    time.sleep(pause_s)
    process.kill()
    return process.wait() < 0


def kill_and_finish(config: str, site: Site, seed: int) -> int:
    """Kill compactors, then let one finish; return how many were killed. Seed 0 disturbs none."""
    source = random.Random(seed)
    killed = 0
    # First while it downloads, merges or uploads, then while it uploads or marks.
    for roots in ((site.bucket, site.work), (site.bucket,))[: KILLS if seed else 0]:
        with run_compactor(config, site.work) as process:
            killed += kill_at(process, roots, source.randrange(1, LATEST_CHANGE), source.random() / 50)
    with run_compactor(config, site.work) as process:
        assert process.wait(PASS_TIMEOUT_S) == 0, log_of(site.work).read_text()[-3000:]
    return killed


@pytest.mark.e2e
@pytest.mark.parts
def test_compactors_killed_on_a_real_s3_server_lose_nothing(tmp_path: Path) -> None:
    made = make_busy(tmp_path / "made")
    folder = tmp_path / "s3"
    folder.mkdir()
    names = [f"b{number}" for number in range(BUCKETS + 1)]
    sites = [made.site.copy(tmp_path / f"site-{name}") for name in names]
    for name, site in zip(names, sites, strict=True):
        site.bucket.rename(folder / name)
        site.bucket.symlink_to(folder / name)
    with run_rclone_s3(folder, buckets=names) as s3, ThreadPoolExecutor(2) as pool:
        configs = map(s3.config, names)
        killed = list(pool.map(kill_and_finish, configs, sites, range(len(sites))))
    assert sum(killed) >= BUCKETS * KILLS - 2
    digests = Digests()
    undisturbed = digests.describe(sites[0].bucket, sites[0].look().unmarked())
    assert len(undisturbed) == BLOCKS_LEFT
    for site in sites:
        lying = site.look()
        assert not lying.no_compact
        assert digests.describe(site.bucket, lying.unmarked()) == undisturbed
        raw = [meta for meta in lying.unmarked() if meta.resolution_ms == 0]
        assert join_raw(site.bucket, raw) == made.held
