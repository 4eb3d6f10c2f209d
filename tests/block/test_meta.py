from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.block.meta import BlockMeta, ThanosMeta, parse_meta, render_meta
from promontory.block.ulid import is_ulid, make_ulid, ulid_time_ms
from promontory.errors import CorruptionError, InputError
from promontory.model.labels import Labels

ULID = "01H8XGJWBWBAQ4ZZZZZZZZZZZZ"
GOLDEN = b"""{
\t"ulid": "01H8XGJWBWBAQ4ZZZZZZZZZZZZ",
\t"minTime": 1000,
\t"maxTime": 7200000,
\t"stats": {
\t\t"numSamples": 12,
\t\t"numSeries": 3,
\t\t"numChunks": 4
\t},
\t"compaction": {
\t\t"level": 1,
\t\t"sources": [
\t\t\t"01H8XGJWBWBAQ4ZZZZZZZZZZZZ"
\t\t]
\t},
\t"version": 1,
\t"thanos": {
\t\t"version": 1,
\t\t"labels": {
\t\t\t"cluster": "a\\u003cb",
\t\t\t"replica": "\xc3\xa4"
\t\t},
\t\t"downsample": {
\t\t\t"resolution": 300000
\t\t},
\t\t"source": "sidecar",
\t\t"files": [
\t\t\t{
\t\t\t\t"rel_path": "chunks/000001",
\t\t\t\t"size_bytes": 123
\t\t\t},
\t\t\t{
\t\t\t\t"rel_path": "meta.json"
\t\t\t}
\t\t],
\t\t"index_stats": {},
\t\t"upload_time": "2026-01-02T03:04:05.12Z"
\t}
}
"""


def changed(**fields: Any) -> bytes:
    return json.dumps(json.loads(GOLDEN) | fields).encode()


def changed_thanos(**fields: Any) -> bytes:
    return changed(thanos=json.loads(GOLDEN)["thanos"] | fields)


def test_what_go_writes_is_read_and_written_back_byte_for_byte() -> None:
    meta = parse_meta(GOLDEN, source="x/meta.json")
    assert meta.thanos is not None
    assert (meta.ulid, meta.min_time_ms, meta.max_time_ms) == (ULID, 1000, 7_200_000)
    assert meta.labels == Labels.from_mapping({"cluster": "a<b", "replica": "ä"})
    assert meta.resolution_ms == 300_000
    assert meta.thanos.upload_time_ms == 1_767_323_045_120
    assert [file.size_bytes for file in meta.thanos.files] == [123, None]
    assert render_meta(meta) == GOLDEN


def test_a_plain_prometheus_block_has_no_thanos_part() -> None:
    meta = parse_meta(changed(thanos=None), source="meta")
    assert meta.thanos is None
    assert b"thanos" not in render_meta(meta)
    assert parse_meta(render_meta(meta), source="meta") == meta


def test_fields_of_a_newer_writer_are_carried_along() -> None:
    body = changed(
        future={"a": [1.5]}, thanos={"labels": {"a": "b"}, "novel": 7, "extensions": {"parquet_migrated": 1}}
    )
    again = json.loads(render_meta(parse_meta(body, source="meta")))
    assert again["future"] == {"a": [1.5]}
    assert again["thanos"]["novel"] == 7
    assert again["thanos"]["extensions"] == {"parquet_migrated": 1}


def test_the_zero_time_of_go_means_not_uploaded() -> None:
    meta = parse_meta(changed_thanos(upload_time="0001-01-01T00:00:00Z"), source="meta")
    assert meta.thanos is not None
    assert meta.thanos.upload_time_ms is None
    assert b"0001-01-01T00:00:00Z" in render_meta(meta)


@pytest.mark.parametrize("resolution_ms", [0, 60_000, 300_000, 3_600_000, 86_400_000])
def test_any_resolution_that_a_ladder_may_ask_for_is_read(resolution_ms: int) -> None:
    meta = parse_meta(changed_thanos(downsample={"resolution": resolution_ms}), source="meta")
    assert meta.resolution_ms == resolution_ms


