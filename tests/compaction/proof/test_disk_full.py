"""A full disk stops a job and nothing else: no block is blamed, nothing is left behind, the next pass does the work."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from promontory.bucket.filesystem import FilesystemBucket
from promontory.errors import PromontoryError
from tests.compaction.proof.crash import MortalBucket, Points
from tests.compaction.proof.listener import Listener
from tests.compaction.proof.passes import run_pass
from tests.compaction.proof.reading import join_raw
from tests.compaction.proof.scenarios import Scenario, make_horizontal


class Usage(NamedTuple):
    """What a file system says of itself."""

    total: int
    used: int
    free: int


class FullAtDownload(MortalBucket):
    """The disk beside the bucket is full when so many objects were downloaded."""

    def __init__(self, root: Path, *, after: int) -> None:
        super().__init__(FilesystemBucket(root), Points())
        self._left = after

    async def download(self, key: str, path: Path) -> None:
        """Download, or leave half an object and raise what a write to a full disk raises."""
        if self._left == 0:
            path.with_name(path.name + "half").write_bytes(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        self._left -= 1
        await super().download(key, path)


async def fail_and_go_on(scenario: Scenario, **options: MortalBucket) -> None:
    """See that a pass fails as one that may be tried again, and that the next one does all."""
    site, now_ms = scenario.site, scenario.now_ms
    before, listener = site.look(), Listener()
    with pytest.raises(PromontoryError) as caught:
        await run_pass(site, scenario.settings, now_ms=now_ms, observer=listener, **options)
    assert caught.value.retryable
    assert [kind.value for _, _, kind in listener.failed] == ["retryable"] * len(listener.failed)
    assert listener.failed
    assert site.look() == before, "nothing was marked, uploaded or deleted"
    assert not [path for path in site.work.rglob("*tmp*") if path.is_file()]


async def finish(scenario: Scenario) -> None:
    """See that a pass without trouble does the work."""
    await run_pass(scenario.site, scenario.settings, now_ms=scenario.now_ms)
    scenario.site.touch(scenario.now_ms)
    lying = scenario.site.look()
    assert len(lying.unmarked()) == 2
    assert not lying.no_compact
    assert join_raw(scenario.site.bucket, lying.served(scenario.now_ms)) == scenario.held


@pytest.mark.parametrize("after", [0, 1, 4])
async def test_a_disk_that_is_full_while_downloading(after: int, tmp_path: Path) -> None:
    scenario = make_horizontal(tmp_path)
    await fail_and_go_on(scenario, bucket=FullAtDownload(scenario.site.bucket, after=after))
    await finish(scenario)


async def test_a_disk_that_has_too_little_room_for_a_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = make_horizontal(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "disk_usage", lambda path: Usage(1 << 30, (1 << 30) - 1000, 1000))
        await fail_and_go_on(scenario)
    await finish(scenario)


@pytest.mark.parametrize("name", ["replace", "rename"])
async def test_a_disk_that_is_full_when_the_output_gets_its_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = make_horizontal(tmp_path)

    def full(call: Callable[..., None]) -> Callable[..., None]:
        def change(source: str | Path, target: str | Path, **options: int) -> None:
            if str(target).startswith(str(scenario.site.work / "compact")):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
            call(source, target, **options)

        return change

    with monkeypatch.context() as patched:
        patched.setattr(os, name, full(getattr(os, name)))
        await fail_and_go_on(scenario)
    await finish(scenario)
