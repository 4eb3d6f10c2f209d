import json
import re
import signal
import subprocess
import sys
import textwrap
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from prometheus_client.parser import text_string_to_metric_families

SCRIPT = """
import asyncio, sys
from promontory.errors import AccessDenied, InputError
from promontory.service.command import Command, run_command
from promontory.service.common_flags import SERVER_FLAGS
from promontory.service.flags import FlagSet
from promontory.service.lifecycle import Service, run_service

attempts = 0

async def fail_until_file_is_there():
    from pathlib import Path
    if not Path(sys.argv[1]).exists():
        raise AccessDenied("no\\nentry", key="", operation="list")

async def wait_for_ever():
    await asyncio.Event().wait()

async def build(service: Service) -> None:
    {build}

command = Command("try", "Tries.", FlagSet(*SERVER_FLAGS), lambda values: run_service("try", values, build))
sys.exit(run_command(command, sys.argv[2:]))
"""


ADDRESSES = ("--http-address=127.0.0.1:0", "--grpc-address=127.0.0.1:0")


class Running:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []

    def line(self, pattern: str) -> re.Match[str]:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line)
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"no line matches {pattern} in {self.lines}")

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        _, rest = self.process.communicate(timeout=20)
        self.lines += rest.splitlines()
        return self.process.returncode


@contextmanager
def running(folder: Path, build: str, *flags: str) -> Iterator[Running]:
    script = folder / "service.py"
    script.write_text(SCRIPT.replace("{build}", textwrap.indent(build, "    ").strip()))
    argv = [sys.executable, "-W", "error", str(script), str(folder / "bucket"), *ADDRESSES, *flags]
    process = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)
    try:
        yield Running(process)
    finally:
        process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()


def get(address: str, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_a_service_serves_probes_metrics_and_health_and_ends_on_sigterm(tmp_path: Path) -> None:
    with running(tmp_path, "service.serve_grpc('thanos.Store')") as service:
        addresses = service.line(r"service started.* http=(\S+) grpc=(\S+)")
        http, grpc_address = addresses[1], addresses[2]
        assert get(http, "/-/ready") == (200, "OK\n")
        assert get(http, "/-/healthy") == (200, "OK\n")
        assert get(http, "/")[0] == 200
        assert get(http, "/nope") == (404, "404 page not found\n")
        names = {family.name for family in text_string_to_metric_families(get(http, "/metrics")[1])}
        assert {"process_resident_memory_bytes", "promontory_build_info", "http_requests"} <= names
        with grpc.insecure_channel(grpc_address) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            for name in ("", "thanos.Store"):
                answer = stub.Check(health_pb2.HealthCheckRequest(service=name))
                assert answer.status == health_pb2.HealthCheckResponse.SERVING
        assert service.end() == 0
        assert any("service ended" in line for line in service.lines)


def test_a_missing_bucket_is_one_line_and_not_ready_until_it_comes(tmp_path: Path) -> None:
    build = "service.repeat('bucket', fail_until_file_is_there, interval_s=60)"
    with running(tmp_path, build, "--log.format=json") as service:
        failed = service.line(r".*not ready, retrying.*")
        started = service.line(r'"http": "(\S+?)"')
        assert json.loads(failed[0])["error"] == "list '': no entry"
        assert get(started[1], "/-/ready") == (503, "not ready: bucket: list '': no entry\n")
        assert get(started[1], "/-/healthy")[0] == 200
        (tmp_path / "bucket").touch()
        service.line('"msg": "ready"')
        assert get(started[1], "/-/ready")[0] == 200
        assert service.end(signal.SIGINT) == 0
        assert sum("retrying" in line for line in service.lines) == 1


def test_a_signal_while_it_starts_ends_it(tmp_path: Path) -> None:
    build = "import logging; logging.getLogger().info('building'); await wait_for_ever()"
    with running(tmp_path, build) as service:
        service.line("building")
        assert service.end() == 0


def test_wrong_settings_are_one_line_and_exit_code_2(tmp_path: Path) -> None:
    with running(tmp_path, "raise InputError('key type: expected S3, found X')") as service:
        service.line("promontory try: error: key type: expected S3, found X")
        assert service.process.wait(20) == 2


def test_a_taken_address_names_the_flag(tmp_path: Path) -> None:
    with running(tmp_path, "pass") as first:
        address = first.line(r"service started.* http=(\S+)")[1]
        other = tmp_path / "other"
        other.mkdir()
        script = other / "service.py"
        script.write_text(SCRIPT.replace("{build}", "pass"))
        argv = [sys.executable, str(script), "x", f"--http-address={address}"]
        found = subprocess.run(argv, capture_output=True, text=True, timeout=20)
        assert found.returncode == 2
        assert f"flag --http-address: expected a free address, found {address}" in found.stderr
        assert first.end() == 0


def test_a_bug_in_background_work_ends_the_service_with_code_1(tmp_path: Path) -> None:
    build = "async def fail():\n    raise ValueError('bug')\nservice.start(fail(), name='sync')"
    with running(tmp_path, build) as service:
        service.line("background work failed")
        assert service.process.wait(20) == 1


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--grpc-server-tls-cert=/nowhere/cert.pem"], "flag --grpc-server-tls-cert: expected a readable file"),
        (["--grpc-server-tls-min-version=1.3"], "flag --grpc-server-tls-min-version is not supported yet"),
        (["--http.config=web.yml"], "flag --http.config is not supported yet"),
        (["--log.level=loud"], "flag --log.level: expected one of"),
    ],
)
def test_what_cannot_be_done_is_refused(tmp_path: Path, flags: list[str], message: str) -> None:
    with running(tmp_path, "service.serve_grpc()", *flags) as service:
        service.line(re.escape(message))
        assert service.process.wait(20) == 2


def test_flags_without_effect_are_named_once(tmp_path: Path) -> None:
    with running(tmp_path, "pass", "--tracing.config=type: OTLP", "--enable-auto-gomemlimit") as service:
        service.line(r'level=warn .*flags="--tracing.config --enable-auto-gomemlimit"')
        service.line("service started")
        assert service.end() == 0
