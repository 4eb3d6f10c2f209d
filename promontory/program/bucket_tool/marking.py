"""`promontory bucket mark` and `unmark`: the marks that tell a compactor to delete a block or to leave it alone.

A mark that is there stays as it is: its time counts. A ULID under which the bucket has nothing is refused; Thanos
would put a mark there, and a mistyped deletion would look done.
"""

from __future__ import annotations

import sys

from promontory.block.markers import MarkKind, mark_by_hand
from promontory.block.ulid import is_ulid
from promontory.bucket.port import Bucket
from promontory.catalog.listing import find_object, holds_block
from promontory.catalog.transfer import mark_block
from promontory.errors import InputError
from promontory.model.clock import SystemClock
from promontory.program.bucket_tool.session import run_on_bucket
from promontory.service.stdout import print_json
from promontory.service.values import Values


def run_mark(values: Values) -> int:
    """Put or remove a mark and return the exit code."""
    if values.flag("--remove"):
        return run_unmark(values)
    kind, ulids = _read(values)
    details = values.text("--details")
    if not details:
        raise InputError("flag --details is required: why the blocks are marked")

    async def mark(values: Values, bucket: Bucket) -> int:
        for ulid in ulids:
            await _check_is_there(bucket, ulid)
        time_s = SystemClock().now_ms() // 1000
        marks = [mark_by_hand(kind, ulid, details=details, time_s=time_s) for ulid in ulids]
        changed = {mark.ulid: await mark_block(bucket, mark) for mark in marks}
        _report(values, kind, changed, done="marked", left="was marked before and stays as it is")
        return 0

    return run_on_bucket(values, mark)


def run_unmark(values: Values) -> int:
    """Remove a mark and return the exit code; one that is not there is no failure."""
    kind, ulids = _read(values)

    async def unmark(values: Values, bucket: Bucket) -> int:
        changed = {ulid: await _remove(bucket, f"{ulid}/{kind.file_name}") for ulid in ulids}
        _report(values, kind, changed, done="mark removed", left="has no such mark")
        return 0

    return run_on_bucket(values, unmark)


async def _remove(bucket: Bucket, key: str) -> bool:
    if await find_object(bucket, key) is None:
        return False
    await bucket.delete(key)
    return True


def _read(values: Values) -> tuple[MarkKind, list[str]]:
    ulids = list(dict.fromkeys(values.texts("--id")))
    for ulid in ulids:
        if not is_ulid(ulid):
            raise InputError(f"flag --id: expected the ULID of a block, found {ulid!r}")
    return MarkKind(values.text("--marker")), ulids


async def _check_is_there(bucket: Bucket, ulid: str) -> None:
    if not await holds_block(bucket, ulid):
        raise InputError(f"flag --id: expected a block of the bucket, found nothing below {ulid}/; no block was marked")


def _report(values: Values, kind: MarkKind, changed: dict[str, bool], *, done: str, left: str) -> None:
    if values.flag("--json"):
        print_json([{"ulid": ulid, "marker": kind.file_name, "changed": is_new} for ulid, is_new in changed.items()])
        return
    for ulid, is_new in changed.items():
        sys.stdout.write(f"{ulid} {kind.file_name}: {done if is_new else left}\n")
