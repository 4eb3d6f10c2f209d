"""Services as processes: what is missing at the start, how they end, what they log and say of themselves."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import grpc
import httpx
import pytest

from promontory.model.clock import SystemClock
from promontory.model.context import QueryContext
from promontory.model.matcher import Matcher, MatchKind
from promontory.model.selector import Selector
from promontory.model.time_range import ALL_TIME
from promontory.service.main import load_commands
from promontory.store.rpc.client import RemoteStore
from tests.blocks import OpenMetricsSeries, make_blocks, read_frames
from tests.e2e.stalling_proxy import StallingProxy
from tests.parts import Program, free_port, http_ok, run_prometheus, run_rclone_s3, wait_until
from tests.services.processes import Running, parse_logfmt, run_service, run_to_end

START_S = 1_700_006_400
MEMORY = "--objstore.config=type: MEMORY"
LABELLED = """
global: {scrape_interval: 1s, external_labels: {site: here}}
scrape_configs: [{job_name: self, static_configs: [{targets: ["127.0.0.1:PORT"]}]}]
"""
RETRIES = re.compile(r"^promontory_service_background_failures_total\{.*\} (\S+)$", re.MULTILINE)
HEAVY = ("numpy", "numba", "pyarrow", "grpc", "fastapi", "starlette", "boto3", "aiobotocore", "yaml", "asyncio")


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A Prometheus with an external label that scrapes itself, and compacts (its default)."""
    port = free_port()
    config = LABELLED.replace("PORT", str(port))
    with run_prometheus(tmp_path_factory.mktemp("prometheus"), config=config, port=port) as program:
        yield program


@pytest.fixture(scope="module")
def blocks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    series = [OpenMetricsSeries("up", {"instance": "a"}, [(START_S + 60 * step, "1") for step in range(60)])]
    return make_blocks(tmp_path_factory.mktemp("blocks"), series)[0].parent


def filesystem(folder: Path) -> str:
    return f"--objstore.config=type: FILESYSTEM\nconfig: {{directory: {folder}}}"


def flags_of_store(blocks: Path) -> tuple[str, ...]:
    # A call that hangs on the way here is not to be waited for.
    return (filesystem(blocks), "--data-dir=", "--grpc-grace-period=100ms")


def sidecar_flags(prometheus: Program, folder: Path) -> list[str]:
    data = folder / "tsdb"
    data.mkdir()
    return [f"--prometheus.url={prometheus.url}", f"--tsdb.path={data}", "--shipper.ignore-unequal-block-size"]


def wait_for_retries(service: Running) -> None:
    """Wait until a part has failed more than once."""
    service.program.wait_ready(lambda: http_ok(service.program.port, "/-/healthy"))
    wait_until(
        lambda: any(float(count) > 1 for count in RETRIES.findall(service.probe("/metrics")[1])), what="a second try"
    )


async def read_up(address: str) -> int:
    """Return how many series `up` a StoreAPI serves."""
    store = RemoteStore(address)
    try:
        await store.refresh()
        with ThreadPoolExecutor(2) as pool:
            context = QueryContext(clock=SystemClock(), pool=pool, partial_response=False)
            selector = Selector((Matcher(MatchKind.EQUAL, b"__name__", b"up"),), ALL_TIME)
            return len((await read_frames(store.select(selector, context)))[1])
    finally:
        await store.close()


@pytest.mark.parts
def test_a_sidecar_of_a_prometheus_without_external_labels_ends_with_one_line(tmp_path: Path) -> None:
    with run_prometheus(tmp_path / "prometheus") as unlabelled:
        run = run_to_end(
            "sidecar", f"--prometheus.url={unlabelled.url}", "--http-address=127.0.0.1:0", "--grpc-address=127.0.0.1:0"
        )
    assert run.returncode == 2
    *events, line = run.stderr.splitlines()
    assert line.startswith("promontory sidecar: error: Prometheus http://127.0.0.1:")
    assert "expected at least one under global.external_labels" in line
    assert {parse_logfmt(event)["level"] for event in events} == {"info"}


