"""FilesystemBucket: a directory as a bucket; the key is the path below it.

    <root>/<key>                       the objects
    <root>/.promontory-tmp/<random>    objects being written; not listed, swept after a day

One rule: an object appears whole or not at all: temporary file, fsync, rename, fsync of the directory.
A root that does not exist is an error to every reader (a mount may be missing); the first write makes it.
"""

from __future__ import annotations

import asyncio
import errno
import mmap
import os
import shutil
import stat
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

from promontory.bucket.keys import SEPARATOR, check_key, check_range, directory_info, is_key
from promontory.bucket.local_file import opened_source, replaced_target
from promontory.bucket.port import ObjectInfo
from promontory.errors import AccessDenied, BucketError, BucketUnavailable, ObjectExists, ObjectNotFound

TEMPORARY_DIRECTORY = ".promontory-tmp"
STALE_TEMPORARY_S = 24 * 3600

Bodies = list[bytes]  # `list` means the method inside the class
Views = list[memoryview]
Lengths = list[int]
Batch = list[ObjectInfo]

_LIST_BATCH = 1000
_SMALLEST_MAPPED_BYTES = 256 << 10
_MAP_FLAGS = mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0)  # one call instead of a fault every 64 KiB
_RENAME_TRIES = 10
_NO_WAIT = getattr(os, "RWF_NOWAIT", 0)  # elsewhere than on Linux a disk may be waited for
_READ_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK


