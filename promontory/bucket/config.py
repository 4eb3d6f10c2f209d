"""Thanos' bucket configuration to a Bucket.

    type: S3 | FILESYSTEM | MEMORY
    config: { … }                       keys of the type
    prefix: a/b                         optional: the bucket is what lies below it

Source: thanos-io/objstore client/factory.go.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path

from promontory.bucket.config_tree import ConfigTree, parse_config_tree
from promontory.bucket.filesystem import FilesystemBucket
from promontory.bucket.keys import SEPARATOR
from promontory.bucket.memory import MemoryBucket
from promontory.bucket.port import Bucket
from promontory.bucket.prefix import take_part
from promontory.bucket.retry import RetryBucket, RetryPolicy
from promontory.bucket.s3 import S3Bucket
from promontory.bucket.s3_config import parse_s3_settings
from promontory.errors import InputError
from promontory.model.clock import Clock

WHAT = "objstore.config"


def open_bucket(
    text: str,
    *,
    clock: Clock,
    policy: RetryPolicy | None = None,
    jitter: Callable[[], float] = random.random,
) -> Bucket:
    """Return the bucket that a configuration describes; connects on first use. Raises InputError naming the key."""
    tree = parse_config_tree(text, what=WHAT)
    kind = tree.text("type").upper()
    if kind not in _OPENERS:
        raise tree.wrong("type", f"one of {', '.join(_OPENERS)}", repr(kind) if kind else "none")
    inner = tree.tree("config")
    prefix = tree.text("prefix").strip(SEPARATOR)
    tree.finish()
    bucket = _OPENERS[kind](inner, clock)
    inner.finish()
    if kind in _REMOTE:
        bucket = RetryBucket(bucket, clock=clock, jitter=jitter, policy=policy or RetryPolicy())
    try:
        return take_part(bucket, prefix) if prefix else bucket
    except InputError as error:
        raise tree.wrong("prefix", "a relative path without '..'", repr(prefix)) from error


def _open_filesystem(tree: ConfigTree, clock: Clock) -> Bucket:
    directory = tree.text("directory")
    if not directory:
        raise tree.wrong("directory", "the path of a directory", "none")
    return FilesystemBucket(Path(directory))


_OPENERS: Mapping[str, Callable[[ConfigTree, Clock], Bucket]] = {
    "S3": lambda tree, _: S3Bucket(parse_s3_settings(tree)),
    "FILESYSTEM": _open_filesystem,
    "MEMORY": lambda _, clock: MemoryBucket(clock),
}
_REMOTE = ("S3",)
