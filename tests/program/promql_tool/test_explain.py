"""`promontory promql explain`, as it is called."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from promontory.service.main import main
from tests.program.block_tool.small_block import ULID, write_small_block

AT = ("--time", "2023-11-14T22:17:00Z")


def explain(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["promql", "explain", *arguments])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def test_without_a_bucket_the_plan_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = explain(capsys, "sum(rate(up[1m]))", *AT)
    assert (code, err) == (0, "")
    assert out.splitlines()[:6] == [
        "query  sum(rate(up[1m]))",
        "times  2023-11-14T22:17:00.000Z",
        "",
        "plan",
        "  aggregate sum by ()",
        "    window rate",
    ]
    assert "estimate" not in out


def test_a_query_that_is_none_is_told_as_prometheus_does(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = explain(capsys, "sum(up{")
    assert (code, out) == (1, "")
    assert err == "promontory promql: error: 1:8: parse error: unexpected end of input inside braces\n"


def test_with_a_bucket_what_is_read_is_estimated(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    write_small_block(tmp_path)
    code, out, _ = explain(capsys, "up", *AT, "--bucket", str(tmp_path))
    assert code == 0
    assert "  estimate  6 series, " in out
    code, out, _ = explain(capsys, "up", "--time", "2020-01-01T00:00:00Z", "--bucket", str(tmp_path))
    assert f"  passed by block {ULID}: outside the time range: it holds 2023-11-14T" in out


def test_with_analyze_the_query_is_run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    write_small_block(tmp_path)
    code, out, _ = explain(capsys, "sum(up)", *AT, "--bucket", str(tmp_path), "--analyze", "--json")
    tree = json.loads(out)
    assert code == 0
    assert tree["selects"][0]["estimate"]["series"] == 6
    # The last series begins an hour later.
    assert tree["analysis"]["children"][0]["children"][0]["read"]["series"] == 5


@pytest.mark.parametrize("also", [(), ("--analyze",)])
def test_a_bucket_without_blocks_is_warned_of(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, also: tuple[str, ...]
) -> None:
    code, out, err = explain(capsys, "up", "--bucket", str(tmp_path), *also)
    assert (code, err) == (0, "promontory promql: warning: no block was found in the bucket\n")
    assert "  estimate  0 series, " in out


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("--analyze",), "flag --analyze: expected with --bucket or --objstore.config, found without"),
        (("--step", "1m"), "flag --step: expected with --start, found without"),
        (("--start", "-1h", "--time", "0"), "flags --time and --start: expected one of them, found both"),
        (("--start", "-1h", "--end", "-2h"), "flag --end: expected a time that is not before --start"),
    ],
)
def test_flags_that_make_no_sense_are_refused(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], error: str
) -> None:
    code, out, err = explain(capsys, "up", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"promontory promql: error: {error}")


@pytest.mark.parametrize("also", [(), ("--json",)])
def test_a_reader_that_has_seen_enough_is_no_error(also: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    program = "import sys; from promontory.service.main import main; sys.exit(main(sys.argv[1:]))"
    try:
        done = subprocess.run(
            [sys.executable, "-c", program, "promql", "explain", "up", *also],
            stdout=writing, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")
