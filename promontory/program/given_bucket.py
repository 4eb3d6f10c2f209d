"""The bucket that `--bucket` or `--objstore.config` names."""

from __future__ import annotations

from pathlib import Path

from promontory.bucket.config import open_bucket
from promontory.bucket.filesystem import FilesystemBucket
from promontory.bucket.port import Bucket
from promontory.errors import InputError
from promontory.model.clock import SystemClock
from promontory.service.values import Values


def open_given_bucket(values: Values) -> Bucket | None:
    """Return the bucket of the command line, None where it names none. Raises InputError."""
    given, content = values.text("--bucket"), values.text("--objstore.config")
    if given and content:
        raise InputError("flags --bucket and --objstore.config: expected one of them, found both")
    if given and Path(given).is_dir():
        return FilesystemBucket(Path(given))
    if given:
        try:
            content = Path(given).read_text()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
            message = f"flag --bucket: expected a directory or a YAML file, found {given!r}: {reason}"
            raise InputError(message) from None
    return open_bucket(content, clock=SystemClock()) if content else None
