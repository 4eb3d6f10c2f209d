"""Head and body of a small answer leave as one."""

from __future__ import annotations

import asyncio

import pytest

from promontory.service.joined_transport import JOINED_BYTES, SMALL_BYTES, JoinedTransport


class Wire(asyncio.Transport):
    """What was sent, write by write."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.is_lost = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent.append(bytes(data))

    def close(self) -> None:
        self.sent.append(b"closed")

    def abort(self) -> None:
        self.sent.append(b"aborted")

    def get_write_buffer_size(self) -> int:
        return 7

    def is_closing(self) -> bool:
        return self.is_lost


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
async def transport(wire: Wire) -> JoinedTransport:
    return JoinedTransport(wire, asyncio.get_running_loop())


async def test_a_small_write_leaves_with_the_next_one(wire: Wire, transport: JoinedTransport) -> None:
    for _ in range(2):
        transport.write(b"head")
        assert transport.get_write_buffer_size() == 7 + 4
        transport.write(memoryview(b"body"))
    await asyncio.sleep(0)
    assert wire.sent == [b"headbody"] * 2


async def test_a_large_write_is_not_copied_to_be_joined(wire: Wire, transport: JoinedTransport) -> None:
    transport.write(b"head")
    transport.write(bytes(JOINED_BYTES + 1))
    await asyncio.sleep(0)
    assert [len(data) for data in wire.sent] == [4, JOINED_BYTES + 1]


async def test_it_waits_no_longer_than_the_turn(wire: Wire, transport: JoinedTransport) -> None:
    transport.write(b"head")
    assert wire.sent == []
    await asyncio.sleep(0)
    assert wire.sent == [b"head"]


async def test_what_is_large_waits_for_nothing(wire: Wire, transport: JoinedTransport) -> None:
    transport.write(b"x" * SMALL_BYTES)
    assert wire.sent == [b"x" * SMALL_BYTES]


async def test_closing_sends_what_is_held_and_aborting_does_not(wire: Wire, transport: JoinedTransport) -> None:
    transport.write(b"head")
    transport.close()
    transport.write(b"head")
    transport.abort()
    await asyncio.sleep(0)
    assert wire.sent == [b"head", b"closed", b"aborted"]


async def test_what_is_held_for_a_client_that_left_goes_nowhere(wire: Wire, transport: JoinedTransport) -> None:
    transport.write(b"head")
    wire.is_lost = True
    await asyncio.sleep(0)
    assert wire.sent == []
