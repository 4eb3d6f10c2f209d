"""The real programs that tests stand on start, answer and end."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
import redis

from tests.parts import part_path, run_moto_s3, run_prometheus, run_rclone_s3, run_redis

pytestmark = pytest.mark.parts


def test_prometheus_answers_a_query(tmp_path: Path) -> None:
    with run_prometheus(tmp_path / "prometheus") as program:
        answer = httpx.get(f"{program.url}/api/v1/query", params={"query": "1 + 1"}).json()
    assert answer["data"]["result"][1] == "2"
    assert part_path("promtool").exists()


def test_redis_keeps_a_value(tmp_path: Path) -> None:
    with run_redis(tmp_path / "redis") as program, redis.Redis(port=program.port) as client:
        client.set("key", b"\x00value")
        assert client.get("key") == b"\x00value"


@pytest.mark.parametrize("run", [run_rclone_s3, run_moto_s3])
def test_an_s3_server_listens(tmp_path: Path, run: object) -> None:
    with run(tmp_path / "s3") as server:  # type: ignore[operator]
        assert httpx.get(server.program.url).status_code < 500
