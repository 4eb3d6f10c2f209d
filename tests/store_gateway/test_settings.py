"""The flags of the store gateway as settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from store_gateway.command import command
from store_gateway.settings import StoreSettings


@pytest.mark.parametrize(
    ("words", "directory"),
    [
        ([], Path("data")),
        (["--data-dir=/headers"], Path("/headers")),
        (["--data-dir="], None),
        (["--data-dir=/headers", "--no-cache-index-header"], None),
    ],
)
def test_headers_are_kept_in_memory_without_a_directory(words: list[str], directory: Path | None) -> None:
    assert StoreSettings.from_values(command.flags.parse(words), now_ms=0).directory == directory


@pytest.mark.parametrize(
    ("words", "fresh_ms"),
    [
        ([], 30 * 60_000),
        (["--ignore-deletion-marks-delay=10m"], 10 * 60_000),
        (["--ignore-deletion-marks-delay=0s"], 0),
        (["--no-bucket-index.enabled"], 0),
    ],
)
def test_a_bucket_index_is_never_older_than_the_delay_of_marks(words: list[str], fresh_ms: int) -> None:
    assert StoreSettings.from_values(command.flags.parse(words), now_ms=0).index_fresh_ms == fresh_ms
