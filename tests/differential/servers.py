"""The two servers over the same blocks, and a keep-alive connection to each for every thread."""

from __future__ import annotations

import http.client
import os
import shutil
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from tests.differential.answers import Answer
from tests.differential.case import Case
from tests.differential.data import write_data
from tests.parts import run_prometheus
from tests.services.processes import run_service

HEADERS = {"Content-Type": "application/x-www-form-urlencoded"}
TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server's HTTP port."""

    port: int
    _local: threading.local = field(default_factory=threading.local)

    def ask(self, case: Case) -> Answer:
        """Return the answer to a case; connects again once where the server closed an idle connection."""
        path, form = case.form()
        body = urllib.parse.urlencode(form)
        for attempt in (0, 1):
            connection = getattr(self._local, "connection", None)
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
                self._local.connection = connection
            try:
                connection.request("POST", path, body, HEADERS)
                response = connection.getresponse()
                return Answer(response.status, orjson.loads(response.read()))
            except (http.client.RemoteDisconnected, ConnectionError):
                connection.close()
                self._local.connection = None
                if attempt:
                    raise
        raise AssertionError("unreachable")


@contextmanager
def run_both(folder: Path) -> Iterator[tuple[Endpoint, Endpoint]]:
    """Write the data once and run ours and the real Prometheus on it."""
    bucket = folder / "bucket"
    write_data(bucket)
    shutil.copytree(bucket, folder / "prometheus" / "data", copy_function=os.link)
    flags = (f"--bucket={bucket}", "--query.replica-label=replica", "--log.level=warn")
    with run_prometheus(folder / "prometheus") as prometheus, run_service(folder, "standalone", *flags) as ours:
        yield Endpoint(ours.program.port), Endpoint(prometheus.port)
