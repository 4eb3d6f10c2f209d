"""The local file at the other end of an upload or a download.

One rule: a download appears whole or not at all: temporary file beside it, then rename. Where it cannot be
opened or put in place, a BucketError names it, so that it is never taken for the object.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from promontory.errors import BucketError


@contextmanager
def opened_source(path: Path, key: str) -> Iterator[BinaryIO]:
    """Open the file that an upload reads. Raises BucketError naming it."""
    with local_trouble(path, key=key, operation="upload"):
        source = path.open("rb")
    with source:
        yield source


@contextmanager
def replaced_target(path: Path, key: str) -> Iterator[BinaryIO]:
    """Give a file to write; it becomes `path` when the body ends well and is gone otherwise. Raises BucketError."""
    with local_trouble(path, key=key, operation="download"):
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        with local_trouble(path, key=key, operation="download"):
            os.replace(temporary, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)


@contextmanager
def local_trouble(path: Path, *, key: str, operation: str) -> Iterator[None]:
    """Raise what the operating system says of a local file as a BucketError that names it."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BucketError(f"local file {path}: {reason}", key=key, operation=operation) from error
