"""Why a pass found nothing to do: what of a bucket does not count, and what counts and needs nothing."""

from __future__ import annotations

from collections import Counter

from promontory.block.ulid import ulid_time_ms
from promontory.compaction.survey import Survey

REASONS_SHOWN = 5


def explain_idle(survey: Survey, *, now_ms: int) -> str:
    """Return a sentence with the number of blocks by what keeps them from being merged."""
    view, state = survey.view, survey.state
    left_out = Counter(view.excluded.values()).most_common(REASONS_SHOWN)
    early = sum(ulid_time_ms(ulid) > now_ms for ulid in (*view.blocks, *view.excluded))
    counts = [
        (len(view.blocks.keys() - state.deletion_marks.keys()), "counted, and there is nothing to do about them"),
        *((count, reason) for reason, count in left_out),
        (early, "made after this machine's time: its clock may be behind"),
        (len(state.deletion_marks), "marked for deletion"),
        (len(state.no_compact_marks), "marked against compaction"),
        (len(view.partial), "without meta.json"),
        (len(view.corrupt), "with a meta.json that cannot be used"),
    ]
    told = "; ".join(f"{count} {what}" for count, what in counts if count)
    return f"nothing to merge, rewrite or downsample; blocks: {told or 'none'}"
