"""Blocks that no plan sees, as their meta.json cannot be read or does not fit what lies beside it.

They are marked against compaction with the reason, so that people find them; nothing else is done to them. Thanos
deletes a block with a corrupt meta.json after 48 hours, though its samples may be whole. A meta.json of a version to
come is not bad: whoever wrote it can read it, so it is told and not marked.
"""

from __future__ import annotations

from promontory.block.markers import MarkKind
from promontory.block.meta import META_FILE
from promontory.bucket.port import Bucket
from promontory.compaction.marking import Marker
from promontory.compaction.observer import PassObserver
from promontory.compaction.running.workspace import list_input_files, read_input_meta
from promontory.compaction.settings import CompactionSettings
from promontory.compaction.survey import Survey
from promontory.errors import BadBlockError, CorruptionError, ObjectNotFound


async def mark_unreadable(
    bucket: Bucket, survey: Survey, marker: Marker, *, settings: CompactionSettings, observer: PassObserver, now_ms: int
) -> None:
    """Mark what is not marked yet and older than the consistency delay. Raises BucketError."""
    for ulid in survey.view.corrupt:
        written = survey.view.files.get(ulid, {}).get(META_FILE)
        is_young = written is None or now_ms - written.modified_ms < settings.consistency_delay_ms
        if is_young or ulid in survey.state.no_compact_marks or ulid in survey.state.deletion_marks:
            continue
        error = await _find_problem(bucket, ulid)
        if error is not None and _is_of_another_version(error):
            observer.on_refused(f"block {ulid} is left as it is: {error}")
        elif error is not None:
            await marker.mark(ulid, MarkKind.NO_COMPACT, reason=error.reason, details=str(error))


async def _find_problem(bucket: Bucket, ulid: str) -> BadBlockError | None:
    try:
        await list_input_files(bucket, await read_input_meta(bucket, ulid))
    except BadBlockError as error:
        return error
    except ObjectNotFound:
        return None  # it was deleted since
    return None


def _is_of_another_version(error: BadBlockError) -> bool:
    cause = error.__cause__
    return isinstance(cause, CorruptionError) and "version" in str(cause).partition(" in ")[0]
