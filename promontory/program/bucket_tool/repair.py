"""Repairing `duplicated_compaction`: each copy goes to the backup bucket whole, and only then out of this one.

    for each copy:  the kept block is there  ->  copy to the backup, meta.json last  ->  sizes compared  ->  delete

Source: thanos pkg/verifier/safe_delete.go.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from promontory.block.meta import META_FILE
from promontory.bucket.config import open_bucket
from promontory.bucket.port import Bucket
from promontory.catalog.transfer import delete_block, mark_for_deletion
from promontory.errors import InputError
from promontory.model.clock import SystemClock
from promontory.program.bucket_tool.issues import DUPLICATED_COMPACTION, Finding
from promontory.service.values import Values


def open_backup(values: Values) -> Bucket | None:
    """Return the bucket of --objstore-backup.config, None without. Raises InputError where one is needed."""
    content = values.text("--objstore-backup.config")
    if not content:
        if values.flag("--repair"):
            raise InputError("flag --repair: expected with --objstore-backup.config, found without")
        return None
    return open_bucket(content, clock=SystemClock())


async def repair_duplicates(
    bucket: Bucket, backup: Bucket, findings: Sequence[Finding], *, delete_delay_ms: int
) -> list[str]:
    """Move the copies to the backup and return their ULIDs; with a delay they are marked for deletion.

    Raises InputError where the backup has anything under such a name, BucketError.
    """
    moved: list[str] = []
    for finding in findings:
        if finding.issue != DUPLICATED_COMPACTION:
            continue
        ulid, kept = finding.ulids
        await bucket.info(f"{kept}/{META_FILE}")
        await _copy_block(bucket, backup, ulid)
        if delete_delay_ms:
            await mark_for_deletion(bucket, ulid, details="manual verify-repair", clock=SystemClock())
        else:
            await delete_block(bucket, ulid)
        moved.append(ulid)
    return moved


async def _copy_block(bucket: Bucket, backup: Bucket, ulid: str) -> None:
    async for info in backup.list(f"{ulid}/"):
        raise InputError(f"block {ulid}: expected none of its name in the backup bucket, found {info.key}")
    infos = [info async for info in bucket.list(f"{ulid}/") if not info.key.endswith("/")]
    for info in sorted(infos, key=lambda info: info.key.endswith(f"/{META_FILE}")):
        with tempfile.TemporaryDirectory(prefix="promontory-backup-") as folder:
            path = Path(folder) / "file"
            await bucket.download(info.key, path)
            await backup.upload(info.key, path)
        found = (await backup.info(info.key)).size_bytes
        if found != info.size_bytes:
            raise InputError(f"backup of {info.key}: expected {info.size_bytes} bytes, found {found}")
