from __future__ import annotations

import asyncio

import pytest

from promontory.store.rpc.frame_layout import TAG
from promontory.store.rpc.inbox import JOINED_BYTES, LARGE_BYTES, Inbox


async def test_small_messages_are_taken_together_and_large_ones_alone() -> None:
    inbox = Inbox(limit_bytes=1 << 30)
    large = b"L" * LARGE_BYTES
    for message in (b"a", b"b", large, b"c", b"d"):
        await inbox.put(message)
    inbox.close()
    assert [await inbox.take() for _ in range(3)] == [b"ab" + large, b"cd", b""]
    assert await inbox.take() == b""
    inbox = Inbox(limit_bytes=1 << 30)
    await inbox.put(large)
    await inbox.put(b"x")
    assert await inbox.take() is large


async def test_an_empty_message_is_not_taken_for_the_end() -> None:
    inbox = Inbox()
    await inbox.put(b"")
    await inbox.put(b"L" * LARGE_BYTES)
    inbox.close()
    assert len(await inbox.take()) == LARGE_BYTES
    assert await inbox.take() == b""
    inbox = Inbox()
    await inbox.put(b"")
    reading = asyncio.ensure_future(inbox.take())
    await asyncio.sleep(0)
    assert not reading.done()
    await inbox.put(b"a")
    assert await reading == b"a"


async def test_joined_messages_stay_below_a_mebibyte() -> None:
    inbox = Inbox(limit_bytes=1 << 30)
    await inbox.put(b"small")
    await inbox.put(b"L" * JOINED_BYTES)
    assert await inbox.take() == b"small"


async def test_a_frame_is_taken_alone() -> None:
    inbox = Inbox()
    for message in (b"a", TAG + b"b", TAG + b"c", b"d", b"e"):
        await inbox.put(message)
    assert [await inbox.take() for _ in range(4)] == [b"a", TAG + b"b", TAG + b"c", b"de"]


async def test_the_writer_waits_until_the_reader_took_something() -> None:
    inbox = Inbox(limit_bytes=3)
    await inbox.put(b"ab")
    writing = asyncio.ensure_future(inbox.put(b"c"))
    await asyncio.sleep(0)
    assert not writing.done()
    assert await inbox.take() == b"abc"
    await writing


async def test_the_reader_waits_for_what_it_wants_at_least_or_the_end() -> None:
    inbox = Inbox(least_bytes=4)
    await inbox.put(b"abc")
    reading = asyncio.ensure_future(inbox.take())
    await asyncio.sleep(0)
    assert not reading.done()
    await inbox.put(b"d")
    assert await reading == b"abcd"
    await inbox.put(b"e")
    inbox.close()
    assert await inbox.take() == b"e"


async def test_an_error_comes_after_the_messages_before_it() -> None:
    inbox = Inbox()
    waiting = asyncio.ensure_future(inbox.take())
    await asyncio.sleep(0)
    await inbox.put(b"a")
    inbox.close(ValueError("gone"))
    assert await waiting == b"a"
    with pytest.raises(ValueError, match="gone"):
        await inbox.take()
