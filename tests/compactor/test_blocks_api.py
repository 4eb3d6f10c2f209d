"""/api/v1/blocks as Thanos' block viewer asks it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import httpx
import pytest

from compactor.block_list import BlockList
from compactor.blocks_api import BlocksApi
from compactor.settings import ViewerSettings
from promontory.block.markers import MarkKind, parse_mark
from promontory.bucket.memory import MemoryBucket
from promontory.service.http_app import App, Receive, Scope, Send, reply
from promontory.testing.still_clock import START_MS, StillClock
from tests.compactor.jobs import FIRST, SECOND

FORM = {"content-type": "application/x-www-form-urlencoded"}


class Site:
    """An API over a bucket that holds two blocks, of which one is worked on."""

    def __init__(self, pool: ThreadPoolExecutor, *, inner: App | None = None, **settings: bool) -> None:
        self.bucket = MemoryBucket(StillClock())
        self.everything, self.loaded = BlockList("cluster"), BlockList("cluster")
        self.everything.refresh([SECOND, FIRST], now_ms=START_MS)
        self.loaded.refresh([FIRST], now_ms=START_MS)
        app = BlocksApi(
            self.bucket, StillClock(), pool, ViewerSettings(**settings), everything=self.everything,
            loaded=self.loaded, page=lambda: b"<p>page", inner=inner,
        )  # fmt: skip
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://compactor")

    async def get(self, path: str) -> httpx.Response:
        async with self.client as client:
            return await client.get(path)

    async def mark(self, headers: dict[str, str] | None = None, **form: str) -> httpx.Response:
        await self.bucket.put(f"{FIRST.ulid}/meta.json", b"{}")
        async with self.client as client:
            return await client.post("/api/v1/blocks/mark", content=urlencode(form), headers=FORM | (headers or {}))

    async def read_mark(self, kind: MarkKind) -> tuple[str, str, int]:
        key = f"{FIRST.ulid}/{kind.file_name}"
        mark = parse_mark(await self.bucket.get(key), kind, source=key)
        return mark.details, mark.reason, mark.time_s


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


@pytest.mark.parametrize(
    ("query", "metas"),
    [("", [FIRST, SECOND]), ("?view=global", [FIRST, SECOND]), ("?view=loaded", [FIRST])],
)
async def test_blocks_are_listed_in_thanos_shape(pool: ThreadPoolExecutor, query: str, metas: list[object]) -> None:
    answer = await Site(pool).get(f"/api/v1/blocks{query}")
    assert answer.status_code == 200
    document = answer.json()
    assert document["status"] == "success"
    data = document["data"]
    assert list(data) == ["label", "blocks", "refreshedAt", "err"]
    assert (data["label"], data["refreshedAt"], data["err"]) == ("cluster", "2023-11-14T22:13:20.000Z", None)
    assert [block["ulid"] for block in data["blocks"]] == [meta.ulid for meta in metas]  # type: ignore[attr-defined]
    assert data["blocks"][0]["thanos"]["labels"] == {"cluster": "a", "replica": "0"}
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_a_look_that_failed_keeps_the_blocks_and_says_why(pool: ThreadPoolExecutor) -> None:
    site = Site(pool)
    site.everything.fail("list '': down", now_ms=START_MS + 1000)
    data = (await site.get("/api/v1/blocks")).json()["data"]
    assert len(data["blocks"]) == 2
    assert (data["err"], data["refreshedAt"]) == ("list '': down", "2023-11-14T22:13:21.000Z")


async def test_before_the_first_look_there_is_no_block_and_no_time(pool: ThreadPoolExecutor) -> None:
    site = Site(pool)
    body = BlockList("").body()
    assert json.loads(body.head) == {"label": "", "blocks": [], "refreshedAt": "0001-01-01T00:00:00Z", "err": None}
    await site.client.aclose()


@pytest.mark.parametrize(
    ("action", "kind", "reason"),
    [
        ("DELETION", MarkKind.DELETION, ""),
        ("NO_COMPACTION", MarkKind.NO_COMPACT, "manual"),
        ("NO_DOWNSAMPLE", MarkKind.NO_DOWNSAMPLE, "manual"),
    ],
)
async def test_a_block_is_marked(pool: ThreadPoolExecutor, action: str, kind: MarkKind, reason: str) -> None:
    site = Site(pool)
    answer = await site.mark(id=FIRST.ulid, action=action, detail="by hand")
    assert (answer.status_code, answer.json()) == (200, {"status": "success"})
    assert await site.read_mark(kind) == ("by hand", reason, START_MS // 1000)


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"action": "DELETION"}, 'parameter "id": expected the ULID of a block, found ""'),
        ({"id": "x", "action": "DELETION"}, 'parameter "id": expected the ULID of a block, found "x"'),
        ({"id": FIRST.ulid}, 'parameter "action": expected one of DELETION, NO_COMPACTION, NO_DOWNSAMPLE, found ""'),
        ({"id": SECOND.ulid, "action": "DELETION"}, f'expected a block of the bucket, found "{SECOND.ulid}"'),
    ],
    ids=["no id", "no ULID", "no action", "no block"],
)
async def test_a_wrong_mark_is_refused_and_nothing_is_written(
    pool: ThreadPoolExecutor, form: dict[str, str], message: str
) -> None:
    site = Site(pool)
    answer = await site.mark(**form)
    assert (answer.status_code, answer.json()["errorType"]) == (400, "bad_data")
    assert message in answer.json()["error"]
    assert [info.key async for info in site.bucket.list()] == [f"{FIRST.ulid}/meta.json"]


async def test_marking_can_be_switched_off(pool: ThreadPoolExecutor) -> None:
    answer = await Site(pool, may_mark=False).mark(id=FIRST.ulid, action="DELETION")
    assert answer.status_code == 400
    assert "--disable-admin-operations" in answer.json()["error"]


async def test_a_page_of_another_site_cannot_mark(pool: ThreadPoolExecutor) -> None:
    answer = await Site(pool).mark({"sec-fetch-site": "cross-site"}, id=FIRST.ulid, action="DELETION")
    assert answer.status_code == 400


async def test_without_cors_no_header_is_sent(pool: ThreadPoolExecutor) -> None:
    answer = await Site(pool, cors=False).get("/api/v1/blocks")
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(("path", "code"), [("/", 200), ("/api/v1/blocks/mark", 405), ("/nothing", 404)])
async def test_other_paths(pool: ThreadPoolExecutor, path: str, code: int) -> None:
    assert (await Site(pool).get(path)).status_code == code


@pytest.mark.parametrize(("path", "text"), [("/", "inner"), ("/api/v1/query", "inner")])
async def test_an_application_behind_gets_the_rest(pool: ThreadPoolExecutor, path: str, text: str) -> None:
    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        await reply(send, 200, b"inner")

    assert (await Site(pool, inner=inner).get(path)).text == text
