"""`promontory demo`: a small site over 30 days of an HA pair's history, made in seconds in a temporary folder."""

from __future__ import annotations

from promontory.service.command import Command
from promontory.service.common_flags import LOG_FLAGS
from promontory.service.flag_kinds import Kind
from promontory.service.flags import Flag, FlagSet
from promontory.service.values import Values

DEMO = "Demo"

FLAGS = FlagSet(
    (
        Flag("--http-address", Kind.ADDRESS, "127.0.0.1:10902", "Listen address of HTTP.", DEMO),
        Flag("--grpc-address", Kind.ADDRESS, "127.0.0.1:10901", "Listen address of gRPC (StoreAPI).", DEMO),
        Flag("--days", Kind.INTEGER, "30", "Days of history.", DEMO),
        Flag(
            "--prometheus", default="", group=DEMO,
            help="Prometheus binary for a live pair; without one it is looked for on the PATH and in .parts/bin.",
        ),
        Flag("--live", Kind.BOOLEAN, "true", "Also run a live pair where a Prometheus binary is found.", DEMO),
    ),
    LOG_FLAGS,
)  # fmt: skip


def _run(values: Values) -> int:
    from promontory.program.demo_site import run

    return run(values)


command = Command("demo", "Try it: 30 days of an HA pair on 127.0.0.1:10902.", FLAGS, _run)
