"""The compactor of a small site, beside its store and querier."""

from __future__ import annotations

import json
import sys
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from tests.compactor.buckets import SERIES, START_S, STEP_S, STEPS, make_bucket, read_metas
from tests.parts import Program, free_port, http_ok, run_program, wait_until

END_S = START_S + STEP_S * STEPS


def get(program: Program, path: str, **parameters: str) -> str:
    query = urllib.parse.urlencode(parameters)
    with urllib.request.urlopen(f"{program.url}{path}?{query}", timeout=10) as answer:
        return str(answer.read().decode())


def count_samples(program: Program) -> int:
    """Return the samples of all series, as a query sees them."""
    text = get(program, "/api/v1/query", query=f"sum(count_over_time(up[{STEPS + 1}m]))", time=str(END_S))
    return int(json.loads(text)["data"]["result"][0]["value"][1])


@pytest.mark.parts
@pytest.mark.parametrize("data_directory", [True, False], ids=["data directory", "none"])
def test_a_site_compacts_its_bucket_while_it_answers(tmp_path: Path, data_directory: bool) -> None:
    bucket = make_bucket(tmp_path)
    port = free_port()
    argv = [
        sys.executable, "-m", "promontory.service.main", "standalone", f"--bucket={bucket}",
        f"--http-address=127.0.0.1:{port}", f"--grpc-address=127.0.0.1:{free_port()}", "--sync-block-duration=100ms",
        *([f"--data-dir={tmp_path / 'data'}"] if data_directory else []),
    ]  # fmt: skip
    with run_program(
        argv, port=port, log_path=tmp_path / "log", ready=lambda: http_ok(port, "/-/ready"),
        environment={"TMPDIR": str(tmp_path)},
    ) as program:  # fmt: skip
        wait_until(lambda: "thanos_compact_iterations_total 1.0" in get(program, "/metrics"), what="a pass")
        assert [meta.compaction.level for meta in read_metas(bucket)] == [2, 1, 1]
        wait_until(lambda: "opened=1" in program.log, what="the store to serve the merged block")
        assert count_samples(program) == SERIES * STEPS
        assert len(json.loads(get(program, "/api/v1/blocks"))["data"]["blocks"]) >= 6
        assert len(json.loads(get(program, "/api/v1/blocks", view="loaded"))["data"]["blocks"]) == 7
        assert get(program, "/") == "Promontory\n"
        assert program.stop() == 0
        assert "Traceback" not in program.log
    assert not list(tmp_path.glob("promontory-compact-*"))
