"""Which inputs are why a job failed, where nothing outside is.

What is found is looked at again in a fresh copy: a mark stays, and disks and networks err. An input that no check finds
bad, but that the work itself names, is blamed only where its copy was fresh.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from promontory.block.meta import BlockMeta
from promontory.compaction.reasons import UNWORKABLE
from promontory.errors import BadBlockError, BucketUnavailable, CorruptionError


class Copies(Protocol):
    """The copies of a job's inputs on disk."""

    has_old_copies: bool

    async def examine(self, meta: BlockMeta) -> BadBlockError | None:
        """Return what is wrong with a copy, every chunk decoded."""

    async def fetch_again(self, meta: BlockMeta) -> None:
        """Put a fresh copy in the place of the one that is there."""

    async def drop(self, meta: BlockMeta) -> None:
        """Remove a copy."""


async def find_culprits(error: Exception, inputs: Sequence[BlockMeta], copies: Copies) -> None:
    """Raise BadBlockError naming the inputs that are why the work failed; return where none is.

    Those of one reason are named at once. Raises BucketUnavailable where it was a copy.
    """
    had_old_copies = copies.has_old_copies
    suspects = error.ulids if isinstance(error, BadBlockError) else tuple(meta.ulid for meta in inputs)
    found: list[BadBlockError] = []
    for meta in inputs:
        if meta.ulid not in suspects or await copies.examine(meta) is None:
            continue
        await copies.fetch_again(meta)
        again = await copies.examine(meta)
        if again is None:
            raise _copy_was_bad("the copy of the block on disk was bad, the one in the bucket is not", meta, error)
        found.append(again)
    if found:
        same = [one for one in found if one.reason == found[0].reason]
        ulids = tuple(ulid for one in same for ulid in one.ulids)
        raise BadBlockError("; ".join(map(str, same)), ulids=ulids, reason=found[0].reason) from error
    named = [meta for meta in inputs if isinstance(error, CorruptionError) and meta.ulid in error.source]
    if named and had_old_copies:
        for meta in inputs:
            await copies.drop(meta)
        raise _copy_was_bad(f"copies of an earlier try did not do, others are to be fetched: {error}", named[0], error)
    if named:
        raise BadBlockError(str(error), ulids=tuple(meta.ulid for meta in named), reason=UNWORKABLE) from error


def _copy_was_bad(message: str, meta: BlockMeta, error: Exception) -> BucketUnavailable:
    bad = BucketUnavailable(message, key=meta.ulid, operation="download")
    bad.__cause__ = error
    return bad
