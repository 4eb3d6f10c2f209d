"""A pass that dies: at the n-th operation of its bucket, rename or fsync the process ends, as by SIGKILL.

    parent (kernels warm) ─ fork ─► child: one pass, counts its points, os._exit at the n-th

Before a read the process dies once; around a write twice, before it and after it. What a write of the bucket does to
the disk (fsync of the file, rename, fsync of its directory) is points of its own, as the bucket is a directory.
Threads of the child die with it, wherever they are.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path

from promontory.bucket.port import Bucket, ObjectInfo

KILLED = 77
FAILED = 1
CHILD_TIMEOUT_S = 60


class Points:
    """Counts places where the process may die; at number `fatal`, from 1 on, it does."""

    def __init__(self, fatal: int = 0) -> None:
        self._fatal = fatal
        self._lock = threading.Lock()
        self.names: list[str] = []

    def reach(self, name: str) -> None:
        """Pass a place, or die there."""
        with self._lock:
            self.names.append(name)
            if len(self.names) == self._fatal:
                os._exit(KILLED)


class MortalBucket:
    """A bucket whose owner may die at each operation."""

    def __init__(self, inner: Bucket, points: Points) -> None:
        self._inner = inner
        self._points = points

    @property
    def name(self) -> str:
        """The name of the bucket."""
        return self._inner.name

    async def get(self, key: str) -> bytes:
        """Return a whole object."""
        self._points.reach(f"get {_place(key)}")
        return await self._inner.get(key)

    async def get_range(self, key: str, start: int, end: int) -> bytes:
        """Return the bytes [start, end)."""
        self._points.reach(f"get range {_place(key)}")
        return await self._inner.get_range(key, start, end)

    async def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return several ranges of one object."""
        self._points.reach(f"get ranges {_place(key)}")
        return await self._inner.get_ranges(key, ranges)

    async def info(self, key: str) -> ObjectInfo:
        """Return size and age of an object."""
        self._points.reach(f"info {_place(key)}")
        return await self._inner.info(key)

    async def list(self, prefix: str = "", *, recursive: bool = True) -> AsyncIterator[ObjectInfo]:
        """Yield the objects below a prefix."""
        self._points.reach("list")
        async for info in self._inner.list(prefix, recursive=recursive):
            yield info

    async def put(self, key: str, body: bytes, *, if_absent: bool = False) -> None:
        """Write an object."""
        self._points.reach(f"before put {_place(key)}")
        await self._inner.put(key, body, if_absent=if_absent)
        self._points.reach(f"after put {_place(key)}")

    async def upload(self, key: str, path: Path) -> None:
        """Write a file as an object."""
        self._points.reach(f"before upload {_place(key)}")
        await self._inner.upload(key, path)
        self._points.reach(f"after upload {_place(key)}")

    async def download(self, key: str, path: Path) -> None:
        """Write an object to a file."""
        self._points.reach(f"before download {_place(key)}")
        await self._inner.download(key, path)
        self._points.reach(f"after download {_place(key)}")

    async def delete(self, key: str) -> None:
        """Delete an object."""
        self._points.reach(f"before delete {_place(key)}")
        await self._inner.delete(key)
        self._points.reach(f"after delete {_place(key)}")

    async def close(self) -> None:
        """Release connections."""
        await self._inner.close()


@dataclass(frozen=True, slots=True)
class Death:
    """How a child ended: whether it was killed, and the names of the points of one that was not."""

    was_killed: bool
    names: tuple[str, ...] = ()


def run_mortal(work: Callable[[Points], Coroutine[object, object, object]], *, fatal: int = 0) -> Death:
    """Do the work in a child that dies at the point `fatal`. Raises AssertionError where it fails otherwise."""
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(reader)
        _live(work, fatal, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        told = pipe.read()
    _, status = os.waitpid(process, 0)
    code = os.waitstatus_to_exitcode(status)
    if code == KILLED:
        return Death(was_killed=True)
    assert code == 0, f"a pass ended with {code}:\n{told.decode(errors='replace')}"
    return Death(was_killed=False, names=tuple(pickle.loads(told)))


def _live(work: Callable[[Points], Coroutine[object, object, object]], fatal: int, writer: int) -> None:
    """Be the child; never return."""
    code = FAILED
    told = b""
    try:
        signal.alarm(CHILD_TIMEOUT_S)
        points = Points(fatal)
        _watch_disk(points)
        asyncio.run(work(points))  # type: ignore[arg-type]
        told, code = pickle.dumps(points.names), 0
    except BaseException:
        told = traceback.format_exc().encode()
    finally:
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(told)
        sys.stdout.flush()
        os._exit(code)


def _watch_disk(points: Points) -> None:
    """Make each rename and fsync of this process a point."""
    for name in ("rename", "replace", "fsync"):
        setattr(os, name, _watched(name, getattr(os, name), points))


def _watched(name: str, call: Callable[..., object], points: Points) -> Callable[..., object]:
    def watched(*arguments: object, **options: object) -> object:
        points.reach(f"before {name}")
        answer = call(*arguments, **options)
        if name != "fsync":
            points.reach(f"after {name}")
        return answer

    return watched


def _place(key: str) -> str:
    """Return a key without what differs from run to run."""
    head, _, rest = key.partition("/")
    return rest if len(head) == 26 else key
