"""TLS of the querier's connections to endpoints, from Thanos' --grpc-client-… flags."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from promontory.errors import InputError
from promontory.service.values import Values

if TYPE_CHECKING:
    import grpc

_PARTS = ("--grpc-client-tls-cert", "--grpc-client-tls-key", "--grpc-client-tls-ca", "--grpc-client-server-name")


def read_credentials(values: Values) -> grpc.ChannelCredentials | None:
    """Return the credentials, None for plain text. Raises InputError naming the flag."""
    if not values.flag("--grpc-client-tls-secure"):
        for name in _PARTS:
            if values.text(name):
                raise InputError(f"flag {name}: expected --grpc-client-tls-secure with it")
        return None
    import grpc

    certificate, key = _read(values, "--grpc-client-tls-cert"), _read(values, "--grpc-client-tls-key")
    if (certificate is None) != (key is None):
        raise InputError("flags --grpc-client-tls-cert and --grpc-client-tls-key: expected both, found one")
    return grpc.ssl_channel_credentials(_read(values, "--grpc-client-tls-ca"), key, certificate)


def _read(values: Values, flag: str) -> bytes | None:
    path = values.text(flag)
    if not path:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"flag {flag}: expected a readable file, found {path!r}: {error.strerror}") from None
