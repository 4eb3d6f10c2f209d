import json
from pathlib import Path

import numpy as np
import pytest

from promontory.block.writer import BlockWriter
from promontory.chunk.encode_samples import encode_samples
from promontory.model.symbols import SymbolTable
from promontory.service.main import main
from tests.block.promtool import make_blocks, run_promtool
from tests.program.block_tool.small_block import COUNT, SERIES, START_MS, STEP_MS, ULID, BrokenBlock
from tests.query.test_native_histograms import make_samples

Captured = pytest.CaptureFixture[bytes]
VALUES = [
    "1", "-1", "0", "-0", "1.5", "1e6", "999999", "123456", "1234567", "0.0001", "0.00001", "1e21", "-2.5e-7", "NaN",
    "+Inf", "-Inf", "5e-324", "1.7976931348623157e308", "0.1", "100000", "33.333333333333336",
]  # fmt: skip


def dump(capsysbinary: Captured, *words: object) -> list[str]:
    assert main(["block", "dump", *map(str, words)]) == 0
    return capsysbinary.readouterr().out.decode().splitlines()


@pytest.mark.parts
def test_lines_equal_those_of_promtool(tmp_path: Path, capsysbinary: Captured) -> None:
    start_s = 1_700_006_400
    lines = [f'm{{a="{row}",text="é \\\\n \\"q\\" \\\\"}} {value} {start_s + 15 * place + row}'
             for row in range(3) for place, value in enumerate(VALUES)]  # fmt: skip
    (block,) = make_blocks(tmp_path, ["# TYPE m gauge", *lines])
    (block.parent / "wal").mkdir()
    theirs = run_promtool("dump", block.parent).splitlines()
    assert len(theirs) == 3 * len(VALUES)
    assert dump(capsysbinary, block) == theirs


def test_series_are_chosen_by_matchers_and_times(block: BrokenBlock, capsysbinary: Captured) -> None:
    path = block.directory
    assert len(dump(capsysbinary, path)) == SERIES * COUNT
    found = dump(capsysbinary, path, '--match={pod="p1"}', '--match={pod=~"p[01]"}', "--max-time=2023-11-14T22:13:20Z")
    assert found == [f'{{__name__="up", job="job0", pod="p0"}} 0 {START_MS}']
    found = dump(capsysbinary, path, '--match={pod="p1"}', "--min-time=2023-11-14T22:20:00Z")
    assert [line.rpartition(" ")[2] for line in found] == [
        str(START_MS + 3 + place * STEP_MS) for place in (27, 28, 29)
    ]


def test_json_is_an_object_a_line(block: BrokenBlock, capsysbinary: Captured) -> None:
    found = [json.loads(line) for line in dump(capsysbinary, block.directory, "--json", '--match={pod="p0"}')]
    assert found[1] == {
        "metric": {"__name__": "up", "job": "job0", "pod": "p0"}, "value": "0.25", "timestamp": START_MS + STEP_MS,
    }  # fmt: skip
    assert len(found) == COUNT


def test_histograms_are_printed_as_prometheus_prints_them(tmp_path: Path, capsysbinary: Captured) -> None:
    symbols = SymbolTable()
    samples = make_samples(symbols)
    assert samples.histograms is not None
    samples.histograms.table.bucket_count[:1] = 2_000_000
    samples.histograms.table.count[:1] += 2_000_000
    with BlockWriter(tmp_path, ulid=ULID, symbols=symbols, durable=False) as writer:
        encoded = encode_samples(samples)
        writer.add(samples.labels, encoded.columns(), [encoded.data])
        writer.finish()
    lines = dump(capsysbinary, tmp_path / ULID)
    assert len(lines) == len(samples.values)
    assert lines[0].startswith('{__name__="latency", instance="i0", job="job0"} {count:')
    objects = [json.loads(line) for line in dump(capsysbinary, tmp_path / ULID, "--json")]
    assert set(objects[0]) == {"metric", "histogram", "timestamp"}
    counts = [float(one["histogram"]["count"]) for one in objects]
    np.testing.assert_array_equal(counts, samples.histograms.table.count)


def test_what_cannot_be_read_is_left_out_and_named(block: BrokenBlock, capsysbinary: Captured) -> None:
    block.change("chunks/000001", lambda data: data.__setitem__(130, data[130] ^ 1))
    assert main(["block", "dump", str(block.directory)]) == 1
    captured = capsysbinary.readouterr()
    assert len(captured.out.splitlines()) == SERIES * COUNT - 10
    (line,) = captured.err.decode().splitlines()
    assert line.startswith(f"promontory block: left out: chunk record in block {ULID} segment 1 at offset 123")
