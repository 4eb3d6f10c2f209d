import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from promontory.block.writer import BlockWriter
from promontory.block_check.files import open_files
from promontory.block_check.verify import verify
from promontory.bucket.memory import MemoryBucket
from promontory.chunk.encode_samples import encode_samples
from promontory.model.clock import SystemClock
from promontory.model.symbols import SymbolTable
from promontory.service.main import main
from tests.block.promtool import make_blocks
from tests.program.block_tool.small_block import (
    COUNT,
    PER_CHUNK,
    SERIES,
    START_MS,
    STEP_MS,
    ULID,
    BrokenBlock,
    tombstones,
)
from tests.query.test_native_histograms import make_samples

SECOND = '{__name__="up", job="job0", pod="p2"}'
"""The second series of the block."""


def test_a_whole_block_has_no_faults(block: BrokenBlock) -> None:
    report = block.verify()
    assert report.faults.kept == []
    assert (report.series_count, report.chunk_count) == (SERIES, SERIES * COUNT // PER_CHUNK)
    assert (report.sample_count, report.unreferenced_bytes) == (SERIES * COUNT, 0)


def test_blocks_of_histograms_are_verified(tmp_path: Path) -> None:
    symbols = SymbolTable()
    samples = make_samples(symbols)
    with BlockWriter(tmp_path, ulid=ULID, symbols=symbols, durable=False) as writer:
        encoded = encode_samples(samples)
        writer.add(samples.labels, encoded.columns(), [encoded.data])
        writer.finish()
    block = BrokenBlock(tmp_path / ULID)
    report = block.verify()
    assert (report.faults.kept, report.histogram_count) == ([], len(samples.values))
    block.change("chunks/000001", lambda data: data.__setitem__(100, data[100] ^ 4))
    (fault,) = block.faults()
    assert fault.startswith('chunks/000001 at offset 8: series {__name__="latency", instance="i0", job="job0"}: chunk')


@pytest.mark.parts
def test_blocks_of_prometheus_are_whole(tmp_path: Path) -> None:
    lines = [f'up{{job="{job}"}} {time} {START_MS // 1000 + 15 * time}' for job in "ab" for time in range(200)]
    (path,) = make_blocks(tmp_path, ["# TYPE up gauge", *lines])[:1]
    report = BrokenBlock(path).verify()
    assert report.faults.kept == []
    assert report.sample_count > 0


def test_every_flipped_and_every_missing_byte_is_a_fault(block: BrokenBlock) -> None:
    for path, step in (("index", 11), ("chunks/000001", 23), ("tombstones", 2)):
        whole = (block.directory / path).read_bytes()
        for place in range(0, len(whole), step):
            flipped = bytearray(whole)
            flipped[place] ^= 1 << place % 8
            for body in (bytes(flipped), whole[:place]):
                (block.directory / path).write_bytes(body)
                assert block.verify().faults.total, f"{path} at {place}"
        (block.directory / path).write_bytes(whole)


def flip(block: BrokenBlock, path: str, offset: int) -> None:
    block.change(path, lambda data: data.__setitem__(offset, data[offset] ^ 1))


def test_a_flipped_sample_names_segment_offset_and_series(block: BrokenBlock) -> None:
    flip(block, "chunks/000001", 130)
    assert block.faults() == [
        f"chunks/000001 at offset 123: series {SECOND}: chunk record: expected the stored CRC, found another one"
    ]


@pytest.mark.parametrize(
    ("section", "place", "start"),
    [
        ("head", 2, "index at offset 0: magic and version: expected baaad70002, found baaad60002"),
        ("symbols", 12, "index at offset 5: CRC of symbols: expected 0x"),
        ("series", 1, "index at offset 80: series entry: expected the stored CRC, found another one; its labels"),
        ("label_indices", 8, "index at offset 356: CRC of label index: expected 0x"),
        ("label_offset_table", 8, "index at offset 656: CRC of label offset table: expected 0x"),
        ("postings_table", 8, "index at offset 694: CRC of postings table: expected 0x"),
        ("toc", 1, "index at offset 810: CRC of TOC: expected 0x"),
    ],
)
def test_each_section_of_the_index_is_named(block: BrokenBlock, section: str, place: int, start: str) -> None:
    toc = block.toc
    starts = {"head": 0, "series": block.entry(0), "toc": toc.index_bytes - 52}
    flip(block, "index", starts.get(section, getattr(toc, section, 0)) + place)
    assert block.faults()[0].startswith(start)


def test_a_series_that_cannot_be_read_is_one_fault_and_none_of_its_lists(block: BrokenBlock) -> None:
    for row in (0, SERIES - 1):
        flip(block, "index", block.entry(row) + 3)
    assert [fault.kind for fault in block.verify().faults.kept] == ["series_entry"] * 2


def test_postings_lists_are_named_by_their_label(block: BrokenBlock) -> None:
    flip(block, "index", block.list_of(b"job", b"job1") + 9)
    (fault,) = block.faults()
    assert 'postings list of {job="job1"}: expected the stored CRC, found another one' in fault


def test_lists_have_to_name_the_series_that_have_the_label_and_no_other(block: BrokenBlock) -> None:
    refs = [block.entry(row) // 16 for row in range(SERIES)]
    block.change_list(b"job", b"job0", [refs[0], refs[1], refs[3]])
    block.change_list(b"pod", b"p1", [refs[0]])
    found = "\n".join(block.faults())
    assert f'postings list of {{job="job0"}} names series {refs[3]}, which does not have it' in found or (
        f'postings list of {{job="job0"}} does not name series {refs[2]}' in found
    )
    assert f'postings list of {{pod="p1"}} names series {refs[0]}, which does not have it' in found


def test_series_that_the_list_of_all_does_not_name_are_found(block: BrokenBlock) -> None:
    refs = [block.entry(row) // 16 for row in range(SERIES)]
    block.change_list(b"", b"", [*refs[:2], refs[2] + 1, *refs[3:]])
    assert any("bytes of the section are in no entry that the list of all series names" in x for x in block.faults())


def test_series_out_of_order_are_said_as_thanos_says_it(block: BrokenBlock) -> None:
    first, second = block.entry(0), block.entry(1)
    labels = block.index[first + 2 : first + 8].tobytes()
    other = block.index[second + 2 : second + 8].tobytes()
    block.change_entry(0, lambda content: content.__setitem__(slice(1, 7), other))
    block.change_entry(1, lambda content: content.__setitem__(slice(1, 7), labels))
    found = "\n".join(block.faults())
    assert f"out of order; previous {SECOND}" in found
    assert "postings list of" in found


def test_labels_out_of_order_are_said_as_thanos_says_it(block: BrokenBlock) -> None:
    def swap(content: bytearray) -> None:
        content[1:5] = content[3:5] + content[1:3]

    block.change_entry(2, swap)
    report = block.verify()
    assert "out-of-order label set" in str(report.faults.kept[0])
    assert "index contains 1 postings with out of order labels" in report.summary


def test_overlapping_chunks_are_named(block: BrokenBlock) -> None:
    step = b"\x98\x75"  # from the end of one chunk to the beginning of the next: 15 s

    def join(content: bytearray) -> None:
        place = content.index(step)
        content[place : place + 2] = b"\x80\x00"

    block.change_entry(1, join)
    report = block.verify()
    found = "\n".join(map(str, report.faults.kept))
    last = START_MS + 1 + 9 * STEP_MS
    assert f"index at offset 128: series {SECOND}: overlapping chunk {last} to" in found
    assert f"chunk: expected its first sample at {last}, found it at {last + STEP_MS}" in found
    assert any("1/6 series have an average of 1.000 out-of-order chunks" in text for text in report.summary)


def test_swapped_chunks_are_found_by_their_times(block: BrokenBlock) -> None:
    def swap(content: bytearray) -> None:
        content[-7:-6] = b"\x00"  # the second chunk is that of the first ref again

    block.change_entry(1, swap)
    found = "\n".join(block.faults())
    assert "chunk: expected its first sample at" in found


def test_chunks_outside_the_range_of_the_block_are_said_as_thanos_says_it(block: BrokenBlock) -> None:
    block.change_text("meta.json", "1700004035006", str(START_MS + 3_600_000 + 5))
    report = block.verify()
    assert {fault.kind for fault in report.faults.kept} == {"chunk_range"}
    assert report.summary == [
        "found 2 chunks completely outside the block time range",
        "found 1 chunks outside the block time range introduced by https://github.com/prometheus/tsdb/issues/347",
    ]


def test_counts_of_the_meta_are_compared(block: BrokenBlock) -> None:
    block.change_text("meta.json", '"numSamples": 180', '"numSamples": 181')
    block.change_text("meta.json", '"numChunks": 18', '"numChunks": 17')
    assert block.faults() == [
        "meta.json: numChunks: expected 17, found 18 in the block",
        "meta.json: numSamples: expected 181, found 180 in the block",
    ]


def test_a_missing_segment_is_named(block: BrokenBlock) -> None:
    (block.directory / "chunks" / "000001").unlink()
    assert {text.partition(":")[0] for text in block.faults()} == {"chunks/000001"}
    assert "the file is not there, but a chunk is in it" in block.faults()[0]


@pytest.mark.parametrize("path", ["index", "meta.json"])
def test_a_missing_file_is_named(block: BrokenBlock, path: str) -> None:
    (block.directory / path).unlink()
    (fault,) = block.faults()
    assert fault.startswith(f"{path}: the file is not there")


def test_a_meta_that_is_not_json_leaves_the_rest_checked(block: BrokenBlock) -> None:
    block.change("meta.json", lambda data: data.__setitem__(0, 0x20))
    report = block.verify()
    assert [fault.file for fault in report.faults.kept] == ["meta.json"]
    assert report.sample_count == SERIES * COUNT


def test_tombstones_are_checked(block: BrokenBlock) -> None:
    ref = block.entry(0) // 16
    entry = bytes([ref]) + b"\x02\x08"
    (block.directory / "tombstones").write_bytes(tombstones(entry + bytes([ref]) + b"\x04\x0a" + b"\x01\x02\x04"))
    assert block.faults() == [
        "tombstones: an interval of series 1, which the index does not hold",
        f"tombstones: intervals of series {ref} overlap: 1 to 4 and 2 to 5",
        "meta.json: numTombstones: expected 0, found 3 in tombstones",
    ]


def test_faults_beyond_the_limit_are_counted(block: BrokenBlock) -> None:
    (block.directory / "chunks" / "000001").unlink()
    report = block.verify(limit=3)
    assert (len(report.faults.kept), report.faults.total) == (3, 18)


def test_a_block_of_a_bucket_that_is_not_on_disk_is_verified(block: BrokenBlock) -> None:
    bucket = MemoryBucket(SystemClock())

    async def fill() -> None:
        for path in block.directory.rglob("*"):
            if path.is_file():
                await bucket.put(path.relative_to(block.directory.parent).as_posix(), path.read_bytes())

    asyncio.run(fill())
    with open_files(bucket, ULID) as files:
        report = verify(files, limit=1, workers=1)
    assert (report.faults.total, report.sample_count) == (0, SERIES * COUNT)


def test_the_command_exits_with_1_and_prints_json(
    block: BrokenBlock, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["block", "verify", str(block.directory)]) == 0
    text = capsysbinary.readouterr().out.decode()
    assert re.fullmatch(rf"block {ULID}: no faults; 180 samples in 18 chunks of 6 series checked in .*\n", text)
    flip(block, "chunks/000001", 130)
    assert main(["block", "verify", str(block.directory)]) == 1
    assert f"block {ULID}: 1 fault; 170 samples" in capsysbinary.readouterr().out.decode()
    assert main(["block", "verify", ULID, f"--bucket={block.directory.parent}", "--json"]) == 1
    found = json.loads(capsysbinary.readouterr().out)
    assert (found["ok"], found["fault_count"], found["samples"]) == (False, 1, 170)
    assert found["faults"][0] == {
        "kind": "chunk_crc",
        "file": "chunks/000001",
        "offset": 123,
        "series": SECOND,
        "problem": "chunk record: expected the stored CRC, found another one",
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["verify", "nowhere"], "argument BLOCK: expected the directory of a block, found 'nowhere'"),
        (["verify", ULID], "the ULID of a block needs --bucket or --objstore.config"),
        (["verify", "x", "--bucket=."], "argument BLOCK: expected the ULID of a block in the bucket, found 'x'"),
        (["verify", ULID, "--bucket=."], f"block {ULID}: expected files in"),
        (["verify", "."], "expected files in "),
        (
            ["dump", ".", "--match=up{"],
            "flag --match: 1:4: parse error: unexpected end of input inside braces, found 'up{'",
        ),
        (["verify", ".", "--match={a=1}"], "flag --match: expected with dump, found with verify"),
        (["verify", ULID, "--bucket=nowhere"], "flag --bucket: expected a directory or a YAML file, found 'nowhere'"),
    ],
)
def test_wrong_words_are_one_line(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["block", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (lambda data: data.__setitem__(0, 0xFF), "found bytes that break its format"),
        (lambda data: data.__setitem__(slice(0, 2), b"\0\0"), "chunk: expected samples, found none"),
        (lambda data: data.__setitem__(1, 9), "chunk: expected its last sample at"),
    ],
)
def test_payloads_that_break_their_format_are_named(block: BrokenBlock, edit: Any, problem: str) -> None:
    block.change_record(8, edit)
    assert problem in block.faults()[0]


def test_encodings_that_nobody_knows_are_named(block: BrokenBlock) -> None:
    block.change("chunks/000001", lambda data: data.__setitem__(9, 77))
    block.change_record(8, lambda payload: None)
    (fault,) = block.faults()
    assert fault.endswith("chunk encoding: expected a known encoding, found 77")
