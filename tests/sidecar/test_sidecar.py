"""One sidecar over a Prometheus that says what the test wants, and a bucket that waits for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from promontory.bucket.memory import MemoryBucket
from promontory.errors import StoreUnavailable
from promontory.model.context import QueryContext
from promontory.model.matcher import Matcher, MatchKind
from promontory.model.selector import Selector
from promontory.model.time_range import ALL_TIME
from promontory.service.lifecycle import Service
from promontory.service.values import Values
from sidecar.metrics import SidecarMetricFamilies
from sidecar.settings import SidecarSettings
from sidecar.sidecar import Sidecar
from tests.bucket.clock import StillClock
from tests.catalog.blocks import meta_of, write_block


@dataclass
class SaidPrometheus:
    """What a Prometheus answers."""

    config: str = "global: {external_labels: {replica: a}}"
    url: str = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1]
        body = json.dumps({"data": {"yaml": self.config}}) if path == b"/api/v1/status/config" else "{}"
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode())
        await writer.drain()
        writer.close()


class WaitingBucket(MemoryBucket):
    """A bucket whose uploads wait until they are let go."""

    def __init__(self) -> None:
        super().__init__(StillClock())
        self.is_uploading = asyncio.Event()
        self.may_go_on = asyncio.Event()

    async def upload(self, key: str, path: Path) -> None:
        self.is_uploading.set()
        await self.may_go_on.wait()
        await super().upload(key, path)


class QuickClock(StillClock):
    """A clock that lets others work instead of waiting, and tells that background work came to its pause."""

    def __init__(self) -> None:
        super().__init__()
        self.pause = asyncio.Event()

    async def sleep(self, duration_s: float) -> None:
        self.pause.set()
        await asyncio.sleep(0)


@asynccontextmanager
async def running(prometheus: SaidPrometheus, tsdb: Path, bucket: MemoryBucket | None) -> AsyncIterator[Running]:
    async with await asyncio.start_server(prometheus.answer, "127.0.0.1", 0) as server:
        prometheus.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        clock = QuickClock()
        service = Service("sidecar", Values({}, {}), clock)
        settings = SidecarSettings(prometheus.url, tsdb, ignore_unequal_block_size=True)
        metrics = SidecarMetricFamilies(service.metrics.registry).of(settings.name)
        sidecar = Sidecar(service, settings, metrics, bucket)
        sidecar.start()
        try:
            yield Running(service, sidecar, clock)
        finally:
            for task in service._tasks:
                task.cancel()
            await asyncio.gather(*service._tasks, return_exceptions=True)
            for close in service._closers:
                await close()
            service.pool.shutdown()


@dataclass
class Running:
    service: Service
    sidecar: Sidecar
    clock: QuickClock

    async def reach(self, condition: Callable[[], bool]) -> None:
        """Return once the condition holds at a pause of the background work."""
        async with asyncio.timeout(10):
            while not condition():
                self.clock.pause.clear()
                await self.clock.pause.wait()


async def test_blocks_that_wait_for_their_upload_do_not_hold_up_readiness(tmp_path: Path) -> None:
    write_block(tmp_path, meta_of(1), is_plain=True)
    bucket = WaitingBucket()
    async with running(SaidPrometheus(), tmp_path, bucket) as run:
        async with asyncio.timeout(10):
            await bucket.is_uploading.wait()
        await run.reach(lambda: "bucket" not in run.service.probes.reason)
        assert not bucket.may_go_on.is_set()
        bucket.may_go_on.set()
        await run.reach(lambda: any(key.endswith("meta.json") for key in bucket._objects))


async def test_external_labels_that_go_away_stop_answers_but_not_the_service(tmp_path: Path) -> None:
    prometheus = SaidPrometheus()
    async with running(prometheus, tmp_path, None) as run:
        await run.reach(lambda: run.sidecar.is_ready)
        prometheus.config = "global: {}"
        await run.reach(lambda: not run.sidecar.is_ready)
        assert not run.service._ending.is_set()
        selector = Selector((Matcher(MatchKind.EQUAL, b"__name__", b"up"),), ALL_TIME)
        context: QueryContext = run.service.new_context()
        with pytest.raises(StoreUnavailable, match="has not said its external labels"):
            [frame async for frame in run.sidecar.store.select(selector, context)]
        prometheus.config = "global: {external_labels: {replica: b}}"
        await run.reach(lambda: run.sidecar.is_ready)


async def test_external_labels_that_never_were_end_the_service(tmp_path: Path) -> None:
    async with running(SaidPrometheus(config="global: {}"), tmp_path, None) as run:
        async with asyncio.timeout(10):
            await run.service._ending.wait()
        assert "expected at least one under global.external_labels" in str(run.service._failure)