@pytest.mark.parametrize(
    ("text", "expected_ms"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T01:00:00.001999+01:00", 1),
        ("1969-12-31T23:59:59.25Z", -750),
    ],
)
def test_upload_times_are_read_with_zone_and_fraction(text: str, expected_ms: int) -> None:
    meta = parse_meta(changed_thanos(upload_time=text), source="meta")
    assert meta.thanos is not None
    assert meta.thanos.upload_time_ms == expected_ms


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "a JSON object"),
        (b"{", "a JSON object"),
        (b"[]", "an object"),
        (b"\xff{}", "UTF-8"),
        (changed(version=2), "version in block/meta.json at offset 0: expected 1, found 2"),
        (changed(version=True), "expected an integer, found true or false"),
        (changed(ulid=ULID.lower()), "a ULID"),
        (changed(ulid="../../../etc/passwd"), "a ULID"),
        (changed(minTime=None), "expected an integer, found null"),
        (changed(minTime=2**63), "64-bit"),
        (changed(minTime=7_200_001), "at least minTime"),
        (changed(stats=[]), "expected an object, found a list"),
        (changed(compaction={"sources": ["x"]}), "ULIDs"),
        (changed(compaction={"sources": [1]}), r"sources\[0\].*expected a text, found an integer"),
        (changed_thanos(version=2), "thanos.version.*expected 0 or 1, found 2"),
        (changed_thanos(labels={"a": 1}), "expected a text, found an integer"),
        (changed_thanos(downsample={"resolution": -1}), "0 or the milliseconds of a window"),
        (changed_thanos(downsample={"resolution": 999}), "0 or the milliseconds of a window"),
        (changed_thanos(labels={"": "a"}), "a name for each"),
        (changed_thanos(upload_time="yesterday"), "RFC 3339"),
        (changed_thanos(upload_time="2026-13-01T00:00:00Z"), "RFC 3339"),
        (changed_thanos(files=[{"rel_path": "../index"}]), r"files\[0\].rel_path.*inside the block"),
        (changed_thanos(files=[{"rel_path": "/index"}]), "inside the block"),
        (GOLDEN.replace(b'"minTime": 1000', b'"minTime": NaN'), "number NaN"),
        (GOLDEN.replace(b'"minTime": 1000', b'"minTime": 1e999'), "number 1e999"),
        (GOLDEN.replace(b'"minTime": 1000', b'"minTime": ' + b"9" * 5000), "unambiguous"),
        (GOLDEN.replace(b'"minTime"', b'"ulid": "", "minTime"'), "duplicate key 'ulid'"),
        (GOLDEN.replace(b"sidecar", b"\\ud800"), "surrogate"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "levels"),
        (b" " * (16 * 2**20 + 1), "16777216 bytes"),
    ],
)
def test_what_could_be_misread_is_refused_with_its_place(body: bytes, words: str) -> None:
    with pytest.raises(CorruptionError, match=words) as caught:
        parse_meta(body, source="block/meta.json")
    assert caught.value.source == "block/meta.json"


@given(
    labels=st.dictionaries(st.text(min_size=1, max_size=4), st.text(max_size=4), max_size=3),
    level=st.integers(0, 2**63 - 1),
)
@settings(max_examples=50, deadline=None)
def test_every_meta_survives_the_round_trip(labels: dict[str, str], level: int) -> None:
    meta = BlockMeta(ULID, -5, 5, thanos=ThanosMeta(labels=Labels.from_mapping(labels), upload_time_ms=level % 10**13))
    meta = replace(meta, compaction=replace(meta.compaction, level=level))
    assert parse_meta(render_meta(meta), source="meta") == meta


def test_a_ulid_carries_its_time_and_sorts_by_it() -> None:
    early, late = make_ulid(1_700_000_000_000, b"\xff" * 10), make_ulid(1_700_000_000_001, b"\0" * 10)
    assert early < late
    assert ulid_time_ms(early) == 1_700_000_000_000
    assert make_ulid(2**48 - 1, b"\xff" * 10) == "7" + "Z" * 25
    assert is_ulid(early)


@pytest.mark.parametrize("text", [ULID.lower(), ULID + "\n", "8" + ULID[1:], ULID[:-1], ULID[:-1] + "٣", "I" * 26, ""])
def test_only_the_strict_form_is_a_ulid(text: str) -> None:
    assert not is_ulid(text)
    with pytest.raises(InputError):
        ulid_time_ms(text)


def test_a_ulid_needs_a_time_of_48_bits_and_ten_random_bytes() -> None:
    with pytest.raises(InputError, match="ms"):
        make_ulid(2**48, b"\0" * 10)
    with pytest.raises(InputError, match="10 bytes"):
        make_ulid(0, b"")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{" + b'\\"' * 300_000, "a JSON object"),
        (b"{" + b",".join(b'"%d": 0' % number for number in range(200_000)) + b', "199999": 1}', "duplicate key"),
    ],
)
def test_hostile_documents_are_refused_in_one_pass(body: bytes, words: str) -> None:
    # What is not linear here takes minutes.
    with pytest.raises(CorruptionError, match=words):
        parse_meta(body, source="meta")