@pytest.mark.parts
def test_a_sidecar_that_is_to_ship_compacted_blocks_ends_with_one_line(prometheus: Program) -> None:
    addresses = ("--http-address=127.0.0.1:0", "--grpc-address=127.0.0.1:0")
    run = run_to_end("sidecar", f"--prometheus.url={prometheus.url}", MEMORY, *addresses)
    assert run.returncode == 2
    *events, line = run.stderr.splitlines()
    assert "expected --storage.tsdb.min-block-duration and --storage.tsdb.max-block-duration to be equal" in line
    assert {parse_logfmt(event)["level"] for event in events} <= {"info"}


@pytest.mark.parts
def test_a_sidecar_waits_for_its_prometheus_with_one_line(tmp_path: Path) -> None:
    port = free_port()
    url = f"--prometheus.url=http://me:canary@127.0.0.1:{port}"
    with run_service(tmp_path, "sidecar", url, MEMORY, wait_for="") as service:
        wait_for_retries(service)
        assert service.probe("/-/healthy")[0] == 200
        status, reason = service.probe()
        assert (status, f"Prometheus http://127.0.0.1:{port} did not answer" in reason) == (503, True)
        (event,) = service.events("error")
        assert event["msg"] == "not ready, retrying"
        flags = ["--storage.tsdb.min-block-duration=2h", "--storage.tsdb.max-block-duration=2h"]
        config = LABELLED.replace("PORT", str(port))
        with run_prometheus(tmp_path / "prometheus", config=config, port=port, flags=flags):
            service.program.wait_ready(lambda: 'msg=ready part="prometheus' in service.program.log)
        assert len(service.events("error")) <= 2, "the missing data directory may be told too"
        assert "canary" not in service.program.log + service.probe("/metrics")[1]


@pytest.mark.parts
async def test_without_its_bucket_a_service_says_so_once_and_goes_on_when_it_comes(
    prometheus: Program, tmp_path: Path
) -> None:
    with run_rclone_s3(tmp_path / "s3", buckets=("other",)) as s3, ExitStack() as stack:
        s3_flag = f"--objstore.config={s3.config('late')}"
        folder = tmp_path / "late"
        starts = {
            "store-s3": ("store", s3_flag, "--log.level=debug"),
            "store-file": ("store", filesystem(folder), "--data-dir="),
            "sidecar-s3": ("sidecar", s3_flag, *sidecar_flags(prometheus, tmp_path), "--log.level=debug"),
        }
        services = {
            name: stack.enter_context(run_service(tmp_path / name, *words, wait_for=""))
            for name, words in starts.items()
        }
        for name, service in services.items():
            wait_for_retries(service)
            assert service.probe("/-/healthy")[0] == 200
            status, reason = service.probe()
            assert status == 503
            assert str(folder if name == "store-file" else "late") in reason
            assert [event["msg"] for event in service.events("error")] == ["not ready, retrying"]
        wait_until(
            lambda: httpx.get(f"{prometheus.url}/api/v1/series?match[]=up").json()["data"] != [], what="a scrape"
        )
        assert await read_up(services["sidecar-s3"].grpc) == 1, "live data is served meanwhile"
        folder.mkdir()
        (tmp_path / "s3" / "late").mkdir()
        for service in services.values():
            service.program.wait_ready(lambda service=service: service.is_ready)
            assert len(service.events("error")) == 1
            assert "testsecretkey" not in service.program.log


@pytest.mark.parts
def test_refused_access_is_told_once_without_any_secret(prometheus: Program, tmp_path: Path) -> None:
    with run_rclone_s3(tmp_path / "s3") as s3:
        config = s3.config("bucket").replace("secret_key: ", "session_token: canary-token\n  secret_key: canary-")
        path = tmp_path / "bucket.yml"
        path.write_text(config)
        flags = (f"--objstore.config-file={path}", "--log.level=debug")
        with (
            run_service(tmp_path, "store", *flags, wait_for="") as store,
            run_service(tmp_path, "sidecar", *flags, *sidecar_flags(prometheus, tmp_path), wait_for="") as sidecar,
        ):
            for service in (store, sidecar):
                wait_for_retries(service)
                assert service.probe("/-/healthy")[0] == 200
                status, reason = service.probe()
                assert status == 503
                (event,) = service.events("error")
                assert event["error"] in reason
                everything = service.program.log + reason + service.probe("/metrics")[1]
                assert "canary" not in everything
                assert "testsecretkey" not in everything


