"""Repairing `duplicated_compaction`: each copy goes to the backup bucket whole, and only then out of this one.

    for each copy:  the kept block is there  ->  copy to the backup, meta.json last  ->  bytes compared  ->  delete

It may be cut off anywhere and run again.

Source: thanos pkg/verifier/safe_delete.go.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from promontory.block.meta import META_FILE, BlockFile
from promontory.bucket.config import open_bucket
from promontory.bucket.port import Bucket
from promontory.catalog.transfer import delete_block, mark_for_deletion
from promontory.compaction.running.read_back import compare_files
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

    Raises InputError where the backup has another block of such a name, BucketError.
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
    """Copy what the backup lacks of a block, and compare all of it; so a copy that was cut off is gone on with."""
    prefix = f"{ulid}/"
    held = {info.key: info.size_bytes async for info in backup.list(prefix)}
    infos = {info.key: info async for info in bucket.list(prefix) if not info.key.endswith("/")}
    for key, size_bytes in held.items():
        if key not in infos or infos[key].size_bytes != size_bytes:
            raise InputError(f"block {ulid}: expected none of its name in the backup bucket, found another {key}")
    for key in sorted(infos, key=lambda key: key == prefix + META_FILE):
        with tempfile.TemporaryDirectory(prefix="promontory-backup-") as folder:
            path = Path(folder) / key
            path.parent.mkdir(parents=True)
            await bucket.download(key, path)
            if key not in held:
                await backup.upload(key, path)
            file = BlockFile(key.removeprefix(prefix), path.stat().st_size)
            await compare_files(backup, Path(folder) / ulid, ulid, [file], stop=lambda: False, notify=lambda _: None)
