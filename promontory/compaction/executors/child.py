"""One job in a process of its own: `python -m promontory.compaction.executors.child`, started by ProcessExecutor.

    stdin    frame of (RemoteJob, scratch directory), then nothing; its end is the order to stop
    stdout   frames of (stage, done, total) while it runs, then one of a JobResult or of the error
    frame    BE64 length | pickle

So the process also stops, and leaves nothing, when whoever started it was killed.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
import sys
import threading
from pathlib import Path

from promontory.compaction.executors.remote import RemoteJob, run_remote_job
from promontory.compaction.executors.throttle import Throttle
from promontory.compaction.observer import Stage
from promontory.errors import JobError

PROGRESS_INTERVAL_S = 0.2
HEADER = struct.Struct(">Q")

_STDIN, _STDOUT, _STDERR = 0, 1, 2


def pack_frame(value: object) -> bytes:
    """Return a frame; an error that pickle cannot take becomes a JobError of its words."""
    try:
        body = pickle.dumps(value)
        if isinstance(value, Exception):
            pickle.loads(body)
    except Exception:
        body = pickle.dumps(JobError(f"{type(value).__name__}: {value}"))
    return HEADER.pack(len(body)) + body


def main() -> None:
    """Run the job that stdin brings."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the parent decides
    answers = os.dup(_STDOUT)
    os.dup2(_STDERR, _STDOUT)  # what is printed is no answer
    remote, scratch = pickle.loads(_read_exactly(HEADER.unpack(_read_exactly(HEADER.size))[0]))
    assert isinstance(remote, RemoteJob)
    stopped = threading.Event()
    threading.Thread(target=_await_end, args=(stopped,), daemon=True).start()
    told = _Teller(answers)
    outcome: object
    try:
        outcome = run_remote_job(remote, Path(scratch), stop=stopped.is_set, progress=told.tell)
    except Exception as error:
        outcome = error
    told.send(outcome)


class _Teller:
    """Sends frames from any thread, of progress no more than a few a second."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()
        self._throttle = Throttle(PROGRESS_INTERVAL_S)

    def tell(self, stage: Stage, done: int, total: int) -> None:
        if self._throttle.lets_through(stage, done, total):
            self.send((stage, done, total))

    def send(self, value: object) -> None:
        with self._lock:
            left = memoryview(pack_frame(value))
            while left:
                left = left[os.write(self._descriptor, left) :]


def _await_end(stopped: threading.Event) -> None:
    while os.read(_STDIN, 1 << 16):
        pass
    stopped.set()


def _read_exactly(size_bytes: int) -> bytes:
    body = b""
    while len(body) < size_bytes:
        piece = os.read(_STDIN, size_bytes - len(body))
        if not piece:
            sys.exit("expected a job on stdin; this is no command for people")
        body += piece
    return body


if __name__ == "__main__":
    main()
