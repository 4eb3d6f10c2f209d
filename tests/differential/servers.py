"""The two servers over the same blocks, and a keep-alive connection to each for every thread."""

from __future__ import annotations

import http.client
import os
import shutil
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import cast

import orjson

from tests.differential.answers import Answer
from tests.differential.case import Case
from tests.differential.data import write_data
from tests.parts import run_prometheus
from tests.services.processes import run_service

HEADERS = {"Content-Type": "application/x-www-form-urlencoded"}
TIMEOUT_S = 60.0


class Endpoint:
    """A server's HTTP port. Each thread has a connection of its own; close() ends them all."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._local = threading.local()
        self._opened: list[http.client.HTTPConnection] = []

    def ask(self, case: Case) -> Answer:
        """Return the answer to a case; connects again once where the server closed an idle connection."""
        path, form = case.form()
        body = urllib.parse.urlencode(form)
        connection = self._connection()
        try:
            connection.request("POST", path, body, HEADERS)
            response = connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionError):
            connection.close()
            connection.request("POST", path, body, HEADERS)
            response = connection.getresponse()
        return Answer(response.status, orjson.loads(response.read()))

    def close(self) -> None:
        """Close the connections of all threads."""
        for connection in self._opened:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if not hasattr(self._local, "connection"):
            self._local.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
            self._opened.append(self._local.connection)
        return cast("http.client.HTTPConnection", self._local.connection)


@contextmanager
def run_both(folder: Path) -> Iterator[tuple[Endpoint, Endpoint]]:
    """Write the data once and run ours and the real Prometheus on it."""
    bucket = folder / "bucket"
    write_data(bucket)
    shutil.copytree(bucket, folder / "prometheus" / "data", copy_function=os.link)
    flags = (f"--bucket={bucket}", "--query.replica-label=replica", "--log.level=warn")
    with (
        run_prometheus(folder / "prometheus") as prometheus,
        run_service(folder, "standalone", "--no-compactor", *flags) as ours,
        closing(Endpoint(ours.program.port)) as mine,
        closing(Endpoint(prometheus.port)) as theirs,
    ):
        yield mine, theirs
