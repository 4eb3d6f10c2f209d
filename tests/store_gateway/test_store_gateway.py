"""The store gateway as a process, over a bucket in a directory."""

from __future__ import annotations

import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from promontory.model.clock import SystemClock
from promontory.model.context import QueryContext
from promontory.model.matcher import Matcher, MatchKind
from promontory.model.selector import Selector
from promontory.model.time_range import ALL_TIME
from promontory.store.rpc.client import RemoteStore
from tests.blocks import OpenMetricsSeries, make_blocks, read_frames
from tests.parts import Program, free_port, http_ok, run_program, wait_until

START_S = 1_700_006_400
EVERYTHING = Selector((Matcher(MatchKind.REGEX, b"__name__", b".+"),), ALL_TIME)
IDLE_LIMIT_BYTES = 120 << 20


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    series = [
        OpenMetricsSeries("up", {"instance": f"host-{i}"}, [(START_S + 60 * step, "1") for step in range(200)])
        for i in range(3)
    ]
    return make_blocks(tmp_path_factory.mktemp("blocks"), series)


def config_of(directory: Path) -> str:
    return f"type: FILESYSTEM\nconfig:\n  directory: {directory}\n"


@contextmanager
def run_store(folder: Path, bucket: Path, *flags: str, is_ready: bool = True) -> Iterator[tuple[Program, str]]:
    http, grpc = free_port(), free_port()
    argv = [
        sys.executable, "-m", "store_gateway", f"--http-address=127.0.0.1:{http}", f"--grpc-address=127.0.0.1:{grpc}",
        f"--objstore.config={config_of(bucket)}", f"--data-dir={folder / 'data'}", *flags,
    ]  # fmt: skip
    path = "/-/ready" if is_ready else "/-/healthy"
    with run_program(argv, port=http, log_path=folder / "store.log", ready=lambda: http_ok(http, path)) as program:
        yield program, f"127.0.0.1:{grpc}"


async def read_all(address: str) -> tuple[int, int]:
    """Return how many series and samples a store serves."""
    store = RemoteStore(address)
    try:
        await store.refresh()
        with ThreadPoolExecutor(2) as pool:
            context = QueryContext(clock=SystemClock(), pool=pool, partial_response=False)
            _, content = await read_frames(store.select(EVERYTHING, context))
    finally:
        await store.close()
    return len(content), sum(map(len, content.values()))


@pytest.mark.parts
async def test_it_serves_the_blocks_of_a_bucket_and_ends_on_sigterm(blocks: list[Path], tmp_path: Path) -> None:
    with run_store(tmp_path, blocks[0].parent, "--web.disable", "--index-cache-size=1GB") as (program, address):
        pages = int(Path(f"/proc/{program.process.pid}/statm").read_text().split()[1])  # noqa: ASYNC240
        assert pages * 4096 < IDLE_LIMIT_BYTES, "before the first query"
        assert await read_all(address) == (3, 600)
        assert program.log.count("flags without effect here") == 1
        assert program.stop() == 0
    assert {path.name for path in (tmp_path / "data").iterdir()} > {block.name for block in blocks}


@pytest.mark.parts
async def test_new_blocks_are_served_and_deleted_ones_are_not(blocks: list[Path], tmp_path: Path) -> None:
    bucket = tmp_path / "bucket"
    shutil.copytree(blocks[0], bucket / blocks[0].name)
    with run_store(tmp_path, bucket, "--sync-block-duration=100ms") as (program, address):
        assert (await read_all(address))[0] == 3
        shutil.copytree(blocks[1], bucket / "copy")
        (bucket / "copy").rename(bucket / blocks[1].name)
        wait_until(lambda: "loaded=2" in program.log, what="the second block")
        assert await read_all(address) == (3, 600)
        shutil.rmtree(bucket / blocks[1].name)
        wait_until(lambda: "dropped=1" in program.log, what="the second block to go")
        assert (await read_all(address))[1] < 600


@pytest.mark.parts
def test_a_block_that_cannot_be_read_is_a_load_failure(blocks: list[Path], tmp_path: Path) -> None:
    bucket = tmp_path / "bucket"
    shutil.copytree(blocks[0], bucket / blocks[0].name)
    shutil.copytree(blocks[1], bucket / blocks[1].name)
    (bucket / blocks[1].name / "meta.json").write_text("{")
    with (
        run_store(tmp_path, bucket) as (program, _),
        urllib.request.urlopen(f"{program.url}/metrics", timeout=10) as answer,
    ):
        metrics = answer.read().decode().splitlines()
    assert "thanos_bucket_store_blocks_loaded 1.0" in metrics
    assert "thanos_bucket_store_block_load_failures_total 1.0" in metrics


@pytest.mark.parts
def test_without_its_bucket_it_starts_is_not_ready_says_so_once_and_gets_ready(
    blocks: list[Path], tmp_path: Path
) -> None:
    bucket = tmp_path / "bucket"
    with run_store(tmp_path, bucket, is_ready=False) as (program, _):
        wait_until(lambda: "not ready, retrying" in program.log, what="the line")
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{program.url}/-/ready", timeout=10)
        with caught.value as answer:
            assert answer.code == 503
            assert b"does not exist" in answer.read()
        shutil.copytree(blocks[0].parent, bucket)
        program.wait_ready(lambda: http_ok(program.port, "/-/ready"))
        assert program.log.count("not ready, retrying") == 1


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        ([], "flag --objstore.config or --objstore.config-file: expected a configuration, found none"),
        (["--objstore.config=type: NONE"], "NONE"),
        (["--store.limits.request-series=5"], "flag --store.limits.request-series is not supported yet"),
        (["--selector.relabel-config=- action: drop"], "flag --selector.relabel-config is not supported yet"),
        (["--min-time=soon"], "flag --min-time"),
        (["--objstore.config=type: MEMORY", "--min-time=2024-01-01T00:00:00Z", "--max-time=2023-01-01T00:00:00Z"],
         "flags --min-time and --max-time"),
        (["--objstore.config=type: MEMORY", "--block-sync-concurrency=0"], "flag --block-sync-concurrency"),
        (["--no-such-flag"], "unknown flag --no-such-flag"),
    ],
)  # fmt: skip
def test_wrong_flags_are_one_line_and_exit_code_2(flags: list[str], line: str, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "store_gateway", "--http-address=127.0.0.1:0", "--grpc-address=127.0.0.1:0", *flags]
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert ended.returncode == 2
    errors = [text for text in ended.stderr.splitlines() if "error:" in text]
    assert len(errors) == 1
    assert line in errors[0]
    assert "Traceback" not in ended.stderr
