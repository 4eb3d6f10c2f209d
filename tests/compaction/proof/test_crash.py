"""The harness of the sweep: a child dies at each place that it was told to, and at no other."""

from __future__ import annotations

from pathlib import Path

from promontory.bucket.filesystem import FilesystemBucket
from tests.compaction.proof.crash import MortalBucket, Points, run_mortal


def test_a_put_dies_before_and_after_itself_and_at_each_step_on_disk(tmp_path: Path) -> None:
    async def put(points: Points) -> None:
        await MortalBucket(FilesystemBucket(tmp_path), points).put("a/b", b"x")

    names = run_mortal(put).names
    assert names[0] == "before put a/b"
    assert names[-1] == "after put a/b"
    assert "before fsync" in names
    assert "after replace" in names or "after rename" in names
    for fatal in range(1, len(names) + 1):
        (tmp_path / "a" / "b").unlink(missing_ok=True)
        assert run_mortal(put, fatal=fatal).was_killed
        is_written = (tmp_path / "a" / "b").exists()
        assert is_written == (fatal > max(names.index(name) for name in names if name.startswith("before re")) + 1)
    assert not run_mortal(put, fatal=len(names) + 1).was_killed
