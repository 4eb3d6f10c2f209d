"""The compactor as a process, over a bucket in a directory."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.compactor.buckets import START_S, make_bucket, read_metas
from tests.parts import Program, free_port, http_ok, run_program, wait_until

HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bucket(tmp_path_factory.mktemp("source"))


@pytest.fixture
def bucket(source: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(source, tmp_path / "bucket"))


def argv_of(folder: Path, bucket: Path, *flags: str) -> list[str]:
    config = f"type: FILESYSTEM\nconfig:\n  directory: {bucket}\n"
    return [
        sys.executable, "-m", "compactor", f"--objstore.config={config}", f"--data-dir={folder / 'data'}",
        *flags,
    ]  # fmt: skip


def run_to_end(folder: Path, bucket: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    argv = argv_of(folder, bucket, f"--http-address=127.0.0.1:{free_port()}", *flags)
    return subprocess.run(argv, capture_output=True, text=True, timeout=100, cwd=folder)


@contextmanager
def run_waiting(folder: Path, bucket: Path, *flags: str) -> Iterator[Program]:
    port = free_port()
    argv = argv_of(folder, bucket, "--wait", f"--http-address=127.0.0.1:{port}", *flags)
    log_path = folder / "compact.log"
    with run_program(argv, port=port, log_path=log_path, ready=lambda: http_ok(port, "/-/healthy")) as program:
        yield program


def read_json(url: str, form: dict[str, str] | None = None) -> dict[str, object]:
    body = None if form is None else urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(url, body, timeout=10) as answer:
        found = json.loads(answer.read())
    assert isinstance(found, dict)
    return found


@pytest.mark.parts
def test_one_pass_merges_what_can_be_merged_and_ends_with_0(bucket: Path, tmp_path: Path) -> None:
    ended = run_to_end(tmp_path, bucket)
    assert ended.returncode == 0, ended.stderr
    merged, *newer = read_metas(bucket)
    assert (merged.min_time_ms, merged.compaction.level) == (START_S * 1000, 2)
    assert merged.max_time_ms - merged.min_time_ms > 7 * HOUR_MS
    assert merged.stats.sample_count == 3 * 480
    assert [meta.compaction.level for meta in newer] == [1, 1]
    assert ended.stderr.count('msg="job finished"') == 1
    assert ended.stderr.count('msg="pass finished"') == 1
    assert "Traceback" not in ended.stderr


@pytest.mark.parts
def test_a_dry_run_prints_the_plan_and_changes_nothing(bucket: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in bucket.rglob("*")}
    ended = run_to_end(tmp_path, bucket, "--dry-run")
    assert ended.returncode == 0, ended.stderr
    assert "merge" in ended.stdout
    assert {path: path.stat().st_mtime_ns for path in bucket.rglob("*")} == before


@pytest.mark.parts
def test_it_goes_on_shows_its_blocks_and_ends_on_sigterm(bucket: Path, tmp_path: Path) -> None:
    with run_waiting(tmp_path, bucket, "--wait-interval=1h", "--web.external-prefix=/x") as program:
        wait_until(lambda: 'msg="job finished"' in program.log, what="the merge")
        wait_until(lambda: "iterations_total 1.0" in read_metrics(program), what="the end of the pass")
        metrics = read_metrics(program)
        assert 'thanos_compact_group_compactions_total{resolution="0"} 1.0' in metrics
        assert "thanos_compact_todo_compactions 0.0" in metrics
        assert "thanos_compact_halted 0.0" in metrics
        assert 'thanos_compact_blocks_marked_total{marker="deletion-mark.json",reason=""} 4.0' in metrics
        assert 'thanos_objstore_bucket_operations_total{bucket="' in metrics
        document = read_json(f"{program.url}/api/v1/blocks")
        assert document["status"] == "success"
        newest = read_metas(bucket)[-1]
        form = {"id": newest.ulid, "action": "NO_COMPACTION", "detail": "by hand"}
        assert read_json(f"{program.url}/api/v1/blocks/mark", form) == {"status": "success"}
        assert (bucket / newest.ulid / "no-compact-mark.json").exists()
        with urllib.request.urlopen(program.url, timeout=10) as answer:
            assert b"blocks" in answer.read()
        assert program.log.count("flags without effect here") == 1
        assert program.stop() == 0
        assert "Traceback" not in program.log


def read_metrics(program: Program) -> str:
    with urllib.request.urlopen(f"{program.url}/metrics", timeout=10) as answer:
        return str(answer.read().decode())


def spoil(bucket: Path) -> str:
    """Flip a bit in a chunk of the second block and return its ULID."""
    meta = read_metas(bucket)[1]
    segment = bucket / meta.ulid / "chunks" / "000001"
    octets = bytearray(segment.read_bytes())
    octets[60] ^= 1
    segment.write_bytes(octets)
    return meta.ulid


@pytest.mark.parts
def test_a_bad_block_is_marked_and_passed_by(bucket: Path, tmp_path: Path) -> None:
    ulid = spoil(bucket)
    ended = run_to_end(tmp_path, bucket)
    assert ended.returncode == 0, ended.stderr
    mark = json.loads((bucket / ulid / "no-compact-mark.json").read_bytes())
    assert mark["id"] == ulid
    (line,) = [line for line in ended.stderr.splitlines() if 'msg="job failed"' in line]
    assert ulid in line.partition("error=")[2]
    assert "chunks/000001" in line
    assert [meta.compaction.level for meta in read_metas(bucket)].count(2) == 1, "those behind it are one"


@pytest.mark.parts
def test_told_to_it_halts_at_a_bad_block_and_says_so(bucket: Path, tmp_path: Path) -> None:
    ulid = spoil(bucket)
    with run_waiting(tmp_path, bucket, "--debug.halt-on-error") as program:
        wait_until(lambda: "msg=halted" in program.log, what="the halt")
        assert "thanos_compact_halted 1.0" in read_metrics(program)
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{program.url}/-/ready", timeout=10)
        with caught.value as answer:
            assert answer.code == 503
            assert ulid in answer.read().decode()
        assert program.stop() == 0
    assert not list(bucket.glob("*/*-mark.json"))


@pytest.mark.parts
def test_without_its_bucket_one_pass_ends_with_1(tmp_path: Path) -> None:
    ended = run_to_end(tmp_path, tmp_path / "no such bucket")
    assert ended.returncode == 1
    assert ended.stderr.count('msg="pass failed"') == 1
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--no-such-flag"], "unknown flag --no-such-flag"),
        (["--deduplication.func=penalty"], "flag --deduplication.func: penalty expects"),
        (["--retention.resolution-raw=1h"], "flag --retention.resolution-raw: expected 40h or more"),
        (["--executor=somewhere"], "flag --executor"),
        (["--downsample.ladder=- nothing"], "flag --downsample.ladder"),
    ],
)
def test_wrong_flags_are_one_line_and_exit_code_2(flags: list[str], line: str, tmp_path: Path) -> None:
    ended = run_to_end(tmp_path, tmp_path, *flags)
    assert ended.returncode == 2
    errors = [text for text in ended.stderr.splitlines() if "error:" in text]
    assert len(errors) == 1
    assert line in errors[0]
    assert "Traceback" not in ended.stderr
