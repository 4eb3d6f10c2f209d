"""The names of the columns of `promontory bucket inspect`, apart from how they are made, for `--help` imports them."""

from __future__ import annotations

COLUMN_NAMES = (
    "ULID", "FROM", "UNTIL", "RANGE", "UNTIL-DOWN", "#SERIES", "#SAMPLES", "#CHUNKS", "COMP-LEVEL", "COMP-FAILED",
    "LABELS", "RESOLUTION", "SOURCE",
)  # fmt: skip
