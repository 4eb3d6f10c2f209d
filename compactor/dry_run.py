"""`promontory compact --dry-run`: prints what a pass would do. It reads the bucket and changes nothing there."""

from __future__ import annotations

import asyncio
from collections import Counter

from compactor.settings import CompactorSettings
from promontory.bucket.config import open_bucket
from promontory.catalog.view import CatalogView
from promontory.compaction.compactor import LEDGER_FILE
from promontory.compaction.ledger import Ledger
from promontory.compaction.planning.pass_plan import plan_pass
from promontory.compaction.survey import Surveyor
from promontory.model.clock import SystemClock
from promontory.service.lifecycle import require_content
from promontory.service.stdout import write_stdout
from promontory.service.values import Values


def run_dry(values: Values) -> int:
    """Print the plan. Raises InputError, and BucketError where the bucket does not answer."""
    return write_stdout(asyncio.run(_describe(values)))


async def _describe(values: Values) -> str:
    clock = SystemClock()
    settings = CompactorSettings.from_values(values, now_ms=clock.now_ms())
    bucket = open_bucket(require_content(values, "--objstore.config"), clock=clock)
    surveyor = Surveyor(
        bucket,
        settings.compaction,
        clock=clock,
        directory=settings.directory,
        ledger=Ledger(settings.directory / LEDGER_FILE),
        filters=settings.filters,
    )
    try:
        survey = await surveyor.look()
    finally:
        await bucket.close()
    plan = plan_pass(survey.state, settings.compaction, now_ms=clock.now_ms()).describe()
    return describe_left_out(survey.view) + plan


def describe_left_out(view: CatalogView) -> str:
    """Return a line for each reason why blocks of the bucket are not planned for, with how many these are."""
    counts = Counter(view.excluded.values())
    counts["upload not complete, or going"] = len(view.partial)
    counts["meta.json unreadable, or not as the files are"] = len(view.corrupt)
    return "".join(f"Left out: {count} ({reason}).\n" for reason, count in sorted(counts.items()) if count)