class FilesystemBucket:
    """The files below a directory; each call does its work in a thread."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._base = f"{self._root}/"
        self._is_swept = False

    @property
    def name(self) -> str:
        """The directory."""
        return str(self._root)

    async def get(self, key: str) -> bytes:
        """Return a whole object."""
        check_key(key)
        return (await asyncio.to_thread(self._read, key, [(0, None)], "get"))[0]

    async def get_range(self, key: str, start: int, end: int) -> bytes:
        """Return the bytes [start, end) of an object."""
        return (await self.get_ranges(key, [(start, end)]))[0]

    async def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return several ranges of one object: one opening, one thread."""
        check_key(key)
        for start, end in ranges:
            check_range(key, start, end)
        return await asyncio.to_thread(self._read, key, ranges, "get range")

    async def map_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> Views:
        """Return several ranges of one object; large ones are mapped."""
        check_key(key)
        for start, end in ranges:
            check_range(key, start, end)
        return await asyncio.to_thread(self._map, key, ranges)

    def size_here(self, key: str) -> int:
        """Return the bytes of an object."""
        check_key(key)
        with self._translated(key, "info"):
            found = os.stat(f"{self._base}{key}")
        if not stat.S_ISREG(found.st_mode):
            raise ObjectNotFound("it is no regular file", key=key, operation="info")
        return found.st_size

    def read_here(self, key: str, starts: Sequence[int], into: Sequence[memoryview]) -> Lengths:
        """Fill each of `into` from its start on; a query calls this for each file and window, so it is kept plain."""
        check_key(key)
        try:
            descriptor = os.open(f"{self._base}{key}", _READ_FLAGS)
            try:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise ObjectNotFound("it is no regular file", key=key, operation="read range")
                return [_fill(descriptor, start, view) for start, view in zip(starts, into, strict=True)]
            finally:
                os.close(descriptor)
        except OSError as error:
            raise _translate(error, key, "read range") from error

    def read_cached(self, key: str, starts: Sequence[int], into: Sequence[memoryview]) -> Lengths | None:
        """Fill each of `into` from its start on; what is not in the page cache is left to `read_here`."""
        check_key(key)
        try:
            descriptor = os.open(f"{self._base}{key}", _READ_FLAGS)
            try:
                return [
                    os.preadv(descriptor, [view], start, _NO_WAIT) for start, view in zip(starts, into, strict=True)
                ]
            finally:
                os.close(descriptor)
        except OSError:
            return None

    async def info(self, key: str) -> ObjectInfo:
        """Return size and age of an object."""
        check_key(key)
        return await asyncio.to_thread(self._info, key)

    async def list(self, prefix: str = "", *, recursive: bool = True) -> AsyncIterator[ObjectInfo]:
        """Yield the objects in order, read a batch at a time."""
        found = self._walk_below(prefix, recursive=recursive)
        while batch := await asyncio.to_thread(self._take_batch, found, prefix):
            for info in batch:
                yield info

    async def put(self, key: str, body: bytes, *, if_absent: bool = False) -> None:
        """Write an object at once."""
        check_key(key)

        def fill(descriptor: int) -> None:
            with os.fdopen(os.dup(descriptor), "wb") as file:
                file.write(body)

        await asyncio.to_thread(self._write, key, fill, if_absent=if_absent, operation="put")

    async def upload(self, key: str, path: Path) -> None:
        """Write a file as an object."""
        check_key(key)

        def fill(descriptor: int) -> None:
            with opened_source(path, key) as source, os.fdopen(os.dup(descriptor), "wb") as file:
                shutil.copyfileobj(source, file, 2**20)

        await asyncio.to_thread(self._write, key, fill, if_absent=False, operation="upload")

    async def download(self, key: str, path: Path) -> None:
        """Write an object to a file."""
        check_key(key)
        await asyncio.to_thread(self._copy_out, key, path)

    async def link(self, key: str, path: Path) -> bool:
        """Make a file the object's own, by a hard link."""
        check_key(key)
        return await asyncio.to_thread(self._link, key, path)

    async def delete(self, key: str) -> None:
        """Delete an object, and the directories that this leaves empty."""
        check_key(key.removesuffix(SEPARATOR))
        await asyncio.to_thread(self._remove, key)

    async def close(self) -> None:
        """Do nothing: no file stays open."""

    def _read(self, key: str, ranges: Sequence[tuple[int, int | None]], operation: str) -> Bodies:
        with self._translated(key, operation), self._opened(key, operation) as descriptor:
            size_bytes = os.fstat(descriptor).st_size
            return [_read_range(descriptor, start, size_bytes if end is None else end) for start, end in ranges]

    def _map(self, key: str, ranges: Sequence[tuple[int, int]]) -> Views:
        with self._translated(key, "map range"), self._opened(key, "map range") as descriptor:
            return [_map_range(descriptor, start, end) for start, end in ranges]

    def _info(self, key: str) -> ObjectInfo:
        with self._translated(key, "info"), self._opened(key, "info") as descriptor:
            return _object_info(key, os.fstat(descriptor))

    @contextmanager
    def _opened(self, key: str, operation: str) -> Iterator[int]:
        descriptor = os.open(f"{self._base}{key}", _READ_FLAGS)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ObjectNotFound("it is no regular file", key=key, operation=operation)
            yield descriptor
        finally:
            os.close(descriptor)

    def _take_batch(self, found: Iterator[ObjectInfo], prefix: str) -> Batch:
        with self._translated(prefix, "list"):
            if not self._root.is_dir():
                raise BucketError(f"directory {self._root} does not exist", key=prefix, operation="list")
            return list(islice(found, _LIST_BATCH))

    def _walk_below(self, prefix: str, *, recursive: bool) -> Iterator[ObjectInfo]:
        """Begin at the directory of the prefix: on the way there from the root all blocks would be read for each."""
        above = prefix.rpartition(SEPARATOR)[0]
        is_plain = is_key(above) and _is_text(above) and not above.startswith(TEMPORARY_DIRECTORY)
        above = above + SEPARATOR if is_plain and os.path.isdir(self._base + above) else ""
        yield from self._walk(self._root / above, above, prefix, recursive=recursive)

    def _walk(self, directory: Path, base: str, prefix: str, *, recursive: bool) -> Iterator[ObjectInfo]:
        for name in _sorted_names(directory):
            key = base + name
            if key == TEMPORARY_DIRECTORY + SEPARATOR or not (key.startswith(prefix) or prefix.startswith(key)):
                continue
            if not name.endswith(SEPARATOR):
                yield from _file_info(directory / name, key, prefix)
            elif recursive or prefix.startswith(key):
                yield from self._walk(directory / name, key, prefix, recursive=recursive)
            elif next(self._walk(directory / name, key, key, recursive=True), None):
                yield directory_info(key)

    def _write(self, key: str, fill: Callable[[int], None], *, if_absent: bool, operation: str) -> None:
        with self._translated(key, operation):
            temporary_directory = self._root / TEMPORARY_DIRECTORY
            temporary_directory.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(dir=temporary_directory)
            try:
                self._sweep(temporary_directory, now_s=os.fstat(descriptor).st_mtime)
                os.fchmod(descriptor, 0o644)
                fill(descriptor)
                os.fsync(descriptor)
                self._publish(Path(temporary), key, if_absent=if_absent, operation=operation)
            finally:
                os.close(descriptor)
                with suppress(FileNotFoundError):
                    os.unlink(temporary)

    def _publish(self, temporary: Path, key: str, *, if_absent: bool, operation: str) -> None:
        target = self._root / key
        if above := _object_above(target.parent, self._root):
            raise _no_room(key, f"the object {above.relative_to(self._root).as_posix()!r} above it", operation)
        for tries_left in reversed(range(_RENAME_TRIES)):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                if target.is_dir() and not _remove_empty(target):
                    raise _no_room(key, "objects below it", operation)
                if if_absent:
                    os.link(temporary, target)
                else:
                    temporary.replace(target)
                break
            except FileExistsError:
                raise ObjectExists("the object exists", key=key, operation=operation) from None
            except FileNotFoundError:  # a delete took the directory in between
                if not tries_left:
                    raise
        for directory in _directories_up_to(target.parent, self._root):
            _sync_directory(directory)

    def _sweep(self, temporary_directory: Path, *, now_s: float) -> None:
        if self._is_swept:
            return
        self._is_swept = True
        for entry in os.scandir(temporary_directory):
            with suppress(FileNotFoundError):
                if now_s - entry.stat().st_mtime > STALE_TEMPORARY_S:
                    os.unlink(entry.path)

    def _copy_out(self, key: str, path: Path) -> None:
        with (
            self._translated(key, "download"),
            self._opened(key, "download") as source,
            os.fdopen(os.dup(source), "rb") as reader,
            replaced_target(path, key) as writer,
        ):
            shutil.copyfileobj(reader, writer, 2**20)

    def _link(self, key: str, path: Path) -> bool:
        source = self._root / key
        with self._translated(key, "link"):
            is_regular = stat.S_ISREG(source.lstat().st_mode)
        if not is_regular:
            return False
        try:
            path.unlink(missing_ok=True)
            os.link(source, path)
        except OSError:  # another file system, or one without links, or another owner's file
            return False
        return True

    def _remove(self, key: str) -> None:
        target = self._root / key
        with self._translated(key, "delete"):
            if not key.endswith(SEPARATOR):
                with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
                    target.unlink()
            for directory in _directories_up_to(target if key.endswith(SEPARATOR) else target.parent, self._root):
                if directory == self._root or not _remove_empty(directory):
                    return

    @contextmanager
    def _translated(self, key: str, operation: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise _translate(error, key, operation) from error


def _translate(error: OSError, key: str, operation: str) -> BucketError:
    """Return what the operating system says as the bucket's error."""
    if isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError):
        return ObjectNotFound("there is no such object", key=key, operation=operation)
    if isinstance(error, PermissionError):
        return AccessDenied(_describe(error), key=key, operation=operation)
    kind = BucketError if error.errno in (errno.ENAMETOOLONG, errno.EINVAL) else BucketUnavailable
    return kind(_describe(error), key=key, operation=operation)


