"""A whole site of real processes: target, two Prometheus, two sidecars, S3, store gateway, querier."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.stalling_proxy import StallingProxy
from tests.parts import Program, S3Server, free_port, http_ok, part_path, run_program, run_rclone_s3

SCRAPE_INTERVAL_MS = 1000
REPLICAS = ("a", "b")
PROMONTORY = Path(sys.prefix) / "bin" / "promontory"

PROMETHEUS_CONFIG = """
global:
  scrape_interval: 1s
  external_labels: {{cluster: e2e, replica: {replica}}}
scrape_configs:
  - job_name: app
    static_configs: [{{targets: ["127.0.0.1:{target_port}"]}}]
"""


@dataclass
class Site:
    """The processes of a site and where they keep their data."""

    folder: Path
    stack: ExitStack
    target_port: int = field(default_factory=free_port)
    prometheus: dict[str, Program] = field(default_factory=dict)
    sidecars: dict[str, Program] = field(default_factory=dict)
    ports: dict[str, tuple[int, int]] = field(default_factory=dict)
    s3: S3Server | None = None
    proxy: StallingProxy | None = None
    store: Program | None = None
    querier: Program | None = None

    def start(self) -> None:
        """Start everything, in order."""
        self.start_target()
        self.s3 = self.stack.enter_context(run_rclone_s3(self.folder / "s3"))
        self.proxy = StallingProxy(self.s3.program.port)
        self.stack.callback(self.proxy.close)
        self.write_bucket_files()
        for replica in REPLICAS:
            self.start_prometheus(replica)
            self.start_sidecar(replica)
        self.store = self.start_store("store")
        endpoints = [self.grpc_address(name) for name in ("sidecar-a", "sidecar-b", "store")]
        self.querier = self.start_querier("querier", endpoints)

    @property
    def bucket(self) -> Path:
        """The folder behind the bucket: its files are the objects."""
        return self.folder / "s3" / "bucket"

    def write_bucket_files(self) -> None:
        """Write bucket.yml (direct) and bucket-by-proxy.yml (through the stalling proxy)."""
        assert self.s3 is not None
        assert self.proxy is not None
        direct = self.s3.config("bucket")
        (self.folder / "bucket.yml").write_text(direct)
        (self.folder / "bucket-by-proxy.yml").write_text(
            direct.replace(f":{self.s3.program.port}", f":{self.proxy.port}")
        )

    def start_target(self) -> None:
        """Start what is scraped."""
        argv = [sys.executable, "-m", "tests.e2e.target", str(self.target_port)]
        self._run(argv, self.target_port, "target")

    def start_prometheus(self, replica: str) -> None:
        """Start (again) one Prometheus of the pair, with blocks of 20 seconds."""
        folder = self.folder / f"prometheus-{replica}"
        folder.mkdir(exist_ok=True)
        config = PROMETHEUS_CONFIG.format(replica=replica, target_port=self.target_port)
        (folder / "prometheus.yml").write_text(config)
        port, _ = self.ports.setdefault(f"prometheus-{replica}", (free_port(), 0))
        argv = [
            str(part_path("prometheus")),
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data",
            "--storage.tsdb.min-block-duration=20s",
            "--storage.tsdb.max-block-duration=20s",
            "--storage.tsdb.retention.time=1d",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        self.prometheus[replica] = self._run(argv, port, f"prometheus-{replica}", ready="/-/ready")

    def start_sidecar(self, replica: str) -> None:
        """Start (again) the sidecar of one Prometheus."""
        name = f"sidecar-{replica}"
        self.sidecars[replica] = self._promontory(
            name,
            "sidecar",
            f"--prometheus.url={self.prometheus[replica].url}",
            f"--tsdb.path={self.folder}/prometheus-{replica}/data",
            f"--objstore.config-file={self.folder}/bucket-by-proxy.yml",
        )

    def start_store(self, name: str) -> Program:
        """Start a store gateway with a data directory of its own."""
        return self._promontory(
            name,
            "store",
            f"--data-dir={self.folder}/{name}",
            f"--objstore.config-file={self.folder}/bucket.yml",
            "--sync-block-duration=1s",
        )

    def start_querier(self, name: str, endpoints: Sequence[str]) -> Program:
        """Start a querier over endpoints."""
        return self._promontory(
            name,
            "query",
            *(f"--endpoint={endpoint}" for endpoint in endpoints),
            "--query.replica-label=replica",
            "--deduplication.func=penalty",
        )

    def grpc_address(self, name: str) -> str:
        """Return host:port of a process's gRPC server, known before it is started."""
        return f"127.0.0.1:{self._ports(name)[1]}"

    def complete_blocks(self) -> dict[str, dict[str, object]]:
        """Return the meta.json of every complete block in the bucket by ULID."""
        return {path.parent.name: json.loads(path.read_bytes()) for path in sorted(self.bucket.glob("*/meta.json"))}

    def kill(self, program: Program) -> None:
        """End a process without a word."""
        program.stop(signal.SIGKILL)

    def _ports(self, name: str) -> tuple[int, int]:
        return self.ports.setdefault(name, (free_port(), free_port()))

    def _promontory(self, name: str, command: str, *flags: str) -> Program:
        http_port, grpc_port = self._ports(name)
        argv = [
            str(PROMONTORY),
            command,
            f"--http-address=127.0.0.1:{http_port}",
            f"--grpc-address=127.0.0.1:{grpc_port}",
            *flags,
        ]
        return self._run(argv, http_port, name, ready="/-/ready")

    def _run(self, argv: Sequence[str], port: int, name: str, *, ready: str = "") -> Program:
        probe = (lambda: http_ok(port, ready)) if ready else None
        log_path = self.folder / f"{name}.log"
        return self.stack.enter_context(run_program(argv, port=port, log_path=log_path, ready=probe))
