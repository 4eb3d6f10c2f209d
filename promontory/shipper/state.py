"""thanos.shipper.json: which local blocks are known to be in the bucket; Prometheus reads it to delay compaction.

    { "version": 1, "uploaded": [ULID, …] }

One rule: it is only a memory of what the bucket knows. Missing, broken or of another version it counts as empty, and
the bucket is asked again. Source: thanos pkg/shipper/shipper.go.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from promontory.block.strict_json import Fields, parse_object, render_object
from promontory.block.ulid import is_ulid

STATE_FILE = "thanos.shipper.json"
STATE_VERSION = 1


def read_state(path: Path) -> tuple[str, ...]:
    """Return the ULIDs of a state file, none where there is no file. Raises CorruptionError."""
    try:
        body = path.read_bytes()
    except FileNotFoundError:
        return ()
    fields = Fields(parse_object(body, source=path.name), source=path.name)
    version = fields.integer("version")
    if version != STATE_VERSION:
        raise fields.broken("version", str(STATE_VERSION), str(version))
    uploaded = fields.texts("uploaded")
    if not all(is_ulid(ulid) for ulid in uploaded):
        raise fields.broken("uploaded", "ULIDs", repr(uploaded))
    return uploaded


def write_state(path: Path, uploaded: Sequence[str]) -> None:
    """Replace the state file as a whole. Raises OSError."""
    body = render_object({"version": STATE_VERSION, "uploaded": list(uploaded)})
    replace_file(path, body)


def replace_file(path: Path, body: bytes) -> None:
    """Write a file so that a crash leaves the old or the new one: temporary file, fsync, rename, fsync."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), 0o644)
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