def _read_range(descriptor: int, start: int, end: int) -> bytes:
    end = min(end, os.fstat(descriptor).st_size)
    body = os.pread(descriptor, max(0, end - start), start)
    while start + len(body) < end:  # one read gives at most 2 GiB
        more = os.pread(descriptor, end - start - len(body), start + len(body))
        if not more:
            break
        body += more
    return body


def _fill(descriptor: int, start: int, view: memoryview) -> int:
    done = 0
    while done < len(view):  # one read gives at most 2 GiB
        got = os.preadv(descriptor, [view[done:]], start + done)
        if not got:
            break
        done += got
    return done


def _map_range(descriptor: int, start: int, end: int) -> memoryview:
    end = min(end, os.fstat(descriptor).st_size)
    if end - start < _SMALLEST_MAPPED_BYTES:
        return memoryview(_read_range(descriptor, start, end))
    offset = start - start % mmap.ALLOCATIONGRANULARITY
    mapped = mmap.mmap(descriptor, end - offset, flags=_MAP_FLAGS, prot=mmap.PROT_READ, offset=offset)
    return memoryview(mapped)[start - offset :]


def _sorted_names(directory: Path) -> list[str]:
    try:
        names = [entry.name + (SEPARATOR if entry.is_dir() else "") for entry in os.scandir(directory)]
    except FileNotFoundError:  # deleted since its parent was read
        return []
    return sorted(name for name in names if _is_text(name))


def _file_info(path: Path, key: str, prefix: str) -> Iterator[ObjectInfo]:
    with suppress(FileNotFoundError):
        found = path.stat()
        if key.startswith(prefix) and stat.S_ISREG(found.st_mode):
            yield _object_info(key, found)


def _object_info(key: str, found: os.stat_result) -> ObjectInfo:
    etag = f"{found.st_ino:x}-{found.st_mtime_ns:x}-{found.st_size:x}"
    return ObjectInfo(key, found.st_size, found.st_mtime_ns // 1_000_000, etag)


def _is_text(name: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in name)


def _object_above(directory: Path, root: Path) -> Path | None:
    return next((path for path in _directories_up_to(directory, root) if path.is_file()), None)


def _no_room(key: str, what: str, operation: str) -> BucketError:
    return BucketError(f"a directory cannot hold it beside {what}", key=key, operation=operation)


def _directories_up_to(directory: Path, root: Path) -> Iterator[Path]:
    while directory != root and root in directory.parents:
        yield directory
        directory = directory.parent
    yield root


def _sync_directory(directory: Path) -> None:
    with suppress(FileNotFoundError):
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _remove_empty(directory: Path) -> bool:
    try:
        directory.rmdir()
    except OSError:  # not empty, gone, or no directory
        return False
    return True


def _describe(error: OSError) -> str:
    return error.strerror or type(error).__name__
