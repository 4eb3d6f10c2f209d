"""StoreStatus: what a watcher knows of one endpoint; a row of /api/v1/stores."""

from __future__ import annotations

from dataclasses import dataclass

from promontory.model.store_info import StoreInfo


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """The last known StoreInfo (None before the first answer), when it was asked for, and what went wrong then."""

    address: str
    info: StoreInfo | None
    last_check_ms: int
    last_error: str = ""
