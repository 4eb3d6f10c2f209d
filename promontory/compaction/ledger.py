"""Ledger: which blocks were read whole, and what was found: good, or bad and why. Kept in the data directory.

    {"version": 1, "good": {ULID: identity}, "bad": {ULID: [identity, problem]}}

One rule: it may be lost at any time; then blocks are read again before anything relies on them. An identity is that of
the object meta.json as the bucket lists it: a block that was written anew is another.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from promontory.block.meta import META_FILE
from promontory.block.strict_json import Fields, parse_object, render_object
from promontory.bucket.port import ObjectInfo
from promontory.errors import CorruptionError

VERSION = 1

Files = Mapping[str, ObjectInfo]


class Ledger:
    """What one compactor knows of blocks by having read them. Its methods on files block; call them in a thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._good: dict[str, str] = {}
        self._bad: dict[str, tuple[str, str]] = {}
        with suppress(OSError, CorruptionError):
            self._parse(path.read_bytes())

    def find_verified(self, listed: Mapping[str, Files]) -> frozenset[str]:
        """Return the blocks of a listing that were found good."""
        return frozenset(ulid for ulid, files in listed.items() if self._good.get(ulid) == _identity(files))

    def find_broken(self, listed: Mapping[str, Files]) -> dict[str, str]:
        """Return the blocks of a listing that were found bad, and why."""
        return {
            ulid: self._bad[ulid][1]
            for ulid, files in listed.items()
            if ulid in self._bad and self._bad[ulid][0] == _identity(files)
        }

    def note(self, ulid: str, meta_file: ObjectInfo, *, problem: str = "") -> None:
        """Remember what a block was found to be: good, unless there is a problem."""
        identity = _identity({META_FILE: meta_file})
        self._good.pop(ulid, None)
        self._bad.pop(ulid, None)
        if problem:
            self._bad[ulid] = identity, problem
        else:
            self._good[ulid] = identity

    def save(self, known: Collection[str]) -> None:
        """Write it, without the blocks that are not among `known` any more."""
        self._good = {ulid: identity for ulid, identity in self._good.items() if ulid in known}
        self._bad = {ulid: found for ulid, found in self._bad.items() if ulid in known}
        bad = {ulid: list(found) for ulid, found in self._bad.items()}
        body = render_object({"version": VERSION, "good": self._good, "bad": bad})
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(".writing")
        temporary.write_bytes(body)
        os.replace(temporary, self._path)

    def _parse(self, body: bytes) -> None:
        fields = Fields(parse_object(body, source=self._path.name), source=self._path.name)
        if fields.integer("version") != VERSION:
            return
        bad = fields.fields("bad").rest()
        self._good = fields.text_mapping("good")
        self._bad = {
            ulid: (found[0], found[1])
            for ulid, found in bad.items()
            if isinstance(found, list) and len(found) == 2 and all(isinstance(one, str) for one in found)
        }


def _identity(files: Files) -> str:
    info = files.get(META_FILE)
    return "" if info is None else f"{info.size_bytes}|{info.etag or info.modified_ms}"
