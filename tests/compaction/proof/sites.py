"""A site: a bucket on disk and a compactor's directory, both copied, compared and described by content."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from promontory.block.meta import BlockMeta
from promontory.model.labels import Labels
from tests.compaction.proof.history import Content
from tests.compaction.proof.reading import Lying, look, read_raw, read_windows

Described = tuple[Labels, int, int, int, tuple[str, ...], int, str]
"""External labels, resolution, range, sources, level and the digest of all samples."""


@dataclass(frozen=True, slots=True)
class Site:
    """`bucket` is the bucket's directory, `work` the compactor's."""

    root: Path

    @property
    def bucket(self) -> Path:
        """The directory that is the bucket."""
        return self.root / "bucket"

    @property
    def work(self) -> Path:
        """The compactor's data directory."""
        return self.root / "work"

    def copy(self, root: Path) -> Site:
        """Return a copy in another place."""
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(self.root, root)
        return Site(root)

    def state(self) -> str:
        """Return the hash of every file's name and content, in the bucket and beside it."""
        digest = hashlib.sha256()
        for path in sorted(self.root.rglob("*")):
            if path.is_file():
                body = path.read_bytes()
                digest.update(f"{path.relative_to(self.root)} {len(body)}\n".encode() + body)
        return digest.hexdigest()

    def touch(self, now_ms: int) -> None:
        """Let no file be newer than the clock of the test, which stands still."""
        for path in self.root.rglob("*"):
            if path.stat().st_mtime * 1000 > now_ms:
                os.utime(path, ns=(now_ms * 10**6, now_ms * 10**6))

    def look(self) -> Lying:
        """Return what lies in the bucket."""
        return look(self.bucket)


def make_site(root: Path) -> Site:
    """Return a site without a block."""
    site = Site(root)
    site.bucket.mkdir(parents=True)
    site.work.mkdir()
    return site


class Digests:
    """What blocks hold, read once for each content of their files. `sources` are told, others not; all where empty.

    A rewritten block is a source of its own, and its ULID another each time.
    """

    def __init__(self, sources: Iterable[str] = ()) -> None:
        self._sources = frozenset(sources)
        self._known: dict[str, tuple[str, Content | None]] = {}

    def describe(self, root: Path, metas: list[BlockMeta]) -> list[Described]:
        """Return the blocks by what they hold, sorted; ULIDs of outputs do not matter."""
        return sorted(
            (
                meta.labels, meta.resolution_ms, meta.min_time_ms, meta.max_time_ms,
                self._tell_sources(meta), meta.compaction.level, self._read(root, meta)[0],
            )
            for meta in metas
        )  # fmt: skip

    def _tell_sources(self, meta: BlockMeta) -> tuple[str, ...]:
        sources = set(meta.compaction.sources)
        return tuple(sorted(sources & self._sources if self._sources else sources))

    def raw(self, root: Path, meta: BlockMeta) -> Content:
        """Return the samples of a raw block."""
        content = self._read(root, meta)[1]
        assert content is not None
        return content

    def _read(self, root: Path, meta: BlockMeta) -> tuple[str, Content | None]:
        block = root / meta.ulid
        files = [block / "index", *sorted((block / "chunks").iterdir())]
        key = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
        if key not in self._known:
            content = read_raw(block) if meta.resolution_ms == 0 else None
            held = read_windows(block) if content is None else content
            self._known[key] = hashlib.sha256(repr(held).encode()).hexdigest(), content
        return self._known[key]
