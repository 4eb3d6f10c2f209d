"""A client that costs next to nothing: prepared bytes out, the answer into one buffer, times around the socket only.

Both bodies of known length and chunked ones are read; chunks are joined after the clock was stopped. A server's CPU is
the sum over its processes.
"""

from __future__ import annotations

import os
import re
import socket
import time
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from tests.bench.data import INTERVAL_S, SAMPLES, START_S

TIMEOUT_S = 300
LENGTH = re.compile(rb"(?i)\r\ncontent-length:\s*(\d+)")
CHUNKED = re.compile(rb"(?i)\r\ntransfer-encoding:\s*chunked")
LAST_CHUNK = b"0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server: its HTTP port and the processes that its work is done in."""

    name: str
    port: int
    process_ids: tuple[int, ...]
    parameters: tuple[tuple[str, str], ...] = ()

    def cpu_s(self) -> float:
        """Return user + system seconds so far."""
        ticks = 0
        for process_id in self.process_ids:
            fields = Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory_mib(self, field: str) -> float:
        """Return the sum of VmRSS or VmHWM over the processes."""
        return sum(status_kib(process_id, field) for process_id in self.process_ids) / 1024

    def forget_peak(self) -> None:
        """Let VmHWM begin anew at what is resident now."""
        for process_id in self.process_ids:
            Path(f"/proc/{process_id}/clear_refs").write_text("5")


def status_kib(process_id: int, field: str) -> int:
    """Return a field of /proc/<pid>/status in KiB."""
    for line in Path(f"/proc/{process_id}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise AssertionError(field)


@dataclass(frozen=True, slots=True)
class Question:
    """A query over the `range_s` before `end_s`, by default all of the data; step 0 is an instant query at the end.

    `shift_s` moves the grid off the scrapes, `skip_s` leaves out its beginning.
    """

    text: str
    step_s: int
    shift_s: float = 0.0
    skip_s: float = 0.0
    range_s: float = (SAMPLES - 1) * INTERVAL_S
    end_s: float = START_S + (SAMPLES - 1) * INTERVAL_S

    def to_request(self, endpoint: Endpoint) -> bytes:
        """Return the bytes of the POST."""
        end_s = self.end_s + self.shift_s
        form: dict[str, str] = {"query": self.text, **dict(endpoint.parameters)}
        if self.step_s:
            start_s = end_s - self.range_s + self.skip_s
            form |= {"start": str(start_s), "end": str(end_s), "step": str(self.step_s)}
        else:
            form["time"] = str(end_s + 1)
        body = urllib.parse.urlencode(form)
        return (
            f"POST /api/v1/{'query_range' if self.step_s else 'query'} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        ).encode()


EMPTY_REQUEST = b"GET /-/healthy HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer and the seconds from its request's first byte to its own last."""

    wall_s: float
    body: bytes


class Connection:
    """A kept-alive connection to an endpoint."""

    def __init__(self, endpoint: Endpoint, buffer: bytearray | None = None) -> None:
        self.endpoint = endpoint
        self._buffer = bytearray(1 << 20) if buffer is None else buffer
        self._socket = socket.create_connection(("127.0.0.1", endpoint.port), timeout=TIMEOUT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._socket.close()

    def ask(self, request: bytes) -> Answer:
        """Return the answer. Raises AssertionError on any status but 200."""
        began_s = time.perf_counter()
        self._socket.sendall(request)
        head, size = self._receive()
        wall_s = time.perf_counter() - began_s
        status = bytes(self._buffer[:12])
        body = bytes(memoryview(self._buffer)[head:size])
        if CHUNKED.search(self._buffer, 0, head):
            body = join_chunks(body)
        assert status == b"HTTP/1.1 200", (self.endpoint.name, request, status, body[:300])
        return Answer(wall_s, body)

    def _receive(self) -> tuple[int, int]:
        """Fill the buffer with one answer; return the offset of its body and of its end."""
        size = head = 0
        end: int | None = None
        while True:
            if size == len(self._buffer):
                self._buffer.extend(bytes(size))
            with memoryview(self._buffer) as view:
                received = self._socket.recv_into(view[size:])
            assert received, f"{self.endpoint.name} closed the connection after {size} bytes"
            size += received
            if not head and (found := self._buffer.find(b"\r\n\r\n", 0, size)) >= 0:
                head = found + 4
                length = LENGTH.search(self._buffer, 0, head)
                end = head + int(length[1]) if length else None
            if head and (size == end if end is not None else self._buffer[size - 5 : size] == LAST_CHUNK):
                return head, size


def join_chunks(body: bytes) -> bytes:
    """Return the content of a chunked body."""
    parts, at = [], 0
    while True:
        line = body.index(b"\r\n", at)
        length = int(body[at:line], 16)
        if not length:
            return b"".join(parts)
        parts.append(body[line + 2 : line + 2 + length])
        at = line + 4 + length
