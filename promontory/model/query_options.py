"""QueryOptions: what one request may say about how its query is answered; the rest is the engine's settings."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QueryOptions:
    """Choices of one request.

    `replica_labels` None means those the engine was configured with. `lookback_ms` 0 is the engine's own.
    `max_resolution_ms` 0 allows raw data only. With `analyze` the answer tells what each part of the query did.
    """

    deduplicate: bool = True
    replica_labels: tuple[bytes, ...] | None = None
    lookback_ms: int = 0
    max_resolution_ms: int = 0
    analyze: bool = False
