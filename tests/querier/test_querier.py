import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.parts import Program, free_port, http_ok, run_program, wait_until
from tests.querier.store_process import COUNT, START_MS, STEP_MS

ROOT = Path(__file__).parents[2]
END_S = (START_MS + STEP_MS * (COUNT - 1)) / 1000


class Site:
    """Two store processes and a querier over them."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack = stack
        self._folder = folder
        self.grpc = {replica: free_port() for replica in "ab"}
        self.stores = {replica: self.start_store(replica) for replica in "ab"}
        self.http = free_port()
        self.querier = self._run(
            "querier", self.http, "-m", "querier", f"--http-address=127.0.0.1:{self.http}",
            f"--grpc-address=127.0.0.1:{free_port()}", "--query.replica-label=replica",
            *(f"--endpoint=127.0.0.1:{port}" for port in self.grpc.values()),
        )  # fmt: skip

    def start_store(self, replica: str) -> Program:
        """Start one store process."""
        http = free_port()
        return self._run(
            f"store-{replica}", http, "-m", "tests.querier.store_process", f"--http-address=127.0.0.1:{http}",
            f"--grpc-address=127.0.0.1:{self.grpc[replica]}", f"--replica={replica}",
        )  # fmt: skip

    def ask(self, path: str, **form: str) -> httpx.Response:
        """POST a form to the API."""
        return httpx.post(f"http://127.0.0.1:{self.http}/api/v1/{path}", data=form, timeout=30)

    def _run(self, name: str, port: int, *words: str) -> Program:
        return self._stack.enter_context(
            run_program(
                [sys.executable, *words], port=port, log_path=self._folder / f"{name}.log",
                ready=lambda: http_ok(port, "/-/ready"), environment={"PYTHONPATH": str(ROOT)},
            )
        )  # fmt: skip


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        yield Site(stack, tmp_path)


def count_of(response: httpx.Response) -> str:
    assert response.status_code == 200, response.text
    return str(response.json()["data"]["result"][0]["value"][1])


def test_a_querier_over_two_replicas(site: Site) -> None:
    query = {"query": "count(http_requests_total)", "time": str(END_S)}
    assert count_of(site.ask("query", **query)) == "2"
    assert count_of(site.ask("query", **query, dedup="false")) == "4"
    only_b = {"query": "http_requests_total", "time": str(END_S), "storeMatch[]": '{replica="b"}', "dedup": "false"}
    chosen = site.ask("query", **only_b).json()["data"]["result"]
    assert {row["metric"]["replica"] for row in chosen} == {"b"}
    stores = httpx.get(f"http://127.0.0.1:{site.http}/api/v1/stores").json()["data"]["sidecar"]
    assert [store["lastError"] for store in stores] == [None, None]
    assert sorted(store["labelSets"][0]["replica"] for store in stores) == ["a", "b"]

    site.stores["b"].stop()
    partial = site.ask("query", **query)
    assert count_of(partial) == "2"
    assert f"127.0.0.1:{site.grpc['b']}" in partial.json()["warnings"][0]
    assert partial.headers["cache-control"] == "no-store"
    refused = site.ask("query", **query, partial_response="false")
    assert refused.status_code in (422, 503)
    assert f"127.0.0.1:{site.grpc['b']}" in refused.json()["error"]
    assert http_ok(site.http, "/-/ready")

    site.start_store("b")
    wait_until(lambda: "warnings" not in site.ask("query", **query).json(), what="the store to be asked again")
    site.querier.stop()
    assert site.querier.process.returncode == 0
