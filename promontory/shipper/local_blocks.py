"""The finished blocks in Prometheus' data directory, and frozen copies of them.

    <tsdb>/<ULID>/                        Prometheus' block; it may delete it at any time
    <tsdb>/thanos/upload/<ULID>/          hard links to its files, held while it is uploaded

Prometheus builds blocks under other names and renames them, so a directory named by a ULID is finished.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from promontory.block.meta import META_FILE, BlockMeta, parse_meta
from promontory.block.ulid import is_ulid
from promontory.catalog.transfer import list_block_files
from promontory.errors import CorruptionError

UPLOAD_DIRECTORY = Path("thanos", "upload")

_NO_LINKS = (errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.EACCES)


@dataclass(frozen=True, slots=True)
class LocalBlocks:
    """The blocks that can be read, oldest first, and what is wrong with the others."""

    metas: Sequence[BlockMeta]
    broken: dict[str, Exception]


def read_local_blocks(tsdb_path: Path) -> LocalBlocks:
    """Return the finished blocks of a data directory. Raises OSError where it cannot be read."""
    metas: list[BlockMeta] = []
    broken: dict[str, Exception] = {}
    for directory in sorted(tsdb_path.iterdir()):
        if not (is_ulid(directory.name) and directory.is_dir()):
            continue
        try:
            metas.append(_read_meta(directory))
        except (OSError, CorruptionError) as error:
            if directory.is_dir():  # else Prometheus deleted it since
                broken[directory.name] = error
    metas.sort(key=lambda meta: (meta.min_time_ms, meta.ulid))
    return LocalBlocks(metas, broken)


@contextmanager
def frozen_block(tsdb_path: Path, ulid: str) -> Iterator[Path]:
    """Give a directory with the block's files that stays whole while Prometheus deletes its own."""
    frozen = tsdb_path / UPLOAD_DIRECTORY / ulid
    clear_uploads(tsdb_path)
    try:
        source = tsdb_path / ulid
        for file in list_block_files(source):
            target = frozen / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            _link_or_copy(source / file.path, target)
        yield frozen
    finally:
        clear_uploads(tsdb_path)


def clear_uploads(tsdb_path: Path) -> None:
    """Remove frozen copies, also those that a killed process left."""
    shutil.rmtree(tsdb_path / UPLOAD_DIRECTORY, ignore_errors=True)


def _read_meta(directory: Path) -> BlockMeta:
    source = f"{directory.name}/{META_FILE}"
    meta = parse_meta((directory / META_FILE).read_bytes(), source=source)
    if meta.ulid != directory.name:
        raise CorruptionError("field ulid", source=source, offset=0, expected=directory.name, found=meta.ulid)
    return meta


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        shutil.copyfile(source, target)
