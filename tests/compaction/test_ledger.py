"""The ledger knows blocks by the identity of their meta.json, and may be lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from promontory.bucket.port import ObjectInfo
from promontory.compaction.ledger import Ledger
from tests.catalog.blocks import ulid_of

ONE, TWO = ulid_of(1), ulid_of(2)


def info(etag: str = "a", size_bytes: int = 10, modified_ms: int = 1) -> ObjectInfo:
    return ObjectInfo("k", size_bytes, modified_ms, etag)


def listed(**infos: ObjectInfo) -> dict[str, dict[str, ObjectInfo]]:
    return {ulid: {"meta.json": found} for ulid, found in infos.items()}


def test_what_was_noted_is_known_to_the_next_process(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "data" / "ledger.json")
    ledger.note(ONE, info())
    ledger.note(TWO, info(), problem="a chunk is broken")
    ledger.save([ONE, TWO])
    again = Ledger(tmp_path / "data" / "ledger.json")
    both = listed(**{ONE: info(), TWO: info()})
    assert again.find_verified(both) == {ONE}
    assert again.find_broken(both) == {TWO: "a chunk is broken"}


@pytest.mark.parametrize("other", [info(etag="b"), info(size_bytes=11)])
def test_a_block_written_anew_is_not_known(tmp_path: Path, other: ObjectInfo) -> None:
    ledger = Ledger(tmp_path / "ledger.json")
    ledger.note(ONE, info())
    assert not ledger.find_verified(listed(**{ONE: other}))


def test_without_entity_tags_the_time_of_writing_counts(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.json")
    ledger.note(ONE, info(etag="", modified_ms=5))
    assert ledger.find_verified(listed(**{ONE: info(etag="", modified_ms=5)}))
    assert not ledger.find_verified(listed(**{ONE: info(etag="", modified_ms=6)}))


def test_a_block_found_good_later_is_broken_no_more(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.json")
    ledger.note(ONE, info(), problem="bad")
    ledger.note(ONE, info())
    assert ledger.find_verified(listed(**{ONE: info()})) == {ONE}
    assert not ledger.find_broken(listed(**{ONE: info()}))


def test_blocks_that_are_gone_are_forgotten(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.json")
    ledger.note(ONE, info())
    ledger.save([])
    assert not Ledger(tmp_path / "ledger.json").find_verified(listed(**{ONE: info()}))


@pytest.mark.parametrize("body", [b"", b"{", b'{"version": 2}', b'{"version": 1, "good": 3}', b"\xff" * 9])
def test_one_that_cannot_be_read_is_empty(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "ledger.json").write_bytes(body)
    assert not Ledger(tmp_path / "ledger.json").find_verified(listed(**{ONE: info()}))
