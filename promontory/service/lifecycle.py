"""The life of a service: start, serve, become ready, drain, end.

    flags -> logs -> event loop -> HTTP listens -> build() -> gRPC serves -> ready when every part says so
    SIGTERM or SIGINT -> not ready -> requests in flight get the grace period -> closers, last first -> exit code 0

HTTP answers its probes before `build` runs, so a service whose bucket is missing is up, not ready, and says why.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import random
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

from promontory.errors import InputError, PromontoryError
from promontory.model.clock import Clock, SystemClock
from promontory.model.context import Budget, QueryContext
from promontory.model.cores import count_cores
from promontory.service.allocator import TRIM_INTERVAL_S, Allocator, find_allocator
from promontory.service.command import one_line
from promontory.service.grpc_server import GrpcServer
from promontory.service.http_app import App, HttpApp
from promontory.service.http_server import HttpServer
from promontory.service.logs import start_logging
from promontory.service.metrics import Metrics
from promontory.service.probes import Probes
from promontory.service.values import Values

logger = logging.getLogger(__name__)

# An asyncio wake-up beside Python-bound threads takes 15 ms at the interpreter's default of 5 ms, 0.7 ms at this.
SWITCH_INTERVAL_S = 0.0005
RETRY_S = 1.0
RETRY_LIMIT_S = 30.0
STARTED = "start"


class Service:
    """What `build` is given: settings, clock, kernel pool, metrics, probes, servers and background work."""

    def __init__(self, name: str, values: Values, clock: Clock) -> None:
        self.name = name
        self.values = values
        self.clock = clock
        self.metrics = Metrics()
        self.probes = Probes(STARTED)
        self.pool = ThreadPoolExecutor(count_cores(), thread_name_prefix="kernel")
        self.grpc: GrpcServer | None = None
        self._app = HttpApp(self.probes, self.metrics, clock)
        self._closers: list[Callable[[], Awaitable[None]]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._grpc_services: list[str] = []
        self._ending = asyncio.Event()
        self._exit_code = 0
        self._failure: PromontoryError | None = None
        self._allocator = find_allocator()

    def mount(self, app: App) -> None:
        """Serve an application over HTTP beside the probes and metrics."""
        self._app.inner = app

    def serve_grpc(self, *services: str) -> GrpcServer:
        """Return the gRPC server to add services to; `services` are those whose health it reports."""
        if self.grpc is None:
            self.grpc = GrpcServer(self.values)
        self._grpc_services += services
        return self.grpc

    def on_close(self, close: Callable[[], Awaitable[None]]) -> None:
        """Call `close` when the service ends; what was opened last is closed first."""
        self._closers.append(close)

    def start(self, work: Coroutine[object, object, None], *, name: str) -> None:
        """Run work in the background until the service ends. If it fails by a bug, the service ends with code 1."""
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._on_task_done)
        self._tasks.append(task)

    def repeat(self, part: str, work: Callable[[], Awaitable[None]], *, interval_s: float) -> None:
        """Do work again and again in the background; the part is ready once it has succeeded.

        A failure is counted, logged once for as long as its reason stays the same, and retried, with back-off and
        jitter.
        """
        self.probes.set_not_ready(part, "starting")
        self.start(self._repeat(part, work, interval_s), name=part)

    def new_context(
        self, *, timeout_s: float | None = None, partial_response: bool = True, tenant: str = "",
        budget: Budget | None = None,
    ) -> QueryContext:  # fmt: skip
        """Return the context of one query."""
        return QueryContext(
            clock=self.clock, pool=self.pool, timeout_s=timeout_s, budget=budget,
            partial_response=partial_response, tenant=tenant,
        )  # fmt: skip

    def end(self, exit_code: int = 0) -> None:
        """Begin to end the service."""
        self._exit_code = max(self._exit_code, exit_code)
        self._ending.set()

    def fail(self, error: PromontoryError) -> None:
        """Begin to end the service with an error that waiting does not mend: `run` raises it."""
        self._failure = self._failure or error
        self._ending.set()

    async def run(self, build: Callable[[Service], Awaitable[None]]) -> int:
        """Live and return the exit code. Raises InputError on wrong settings, and what `fail` was given."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.end)
        values = self.values
        http = HttpServer(
            self._app, values.text("--http-address"), grace_s=values.duration_s("--http-grace-period"),
            write_timeout_s=values.duration_s("--http-write-timeout"),
        )  # fmt: skip
        http.start()
        building = asyncio.ensure_future(build(self))
        ending = asyncio.ensure_future(self._ending.wait())
        try:
            await asyncio.wait({building, ending}, return_when=asyncio.FIRST_COMPLETED)
            if building.done():
                building.result()
                await self._serve(http)
                await ending
            if self._failure is None:
                logger.info("service stopping")
        finally:
            building.cancel()
            ending.cancel()
            await asyncio.gather(building, ending, return_exceptions=True)
            await self._drain(http)
        if self._failure is not None:
            raise self._failure
        logger.info("service ended", extra={"code": self._exit_code})
        return self._exit_code

    async def _serve(self, http: HttpServer) -> None:
        addresses = {"http": http.address}
        if self.grpc is not None:
            await self.grpc.start(self.probes, self._grpc_services)
            addresses["grpc"] = self.grpc.address
        self.probes.set_ready(STARTED)
        gc.collect()
        gc.freeze()
        if self._allocator is not None and self._allocator.keep():
            self.start(self._give_memory_back(self._allocator), name="allocator")
        logger.info("service started", extra={"version": version("promontory"), **addresses})

    async def _drain(self, http: HttpServer) -> None:
        self.probes.stop()
        servers = [http.stop()] if self.grpc is None else [http.stop(), self.grpc.stop()]
        await asyncio.gather(*servers)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for close in reversed(self._closers):
            try:
                await close()
            except PromontoryError as error:
                logger.warning("closing failed", extra={"error": one_line(error)})
        self.pool.shutdown(wait=False, cancel_futures=True)

    async def _repeat(self, part: str, work: Callable[[], Awaitable[None]], interval_s: float) -> None:
        pause_s, last_reason, has_succeeded = RETRY_S, "", False
        while True:
            try:
                await work()
            except PromontoryError as error:
                if error is self._failure:
                    return
                reason = one_line(error)
                self.metrics.background_failures.labels(part).inc()
                if not has_succeeded:
                    self.probes.set_not_ready(part, reason)
                if reason != last_reason:
                    what = "work failed, going on with what is there" if has_succeeded else "not ready, retrying"
                    logger.error(what, extra={"part": part, "error": reason})
                last_reason = reason
                await self.clock.sleep(random.uniform(pause_s / 2, pause_s))
                pause_s = min(2 * pause_s, max(RETRY_S, min(RETRY_LIMIT_S, interval_s)))
                continue
            if not has_succeeded or last_reason:
                logger.info("ready", extra={"part": part})
            pause_s, last_reason, has_succeeded = RETRY_S, "", True
            self.probes.set_ready(part)
            await self.clock.sleep(interval_s)

    async def _give_memory_back(self, allocator: Allocator) -> None:
        while True:
            await self.clock.sleep(TRIM_INTERVAL_S)
            await asyncio.to_thread(allocator.give_back)

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or task.exception() is None:
            return
        logger.error("background work failed", extra={"part": task.get_name()}, exc_info=task.exception())
        self.end(1)


def run_service(
    name: str, values: Values, build: Callable[[Service], Awaitable[None]], *, clock: Clock | None = None
) -> int:
    """Run a service to its end and return the exit code. Raises InputError where its settings are wrong."""
    import uvloop

    start_logging(name, level=values.text("--log.level"), shape=values.text("--log.format"))
    if values.without_effect:
        logger.warning("flags without effect here", extra={"flags": " ".join(values.without_effect)})
    logging.captureWarnings(capture=True)
    sys.setswitchinterval(SWITCH_INTERVAL_S)

    async def live() -> int:
        return await Service(name, values, clock or SystemClock()).run(build)

    return uvloop.run(live())


def require_content(values: Values, flag: str) -> str:
    """Return the content of a CONTENT flag. Raises InputError naming the flag where there is none."""
    content = values.text(flag)
    if not content.strip():
        raise InputError(f"flag {flag} or {flag}-file: expected a configuration, found none")
    return content
