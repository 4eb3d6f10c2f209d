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
