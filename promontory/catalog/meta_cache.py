"""MetaCache: metas that were read once, by the identity of their object; in memory, and in a directory if there is one.

    <directory>/<ULID>-<digest of etag, size and time>.json        the bytes of meta.json as they were read

One rule: it may be lost, broken or read-only at any time; then the bucket is asked.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Container
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from promontory.block.meta import BlockMeta, parse_meta
from promontory.bucket.port import ObjectInfo
from promontory.errors import CorruptionError


@dataclass(frozen=True, slots=True)
class CachedMeta:
    """What an object said: its meta, or why there is none."""

    identity: str
    meta: BlockMeta | None
    problem: str = ""


class MetaCache:
    """The metas of one catalog. Its methods on files block; call them in a thread."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._metas: dict[str, CachedMeta] = {}

    def find(self, ulid: str, info: ObjectInfo) -> CachedMeta | None:
        """Return what the object said when it was last read, if it is still the same object."""
        identity = _identity(info)
        cached = self._metas.get(ulid)
        if cached is not None and cached.identity == identity:
            return cached
        if self._directory is not None:
            with suppress(OSError, CorruptionError):
                path = self._path(ulid, identity)
                return self._remember(ulid, identity, path.read_bytes())
        return None

    def learn(self, ulid: str, info: ObjectInfo, body: bytes) -> CachedMeta:
        """Keep what an object says and return it."""
        identity = _identity(info)
        try:
            cached = self._remember(ulid, identity, body)
        except CorruptionError as error:
            cached = self._metas[ulid] = CachedMeta(identity, None, str(error))
            return cached
        if self._directory is not None:
            with suppress(OSError):
                _write_whole(self._path(ulid, identity), body)
        return cached

    def adopt(self, info: ObjectInfo, meta: BlockMeta) -> None:
        """Keep in memory a meta that another reader read from this object."""
        identity = _identity(info)
        cached = self._metas.get(meta.ulid)
        if cached is None or cached.identity != identity:
            self._metas[meta.ulid] = CachedMeta(identity, meta)

    def forget_others(self, ulids: Container[str]) -> None:
        """Drop what is known of blocks that are gone."""
        self._metas = {ulid: cached for ulid, cached in self._metas.items() if ulid in ulids}
        if self._directory is None:
            return
        with suppress(OSError):
            for path in self._directory.glob("*.json"):
                ulid, _, identity = path.stem.partition("-")
                if ulid not in self._metas or self._metas[ulid].identity != identity:
                    path.unlink()

    def _remember(self, ulid: str, identity: str, body: bytes) -> CachedMeta:
        source = f"{ulid}/meta.json"
        meta = parse_meta(body, source=source)
        if meta.ulid != ulid:
            raise CorruptionError("field ulid", source=source, offset=0, expected=ulid, found=meta.ulid)
        cached = self._metas[ulid] = CachedMeta(identity, meta)
        return cached

    def _path(self, ulid: str, identity: str) -> Path:
        assert self._directory is not None
        return self._directory / f"{ulid}-{identity}.json"


def _identity(info: ObjectInfo) -> str:
    text = f"{info.etag}|{info.size_bytes}|{info.modified_ms}"
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _write_whole(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix="writing-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
        os.replace(temporary, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
