"""`promontory sidecar` on the flags of Thanos' sidecar (cmd/thanos/sidecar.go)."""

from __future__ import annotations

from promontory.service.command import Command
from promontory.service.common_flags import OBJSTORE_FLAGS, SERVER_FLAGS
from promontory.service.flag_kinds import Kind
from promontory.service.flags import Flag, FlagSet, accepted, refused
from promontory.service.values import Values

PROMETHEUS = "Prometheus"
SHIPPER = "Shipper"
RELOADER = "the reloader is not built; let Prometheus' own reloader or the operator's config-reloader do it"

FLAGS = FlagSet(
    SERVER_FLAGS,
    OBJSTORE_FLAGS,
    (
        Flag("--prometheus.url", default="http://localhost:9090", help="Where Prometheus answers.", group=PROMETHEUS),
        Flag(
            "--prometheus.get_config_interval", Kind.DURATION, "30s",
            "How often external labels and the oldest time are asked for.", PROMETHEUS, is_positive=True,
        ),
        Flag(
            "--prometheus.get_config_timeout", Kind.DURATION, "30s",
            "How long one question to Prometheus may take.", PROMETHEUS, is_positive=True,
        ),
        Flag(
            "--min-time", Kind.TIME, "0000-01-01T00:00:00Z",
            "Oldest time that is served: RFC 3339, or relative such as -2d.", PROMETHEUS,
        ),
        accepted("--prometheus.ready_timeout", Kind.DURATION),
        refused(
            "--prometheus.http-client", Kind.CONTENT,
            why="TLS and authentication towards Prometheus are not built; run the sidecar beside it on loopback",
        ),
        Flag("--tsdb.path", default="./data", help="Prometheus' data directory.", group=SHIPPER),
        Flag(
            "--shipper.upload-compacted", Kind.BOOLEAN, "false",
            "Also ship blocks that Prometheus compacted, where they overlap none in the bucket.", SHIPPER,
        ),
        Flag(
            "--shipper.meta-file-name", default="thanos.shipper.json",
            help="File in the data directory that lists what was shipped.", group=SHIPPER,
        ),
        Flag(
            "--shipper.ignore-unequal-block-size", Kind.BOOLEAN, "false",
            "Ship although Prometheus compacts locally.", SHIPPER, is_hidden=True,
        ),
        accepted("--shipper.upload-concurrency", Kind.INTEGER),
        accepted("--shipper.skip-corrupted-blocks", Kind.BOOLEAN),
        accepted("--shipper.allow-out-of-order-uploads", Kind.BOOLEAN),
        refused("--hash-func", default="", why="hashes of files in meta.json are not built; sizes are always there"),
        refused("--store.limits.request-series", Kind.INTEGER, default="0", why="limits a request are not built"),
        refused("--store.limits.request-samples", Kind.INTEGER, default="0", why="limits a request are not built"),
        refused("--reloader.config-file", default="", why=RELOADER),
        refused("--reloader.config-envsubst-file", default="", why=RELOADER),
        refused("--reloader.rule-dir", why=RELOADER, is_repeated=True),
        accepted("--reloader.watch-interval", Kind.DURATION),
        accepted("--reloader.retry-interval", Kind.DURATION),
        accepted("--reloader.method"),
        accepted("--reloader.process-name"),
    ),
)  # fmt: skip


def _run(values: Values) -> int:
    from sidecar.service import run

    return run(values)


command = Command("sidecar", "Ship the blocks of a Prometheus and serve its live data over the Store API.", FLAGS, _run)
