"""Addresses of endpoints as Thanos' flags write them: `host:port`, or `dns+host:port` for every address of a name."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass

from promontory.errors import InputError, StoreUnavailable

DNS = "dns+"
UNSUPPORTED = ("dnssrv+", "dnssrvnoa+", "dnsdualstack+")
LOOKUP_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class EndpointSpec:
    """One address from a flag. `is_strict`: it is used even when its health check fails, and never given up."""

    text: str
    is_strict: bool = False

    @property
    def is_name(self) -> bool:
        """Whether the name is looked up, again and again, and every address of it used."""
        return self.text.startswith(DNS)


def parse_endpoint(text: str, *, flag: str, is_strict: bool = False) -> EndpointSpec:
    """Return the spec of a flag's value. Raises InputError naming the flag."""
    if text.startswith(UNSUPPORTED):
        raise InputError(f"flag {flag}: {text.partition('+')[0]}+ is not supported yet, found {text!r}; use host:port")
    if is_strict and text.startswith(DNS):
        raise InputError(f"flag {flag}: expected host:port, found {text!r}: a strict endpoint is not looked up")
    host, _, port = text.removeprefix(DNS).rpartition(":")
    if not host or "/" in host or not (port.isascii() and port.isdecimal()) or not 0 < int(port) < 65_536:
        raise InputError(f"flag {flag}: expected host:port or dns+host:port, found {text!r}")
    return EndpointSpec(text, is_strict)


async def resolve(spec: EndpointSpec) -> list[str]:
    """Return the addresses of a spec, sorted. Raises StoreUnavailable where the name has none."""
    if not spec.is_name:
        return [spec.text]
    host, _, port = spec.text.removeprefix(DNS).rpartition(":")
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(LOOKUP_TIMEOUT_S):
            found = await loop.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
    except (OSError, TimeoutError) as error:
        raise StoreUnavailable(f"{spec.text}: name lookup failed: {error}", endpoint=spec.text) from error
    return sorted({_join(str(address[0]), int(address[1])) for _, _, _, _, address in found})


def _join(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
