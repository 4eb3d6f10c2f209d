"""The faults of a network and of a server, each one value; `serve` says whether the fault came to act.

Answer      an error in the server's place: 500, 503 SlowDown, 429, 403 …; the server sees nothing
Reset       the connection is reset; the server sees nothing
CutRequest  the server gets a part of the request, the client a reset
LoseAnswer  the server does what was asked, the client gets a reset
CutBody     the client gets a part of the answer's body
BlackHole   nobody ever answers
Delay       the answer comes late
Throttle    the answer's body comes slowly
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from promontory.testing.http_exchange import Exchange


class Fault(Protocol):
    """What can happen to an exchange instead of its plain course."""

    async def serve(self, exchange: Exchange) -> bool:
        """Take the exchange to its end and say whether the fault acted: a body too short is not cut."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An error as S3 words it."""

    status: int
    code: str = ""
    retry_after_s: int | None = None

    async def serve(self, exchange: Exchange) -> bool:
        """Answer without asking the server."""
        headers = {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}
        body = f"<Error><Code>{self.code}</Code><Message>a fault</Message></Error>" if self.code else ""
        await exchange.answer(self.status, {"Content-Type": "application/xml", **headers}, body.encode())
        return True


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection ends before the request arrives."""

    async def serve(self, exchange: Exchange) -> bool:
        """Reset the client's connection."""
        exchange.reset()
        return True


@dataclass(frozen=True, slots=True)
class CutRequest:
    """The request breaks off behind `after_bytes` of its body; a request without more arrives."""

    after_bytes: int

    async def serve(self, exchange: Exchange) -> bool:
        """Send the server a part, then reset."""
        if len(exchange.request.body) <= self.after_bytes:
            await exchange.relay()
            return False
        await exchange.send_part(self.after_bytes)
        exchange.reset()
        return True


@dataclass(frozen=True, slots=True)
class LoseAnswer:
    """The request arrives and is done; its answer gets lost."""

    async def serve(self, exchange: Exchange) -> bool:
        """Reset once the server has answered."""
        await exchange.relay_and_drop()
        exchange.reset()
        return True


@dataclass(frozen=True, slots=True)
class CutBody:
    """The answer breaks off behind `after_bytes` of its body."""

    after_bytes: int

    async def serve(self, exchange: Exchange) -> bool:
        """Pass on a part and hang up."""
        return await exchange.relay(limit_bytes=self.after_bytes)


@dataclass(frozen=True, slots=True)
class BlackHole:
    """The request is taken and never answered."""

    async def serve(self, exchange: Exchange) -> bool:
        """Wait until the client gives up."""
        await exchange.wait_for_leaving()
        return True


@dataclass(frozen=True, slots=True)
class Delay:
    """The answer comes `duration_s` later."""

    duration_s: float

    async def serve(self, exchange: Exchange) -> bool:
        """Wait, then pass on."""
        await exchange.clock.sleep(self.duration_s)
        await exchange.relay()
        return True


@dataclass(frozen=True, slots=True)
class Throttle:
    """The answer's body comes at `bytes_a_second`."""

    bytes_a_second: float

    async def serve(self, exchange: Exchange) -> bool:
        """Pass on piece by piece."""
        await exchange.relay(bytes_a_second=self.bytes_a_second)
        return True
