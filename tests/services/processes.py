"""The real program as a process: runs that end by themselves, services that run, and what they log."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.parts import Program, free_port, http_ok, run_program

PROMONTORY = Path(sys.prefix) / "bin" / "promontory"
ADDRESSES = ("--http-address=127.0.0.1:0", "--grpc-address=127.0.0.1:0")

_PAIR = re.compile(r'([a-z_][a-z0-9_.]*)=("(?:[^"\\]|\\.)*"|[^\s"=]*)(?: |$)')


def run_to_end(*words: str, timeout_s: float = 30.0) -> subprocess.CompletedProcess[str]:
    """Run the program until it ends."""
    return subprocess.run([str(PROMONTORY), *words], capture_output=True, text=True, timeout=timeout_s)


@dataclass(frozen=True, slots=True)
class Running:
    """A service that runs; `grpc` is its address."""

    program: Program
    grpc: str

    def probe(self, path: str = "/-/ready") -> tuple[int, str]:
        """Return status and body of a GET."""
        try:
            with urllib.request.urlopen(self.program.url + path, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    @property
    def is_ready(self) -> bool:
        """Whether /-/ready says so."""
        return http_ok(self.program.port, "/-/ready")

    def events(self, level: str = "") -> list[dict[str, str]]:
        """Return the lines of the log so far as fields. Raises AssertionError on a line that is no logfmt."""
        lines = [parse_logfmt(line) for line in self.program.log.splitlines()]
        return [fields for fields in lines if level in ("", fields["level"])]


@contextmanager
def run_service(folder: Path, command: str, *flags: str, wait_for: str = "/-/ready") -> Iterator[Running]:
    """Run a service on free ports with its log in the folder and wait for an answer of 200; for nothing where empty."""
    folder.mkdir(parents=True, exist_ok=True)
    port, grpc = free_port(), f"127.0.0.1:{free_port()}"
    argv = [PROMONTORY, command, f"--http-address=127.0.0.1:{port}", f"--grpc-address={grpc}", *flags]
    log_path = folder / f"{command}.log"
    with run_program(
        argv, port=port, log_path=log_path, ready=lambda: not wait_for or http_ok(port, wait_for)
    ) as program:
        yield Running(program, grpc)


def parse_logfmt(line: str) -> dict[str, str]:
    """Return the fields of a line. Raises AssertionError where it is none."""
    fields: dict[str, str] = {}
    position = 0
    while position < len(line):
        found = _PAIR.match(line, position)
        assert found is not None, f"not logfmt at {position}: {line!r}"
        fields[found[1]] = json.loads(found[2]) if found[2].startswith('"') else found[2]
        position = found.end()
    assert {"ts", "level", "component", "msg"} <= fields.keys(), line
    return fields
