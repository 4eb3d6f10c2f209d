"""Real programs as context managers: started on a free port, ready when yielded, ended when left.

with run_prometheus(tmp_path) as prometheus: httpx.get(prometheus.url + "/api/v1/query?query=up")
with run_rclone_s3(tmp_path) as s3: open_bucket(s3.config("bucket"), …)
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.fetch_parts import part_path

__all__ = [
    "Program",
    "S3Server",
    "free_port",
    "http_ok",
    "part_path",
    "run_moto_s3",
    "run_program",
    "run_prometheus",
    "run_rclone_s3",
    "run_redis",
    "wait_until",
]  # fmt: skip

READY_TIMEOUT_S = 60.0
ACCESS_KEY = "testaccess"
SECRET_KEY = "testsecretkey"


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], bool], *, what: str, timeout_s: float = READY_TIMEOUT_S) -> None:
    """Poll until the condition holds. Raises AssertionError naming what did not come."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s:.0f} s for {what}")
        time.sleep(0.02)


def http_ok(port: int, path: str) -> bool:
    """Say whether a GET answers 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Program:
    """A process of ours with its log in a file."""

    def __init__(self, process: subprocess.Popen[bytes], log_path: Path, port: int) -> None:
        self.process = process
        self.log_path = log_path
        self.port = port

    @property
    def url(self) -> str:
        """The HTTP base address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What the program printed so far."""
        return self.log_path.read_text(errors="replace")

    def stop(self, how: int = signal.SIGTERM, *, timeout_s: float = 30.0) -> int:
        """Send a signal, wait for the end and return the exit code; kills what does not end."""
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode

    def wait_ready(self, ready: Callable[[], bool], *, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Wait until `ready`; raises AssertionError with the log where the program ended or never was."""
        deadline = time.monotonic() + timeout_s
        while not ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop(signal.SIGKILL)
                raise AssertionError(f"{self.process.args!r} did not get ready:\n{self.log[-4000:]}")
            time.sleep(0.02)


@contextmanager
def run_program(
    argv: Sequence[str | Path],
    *,
    port: int,
    log_path: Path,
    ready: Callable[[], bool] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Program]:
    """Start a program, wait until it listens (or `ready` says so), and stop it on leaving."""
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            [str(word) for word in argv],
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})},
        )
    program = Program(process, log_path, port)
    try:
        program.wait_ready(ready or (lambda: _listens(port)))
        yield program
    finally:
        program.stop()


@contextmanager
def run_prometheus(
    folder: Path, *, config: str = "global: {}\n", flags: Sequence[str] = (), port: int | None = None
) -> Iterator[Program]:
    """Run the real Prometheus on `folder`/data; `config` is the text of prometheus.yml."""
    port = port or free_port()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "prometheus.yml").write_text(config)
    argv = [
        part_path("prometheus"),
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
        *(flags if any("retention" in flag for flag in flags) else ["--storage.tsdb.retention.time=100y", *flags]),
    ]
    ready = lambda: http_ok(port, "/-/ready")  # noqa: E731
    with run_program(argv, port=port, log_path=folder / "prometheus.log", ready=ready) as program:
        yield program


@dataclass(frozen=True, slots=True)
class S3Server:
    """An S3 server that knows one key pair."""

    program: Program

    def config(self, bucket: str) -> str:
        """Return Thanos' bucket YAML for one bucket of the server."""
        return (
            "type: S3\nconfig:\n"
            f"  bucket: {bucket}\n  endpoint: 127.0.0.1:{self.program.port}\n  region: us-east-1\n"
            f"  insecure: true\n  access_key: {ACCESS_KEY}\n  secret_key: {SECRET_KEY}\n"
        )


@contextmanager
def run_rclone_s3(folder: Path, *, buckets: Sequence[str] = ("bucket",), port: int | None = None) -> Iterator[S3Server]:
    """Run `rclone serve s3` over `folder`/<bucket>; the files there are the objects."""
    port = port or free_port()
    for bucket in buckets:
        (folder / bucket).mkdir(parents=True, exist_ok=True)
    argv = [
        part_path("rclone"), "serve", "s3", "--addr", f"127.0.0.1:{port}",
        "--auth-key", f"{ACCESS_KEY},{SECRET_KEY}", "--dir-cache-time", "1s", "--vfs-read-wait", "0s",
        "--config", "/dev/null", folder,
    ]  # fmt: skip
    log_path = folder.with_name(folder.name + "-rclone.log")
    with run_program(argv, port=port, log_path=log_path) as program:
        yield S3Server(program)


@contextmanager
def run_moto_s3(
    folder: Path, *, buckets: Sequence[str] = ("bucket",), environment: Mapping[str, str] | None = None
) -> Iterator[S3Server]:
    """Run moto's S3 server (conditional writes, IAM by its environment variables), with the buckets made."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    log_path = folder / "moto.log"
    with run_program(argv, port=port, log_path=log_path, environment=environment) as program:
        for bucket in buckets:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("PUT", f"/{bucket}", headers={"Host": f"127.0.0.1:{port}"})
            assert connection.getresponse().status == 200
            connection.close()
        yield S3Server(program)


@contextmanager
def run_redis(folder: Path) -> Iterator[Program]:
    """Run the real redis-server, without persistence."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    argv = [part_path("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
    with run_program(argv, port=port, log_path=folder / "redis.log") as program:
        yield program
