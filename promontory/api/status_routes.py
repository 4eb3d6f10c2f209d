"""/api/v1/stores, /api/v1/status/buildinfo and /api/v1/metadata."""

from __future__ import annotations

import platform
import re

from promontory.api.answer import Answer, success_of
from promontory.api.call import Call
from promontory.api.failure import bad_data
from promontory.model.rfc3339 import format_rfc3339_ms
from promontory.model.store_status import StoreStatus

UNKNOWN_KIND = "unknown"


async def answer_stores(call: Call) -> Answer:
    """Answer with the endpoints by component type, as Thanos' stores page reads them."""
    kinds: dict[str, list[dict[str, object]]] = {}
    for status in call.backend.statuses():
        kinds.setdefault(status.info.kind if status.info else UNKNOWN_KIND, []).append(_describe(status))
    return success_of(kinds)


async def answer_build_info(call: Call) -> Answer:
    """Answer with our version. It never holds `features`: by them Grafana would take us for another product."""
    return success_of(
        {
            "version": call.settings.version,
            "revision": "",
            "branch": "",
            "buildUser": "",
            "buildDate": "",
            "goVersion": f"python{platform.python_version()}",
        }
    )


async def answer_metadata(call: Call) -> Answer:
    """Answer that no metric has metadata: blocks hold none."""
    limit = call.parameters.text("limit")
    if limit and re.fullmatch(r"[+-]?\d{1,18}", limit, re.ASCII) is None:
        raise bad_data("limit must be a number")
    return success_of({})


def _describe(status: StoreStatus) -> dict[str, object]:
    info = status.info
    return {
        "name": status.address,
        "lastCheck": format_rfc3339_ms(status.last_check_ms),
        "lastError": status.last_error or None,
        "labelSets": [labels.to_text() for labels in info.label_sets] if info else [],
        "minTime": info.time_range.min_time_ms if info else 0,
        "maxTime": info.time_range.max_time_ms if info else 0,
    }
