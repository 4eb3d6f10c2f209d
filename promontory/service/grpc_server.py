"""The gRPC server of a service: message sizes, keepalive, TLS from flags, and the standard health service.

grpcio decides what we cannot set: its lowest TLS version is 1.2, ciphers and curves are its own, and it cannot answer
in snappy. The flags that ask for these are refused (promontory/service/common_flags.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from promontory.errors import InputError
from promontory.service.probes import Probes
from promontory.service.values import Values

UNLIMITED = -1
# What grpc-core takes for no limit, and the most that its arguments hold.
INFINITE_MS = 2**31 - 1


class GrpcServer:
    """Built before the loop serves, so that services can be added; listens from `start` until `stop`."""

    def __init__(self, values: Values) -> None:
        host, _, port = values.text("--grpc-address").rpartition(":")
        self._address = f"{host or '0.0.0.0'}:{port}"
        self._grace_s = values.duration_s("--grpc-grace-period")
        self._health = health.aio.HealthServicer()
        self._credentials = _server_credentials(values)
        self._tasks: set[asyncio.Task[None]] = set()
        self.server = grpc.aio.server(options=_server_options(values))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self.server)
        self.port = self._bind()

    @property
    def address(self) -> str:
        """host:port that it listens on, with the real port where 0 was asked for."""
        return f"{self._address.rpartition(':')[0]}:{self.port}"

    async def start(self, probes: Probes, services: Sequence[str] = ()) -> None:
        """Begin to serve; the health of the whole and of each service follows the probes."""
        await self.server.start()

        def tell() -> None:
            answers = health_pb2.HealthCheckResponse
            status = answers.SERVING if probes.is_ready else answers.NOT_SERVING
            for name in ("", *services):
                task = asyncio.ensure_future(self._health.set(name, status))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

        probes.listen(tell)

    async def stop(self) -> None:
        """Take no more calls, wait for those in flight up to the grace period, end the rest."""
        await self.server.stop(self._grace_s)

    def _bind(self) -> int:
        try:
            if self._credentials is None:
                port = self.server.add_insecure_port(self._address)
            else:
                port = self.server.add_secure_port(self._address, self._credentials)
        except RuntimeError as error:
            raise InputError(f"flag --grpc-address: expected a free address, found {self._address}") from error
        return int(port)


def _server_options(values: Values) -> list[tuple[str, int]]:
    age_ms = values.duration_ms("--grpc-server-max-connection-age")
    grace_ms = values.duration_ms("--grpc-grace-period")
    return [
        ("grpc.max_send_message_length", UNLIMITED),
        ("grpc.max_receive_message_length", UNLIMITED),
        ("grpc.max_connection_age_ms", min(age_ms or INFINITE_MS, INFINITE_MS)),
        ("grpc.max_connection_age_grace_ms", min(grace_ms, INFINITE_MS)),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.so_reuseport", 0),
    ]


def _server_credentials(values: Values) -> grpc.ServerCredentials | None:
    certificate = _file(values, "--grpc-server-tls-cert")
    key = _file(values, "--grpc-server-tls-key")
    authority = _file(values, "--grpc-server-tls-client-ca")
    if certificate is None and key is None:
        if authority is not None:
            raise InputError("flag --grpc-server-tls-client-ca: expected --grpc-server-tls-cert and -key with it")
        return None
    if certificate is None or key is None:
        raise InputError("flags --grpc-server-tls-cert and --grpc-server-tls-key: expected both, found one")
    return grpc.ssl_server_credentials(
        [(key, certificate)], root_certificates=authority, require_client_auth=authority is not None
    )


def _file(values: Values, name: str) -> bytes | None:
    path = values.text(name)
    if not path:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"flag {name}: expected a readable file, found {path!r}: {error.strerror}") from None
