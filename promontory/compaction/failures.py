"""What a failure means: a bad block is left out, what is retryable is tried again, the rest is a fault of ours.

    BAD_BLOCK   BadBlockError: a no-compact mark with the reason; the group goes on around the block
    RETRYABLE   the bucket, a full disk, a stop: a later try may do; nothing is wrong with the blocks
    FATAL       all else: the blocks are good and the work failed; or HaltError, where Thanos' halting was asked for

Thanos halts where the disk is full and where a block is corrupt: issues 7197, 4791, 5978.
"""

from __future__ import annotations

import errno

from promontory.compaction.observer import FailureKind
from promontory.errors import BadBlockError, BucketError, HaltError, PromontoryError

# What the operating system says of a disk or of its limits, and not of what we asked for.
TRANSIENT = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EROFS,
     errno.ESTALE, errno.ETIMEDOUT)
)  # fmt: skip


def classify(error: BaseException) -> FailureKind:
    """Return what a failure of a job means."""
    if isinstance(error, BadBlockError):
        return FailureKind.BAD_BLOCK
    return FailureKind.RETRYABLE if is_retryable(error) else FailureKind.FATAL


def is_retryable(error: BaseException) -> bool:
    """Say whether the same job may succeed later."""
    if isinstance(error, HaltError):
        return False
    if isinstance(error, PromontoryError):
        return error.retryable or isinstance(error, BucketError)
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, OSError) and error.errno in TRANSIENT
