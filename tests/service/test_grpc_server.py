from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from promontory.errors import InputError
from promontory.service.common_flags import SERVER_FLAGS
from promontory.service.flags import FlagSet
from promontory.service.grpc_server import GrpcServer
from promontory.service.probes import Probes
from tests.certificates import Authority

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def make_server(*flags: str) -> GrpcServer:
    return GrpcServer(FlagSet(SERVER_FLAGS).parse(["--grpc-address=127.0.0.1:0", "--grpc-grace-period=0", *flags]))


async def check(channel: grpc.aio.Channel) -> int:
    answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
    return int(answer.status)


async def test_health_follows_the_probes() -> None:
    probes = Probes("catalog")
    server = make_server()
    await server.start(probes)
    async with grpc.aio.insecure_channel(server.address) as channel:
        assert await check(channel) == NOT_SERVING
        probes.set_ready("catalog")
        assert await check(channel) == SERVING
        probes.stop()
        assert await check(channel) == NOT_SERVING
    await server.stop()


async def test_tls_with_client_certificates(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    files, client = authority.issue("server"), authority.issue("client")
    server = make_server(
        f"--grpc-server-tls-cert={files.certificate}", f"--grpc-server-tls-key={files.key}",
        f"--grpc-server-tls-client-ca={authority.path}",
    )  # fmt: skip
    await server.start(Probes())
    root = authority.path.read_bytes()
    trusted = grpc.ssl_channel_credentials(root, client.key.read_bytes(), client.certificate.read_bytes())
    async with grpc.aio.secure_channel(server.address, trusted) as channel:
        assert await check(channel) == SERVING
    async with grpc.aio.secure_channel(server.address, grpc.ssl_channel_credentials(root)) as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await check(channel)
    async with grpc.aio.insecure_channel(server.address) as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await check(channel)
    await server.stop()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--grpc-server-tls-client-ca={ca}",), "expected --grpc-server-tls-cert and -key with it"),
        (("--grpc-server-tls-cert={ca}",), "expected both, found one"),
    ],
)
async def test_half_a_tls_configuration_is_refused(tmp_path: Path, flags: tuple[str, ...], message: str) -> None:
    authority = Authority(tmp_path)
    with pytest.raises(InputError, match=message):
        make_server(*(flag.format(ca=authority.path) for flag in flags))
