"""Real Prometheus made to compact blocks at once, and what its log says of each compaction.

Prometheus compacts when its head is full: it is given two samples four hours apart, behind the blocks, by a scrape of
a page of ours.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from promontory.block.meta import BlockMeta, parse_meta
from tests.bench.client import status_kib
from tests.bench.servers import WITH_PARENT
from tests.parts import free_port, http_ok, part_path, run_program, wait_until

HOUR_MS = 3_600_000
COMPACTED = re.compile(r'msg="compact blocks" count=(\d+) .*?ulid=(\w+) .*?duration=(\S+)')
DURATION = re.compile(r"(?:(\d+)m(?!s))?(?:([\d.]+)(ms|s|µs))?")
SECONDS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6}


@dataclass(frozen=True, slots=True)
class PeerCompaction:
    """One compaction of Prometheus: how many inputs, how long, and the meta of the block that it made."""

    inputs: int
    took_s: float
    meta: BlockMeta


@dataclass(frozen=True, slots=True)
class PeerRun:
    """All compactions, the processor time and the growth of the resident memory meanwhile, and where the blocks lie."""

    compactions: tuple[PeerCompaction, ...]
    cpu_s: float
    grown_mib: float
    data: Path

    @property
    def samples_a_second(self) -> float:
        """Samples of all outputs by the time of all compactions."""
        samples = sum(one.meta.stats.sample_count for one in self.compactions)
        return samples / sum(one.took_s for one in self.compactions)


def compact_by_prometheus(blocks: Sequence[Path], folder: Path, *, longest_h: int) -> PeerRun:
    """Let Prometheus compact links to blocks of 2 h: those of one range into one, or three ranges into one of 6 h."""
    data = folder / "data"
    for block in blocks:
        shutil.copytree(block, data / block.name, copy_function=os.link)
    metas = [read_meta(block) for block in blocks]
    end_ms = max(meta.max_time_ms for meta in metas)
    wanted = len({meta.min_time_ms // (longest_h * HOUR_MS) for meta in metas})
    port = free_port()
    with _page_of_samples([end_ms + HOUR_MS, end_ms + 6 * HOUR_MS]) as target:
        argv = [
            *WITH_PARENT, part_path("prometheus"), f"--config.file={_write_config(folder, target)}",
            f"--storage.tsdb.path={data}", f"--web.listen-address=127.0.0.1:{port}",
            "--storage.tsdb.retention.time=100y", "--storage.tsdb.min-block-duration=2h",
            f"--storage.tsdb.max-block-duration={longest_h}h", "--enable-feature=native-histograms",
        ]  # fmt: skip
        ready = lambda: http_ok(port, "/-/ready")  # noqa: E731
        with run_program(argv, port=port, log_path=folder / "log", ready=ready) as program:
            process = program.process.pid
            idle_mib = status_kib(process, "VmRSS") / 1024
            before_s = _cpu_s(process)
            wait_until(lambda: len(_of_all(program.log, data)) >= wanted, what="compactions of Prometheus")
            peak_mib, cpu_s = status_kib(process, "VmHWM") / 1024, _cpu_s(process) - before_s
            compactions = tuple(_of_all(program.log, data))
    return PeerRun(compactions, cpu_s, peak_mib - idle_mib, data)


def read_meta(block: Path) -> BlockMeta:
    """Return the meta of a block directory."""
    return parse_meta((block / "meta.json").read_bytes(), source=str(block))


def parse_duration_s(text: str) -> float:
    """Return the seconds of a duration as Go writes it."""
    match = DURATION.fullmatch(text)
    assert match is not None, f"a duration in the log of Prometheus: {text}"
    minutes, number, unit = match.groups()
    return 60 * int(minutes or 0) + float(number or 0) * SECONDS.get(unit or "s", 1.0)


def _of_all(log: str, data: Path) -> list[PeerCompaction]:
    return [
        PeerCompaction(int(inputs), parse_duration_s(took), read_meta(data / ulid))
        for inputs, ulid, took in COMPACTED.findall(log)
        if int(inputs) > 1
    ]


def _cpu_s(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _write_config(folder: Path, target: int) -> Path:
    path = folder / "prometheus.yml"
    scrape = f"{{job_name: kick, scrape_interval: 1s, static_configs: [{{targets: ['127.0.0.1:{target}']}}]}}"
    path.write_text(f"scrape_configs: [{scrape}]\n")
    return path


@contextmanager
def _page_of_samples(times_ms: Sequence[int]) -> Iterator[int]:
    """Serve a page with one sample at each time; yield its port."""
    page = "".join(f'kick{{n="{number}"}} 1 {time_ms}\n' for number, time_ms in enumerate(times_ms)).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