def test_a_standalone_site_names_a_bucket_that_it_has_not_seen(tmp_path: Path) -> None:
    config = tmp_path / "bucket.yml"
    config.write_text(f"type: FILESYSTEM\nconfig: {{directory: {tmp_path / 'late'}}}")
    with run_service(tmp_path, "standalone", f"--bucket={config}", wait_for="") as site:
        wait_for_retries(site)
        answer = httpx.get(f"{site.program.url}/api/v1/query", params={"query": "up", "time": START_S}).json()
        assert any("has not been looked through yet" in warning for warning in answer["warnings"])
        (tmp_path / "late").mkdir()
        site.program.wait_ready(lambda: site.is_ready)
        answer = httpx.get(f"{site.program.url}/api/v1/query", params={"query": "up", "time": START_S}).json()
        assert "warnings" not in answer


@pytest.mark.parametrize(
    ("command", "number"),
    [("sidecar", signal.SIGINT), ("store", signal.SIGTERM), ("query", signal.SIGINT), ("standalone", signal.SIGTERM)],
)
def test_an_idle_service_ends_on_a_signal_though_clients_stay_connected(
    command: str, number: int, tmp_path: Path
) -> None:
    flags = {"store": [MEMORY], "standalone": [f"--bucket={tmp_path}"]}.get(command, [])
    with run_service(
        tmp_path, command, *flags, wait_for="/-/healthy" if command == "sidecar" else "/-/ready"
    ) as service:
        client = http.client.HTTPConnection("127.0.0.1", service.program.port, timeout=10)
        client.request("GET", "/-/healthy")
        assert client.getresponse().read() == b"OK\n"
        with grpc.insecure_channel(service.grpc) as channel:
            grpc.channel_ready_future(channel).result(timeout=10)
            assert service.program.stop(number) == 0
        client.close()
        last = service.events()[-2:]
    assert [event["msg"] for event in last] == ["service stopping", "service ended"]


@pytest.mark.parts
def test_a_query_in_flight_is_answered_before_the_service_ends(blocks: Path, tmp_path: Path) -> None:
    with run_service(tmp_path, "store", *flags_of_store(blocks)) as store, ThreadPoolExecutor(1) as pool:
        proxy = StallingProxy(int(store.grpc.rpartition(":")[2]))
        flags = (f"--endpoint=127.0.0.1:{proxy.port}", "--store.response-timeout=2s", "--http-grace-period=1m")
        with run_service(tmp_path, "query", *flags) as querier:
            wait_until(lambda: "endpoint healthy" in querier.program.log, what="the store")
            proxy.stall(rb"stalled")
            parameters = {"query": 'up{instance=~"a|stalled"}', "time": START_S}
            answer = pool.submit(httpx.get, f"{querier.program.url}/api/v1/query", params=parameters, timeout=60)
            assert proxy.stalled.wait(30)
            assert querier.program.stop() == 0
            found = answer.result()
        assert found.status_code == 200
        assert f"127.0.0.1:{proxy.port}" in found.json()["warnings"][0]
        proxy.close()


