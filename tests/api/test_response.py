"""Answers in several pieces on their way out: whole, in order, no faster than the client reads."""

from __future__ import annotations

import asyncio
import gzip
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from promontory.api.answer import Answer, Body, Piece
from promontory.api.response import PIECES_AHEAD, AnswerResponse
from tests.api.small_backend import SmallSite

LONG = "/api/v1/query_range?query=up&start=0&end=11000&step=1"
SCOPE = {"type": "http", "method": "GET", "path": "/", "headers": []}


async def stays() -> dict[str, object]:
    await asyncio.Event().wait()
    raise AssertionError


async def test_pieces_are_the_whole_answer_plain_and_gzipped(monkeypatch: pytest.MonkeyPatch) -> None:
    site = SmallSite()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(site.app), base_url="http://promontory") as client:
        whole = await client.get(LONG, headers={"accept-encoding": "identity"})
        monkeypatch.setattr("promontory.api.encoder.PIECE_SAMPLES", 11_001)
        plain = await client.get(LONG, headers={"accept-encoding": "identity"})
        async with client.stream("GET", LONG, headers={"accept-encoding": "gzip"}) as response:
            packed = b"".join([part async for part in response.aiter_raw()])
    assert plain.headers["content-length"] == whole.headers["content-length"] == str(len(whole.content))
    assert plain.content == whole.content == gzip.decompress(packed)
    assert site.app.outbox.held_bytes == 0


class Slow:
    """An answer of a hundred pieces, and a client that takes what is sent one by one."""

    def __init__(self) -> None:
        self.made = 0
        self.is_over = False
        self.wire: asyncio.Queue[dict[str, object]] = asyncio.Queue(1)
        self.pool = ThreadPoolExecutor(1)
        body = Body(b"[", [Piece(self._make)] * 100, b"]")
        self.response = AnswerResponse(Answer(body, on_sent=self._end), self.pool)

    async def take(self, count: int) -> None:
        """Read so many messages, and let the pool do what it has been given."""
        for _ in range(count):
            await self.wire.get()
        await asyncio.get_running_loop().run_in_executor(self.pool, lambda: None)

    def _make(self) -> bytes:
        self.made += 1
        return b"1,"

    def _end(self) -> None:
        self.is_over = True


async def test_pieces_are_made_as_the_client_reads() -> None:
    slow = Slow()
    sending = asyncio.ensure_future(slow.response(SCOPE, stays, slow.wire.put))  # type: ignore[arg-type]
    for count, taken in ((3, 3), (10, 13)):
        await slow.take(count)
        assert slow.made <= taken + 2 + PIECES_AHEAD
    assert not slow.is_over
    await slow.take(102 + 2 - 13)
    await sending
    assert slow.is_over
    assert slow.made == 100


async def test_no_more_pieces_are_made_for_a_client_that_left() -> None:
    slow = Slow()
    left = asyncio.Event()

    async def leaves() -> dict[str, object]:
        await left.wait()
        return {"type": "http.disconnect"}

    sending = asyncio.ensure_future(slow.response(SCOPE, leaves, slow.wire.put))  # type: ignore[arg-type]
    await slow.take(5)
    left.set()
    reading = asyncio.ensure_future(slow.take(100))
    await sending
    assert asyncio.all_tasks() <= {asyncio.current_task(), reading}
    reading.cancel()
    assert slow.made < 20
    assert slow.is_over


@pytest.mark.parametrize(
    ("sizes", "is_known"), [((2, 1), True), ((-1, 1), False), ((2, -1), False), ((2, None), False)]
)
async def test_a_length_is_sent_where_all_pieces_know_theirs(sizes: tuple[int | None, ...], is_known: bool) -> None:
    sent: list[dict[str, object]] = []

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    pieces = [
        Piece(lambda text=text: text, None if size is None else lambda size=size: size)  # type: ignore[misc]
        for text, size in zip((b"1,", b"2"), sizes, strict=True)
    ]
    await AnswerResponse(Answer(Body(b"[", pieces, b"]")), ThreadPoolExecutor(2))(SCOPE, stays, send)  # type: ignore[arg-type]
    assert b"".join(message.get("body", b"") for message in sent) == b"[1,2]"  # type: ignore[misc]
    headers = dict(sent[0]["headers"])  # type: ignore[call-overload]
    assert headers.get(b"content-length") == (b"5" if is_known else None)


async def test_a_piece_that_fails_ends_the_answer() -> None:
    def fail() -> bytes:
        raise ZeroDivisionError

    ended = []
    body = Body(b"[", [Piece(lambda: b"1,"), Piece(fail), Piece(lambda: b"2")], b"]")
    response = AnswerResponse(Answer(body, on_sent=lambda: ended.append(1)), ThreadPoolExecutor(2))

    async def send(message: dict[str, object]) -> None:
        assert message.get("more_body", True)

    with pytest.raises(ZeroDivisionError):
        await response(SCOPE, stays, send)  # type: ignore[arg-type]
    assert ended == [1]