@pytest.mark.parts
async def test_a_call_in_flight_is_answered_before_the_service_ends(blocks: Path, tmp_path: Path) -> None:
    shutil.copytree(blocks, tmp_path / "s3" / "bucket")
    with run_rclone_s3(tmp_path / "s3") as s3:
        proxy = StallingProxy(s3.program.port)
        config = s3.config("bucket").replace(f":{s3.program.port}", f":{proxy.port}")
        flag = f"--objstore.config={config}  http_config: {{response_header_timeout: 1s}}\n"
        with run_service(tmp_path, "store", flag, "--data-dir=") as store, ThreadPoolExecutor(1) as pool:
            proxy.stall(rb"chunks/000001")

            def end_once_stalled() -> int:
                assert proxy.stalled.wait(30)
                store.program.process.send_signal(signal.SIGTERM)
                wait_until(lambda: "service stopping" in store.program.log, what="the signal")
                proxy.pass_everything()
                return store.program.process.wait(30)

            code = pool.submit(end_once_stalled)
            assert await read_up(store.grpc) == 1
            assert code.result() == 0
        proxy.close()


@pytest.mark.parts
def test_what_is_in_flight_is_cut_after_the_grace_period(blocks: Path, tmp_path: Path) -> None:
    with run_service(tmp_path, "store", *flags_of_store(blocks)) as store, ThreadPoolExecutor(1) as pool:
        proxy = StallingProxy(int(store.grpc.rpartition(":")[2]))
        flags = (f"--endpoint=127.0.0.1:{proxy.port}", "--store.response-timeout=5m", "--http-grace-period=1s")
        with run_service(tmp_path, "query", *flags) as querier:
            wait_until(lambda: "endpoint healthy" in querier.program.log, what="the store")
            proxy.stall(rb"stalled")
            parameters = {"query": 'up{instance=~"a|stalled"}', "time": START_S}
            answer = pool.submit(httpx.get, f"{querier.program.url}/api/v1/query", params=parameters, timeout=60)
            assert proxy.stalled.wait(30)
            assert querier.program.stop() == 0
            assert (answer.result().status_code, answer.result().text) == (503, "stopping\n")
            assert [event["msg"] for event in querier.events()[-2:]] == ["request cut off", "service ended"]
        proxy.close()


@pytest.mark.parametrize("flag", ["--http-address", "--grpc-address"])
def test_a_second_process_on_an_address_ends_with_one_line(flag: str, tmp_path: Path) -> None:
    with run_service(tmp_path, "query") as first:
        taken = f"127.0.0.1:{first.program.port}" if flag == "--http-address" else first.grpc
        other = "--grpc-address" if flag == "--http-address" else "--http-address"
        run = run_to_end("store", MEMORY, f"{flag}={taken}", f"{other}=127.0.0.1:0")
    assert run.returncode == 2
    (line,) = run.stderr.splitlines()
    assert line.startswith(f"promontory store: error: flag {flag}: expected a free address, found {taken}")


def test_logs_are_json_on_request_and_name_flags_without_effect_once(tmp_path: Path) -> None:
    flags = ("--log.format=json", "--log.level=debug", "--chunk-pool-size=1GB", "--matcher-cache-size=9")
    with run_service(tmp_path, "store", MEMORY, "--data-dir=", *flags) as store:
        assert store.program.stop() == 0
        events = [json.loads(line) for line in store.program.log.splitlines()]
    assert all({"ts", "level", "component", "msg"} <= event.keys() for event in events)
    told = [event["flags"] for event in events if event["msg"] == "flags without effect here"]
    assert told == ["--chunk-pool-size --matcher-cache-size"]


@pytest.mark.parametrize("name", [command.name for command in load_commands()])
def test_help_is_complete_grouped_and_imports_no_heavy_library(name: str) -> None:
    script = (
        "import sys, promontory.service.main as program;"
        f"code = program.main([{name!r}, '--help']);"
        f"print(code, [name for name in {HEAVY!r} if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    *text, last = found.stdout.splitlines()
    assert last == "0 []"
    (command,) = (command for command in load_commands() if command.name == name)
    flags = command.flags.flags.values()
    words = set(" ".join(text).replace("[no-]", "").replace("=", " ").split())
    assert {flag.name for flag in flags if not flag.is_hidden or flag.is_accepted or flag.refused} <= words
    assert {f"{flag.group}:" for flag in flags if not flag.is_hidden} <= set(text)
    assert max(map(len, text), default=0) <= 120
