"""CompactionLoop: pass after pass, and what becomes of one that failed.

    HaltError      thanos_compact_halted is 1, the service is not ready, nothing more is done until a restart
    any other      counted, logged, tried again after a pause that doubles up to --wait-interval

A bad block is none of these: the pass goes on around it. What waiting does not mend, as a denied access, is tried again
too: the alternative is a supervisor that restarts the process to the same end.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Protocol

from compactor.metrics import PassMetrics
from compactor.settings import CompactorSettings
from promontory.errors import HaltError, PromontoryError
from promontory.service.command import one_line
from promontory.service.lifecycle import Service

logger = logging.getLogger(__name__)

PART = "compactor"
FIRST_PAUSE_S = 1.0


class Passes(Protocol):
    """What a loop needs of a compactor."""

    async def run_pass(self) -> object:
        """Do one whole pass."""

    async def clean_partials(self) -> None:
        """Delete what was uploaded in part and left."""

    async def measure_backlog(self) -> object:
        """Tell the observer what is left to do; change nothing."""


class CompactionLoop:
    """Runs a compactor in a service, once or for as long as the service lives."""

    def __init__(
        self, service: Service, settings: CompactorSettings, compactor: Passes, metrics: PassMetrics
    ) -> None:  # fmt: skip
        self._service = service
        self._clock = service.clock
        self._settings = settings
        self._compactor = compactor
        self._metrics = metrics
        self._is_halted = False

    def start(self) -> None:
        """Begin, in the background of the service."""
        if not self._settings.does_wait:
            self._service.start(self._run_one(), name=PART)
            return
        self._service.start(self._run(), name=PART)
        for name, work, interval_s in (
            ("cleanup", self._compactor.clean_partials, self._settings.cleanup_interval_s),
            ("backlog", self._compactor.measure_backlog, self._settings.progress_interval_s),
        ):
            if interval_s:
                self._service.start(self._repeat(name, work, interval_s), name=f"{PART} {name}")

    async def _run_one(self) -> None:
        """Do one pass and end the service with 0, or with 1 where it failed or was not let finish."""
        try:
            await self._pass()
        except asyncio.CancelledError:
            logger.warning("pass cut short, what it had not finished is left for the next")
            self._service.end(1)
            raise
        except PromontoryError as error:
            logger.error("pass failed", extra={"error": one_line(error)})
            self._service.end(1)
        else:
            self._service.end()

    async def _run(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                await self._pass()
            except HaltError as error:
                self._halt(error)
                return
            except PromontoryError as error:
                self._metrics.retries.inc()
                logger.error("pass failed, trying again", extra={"error": one_line(error), "pause_s": pause_s})
                await self._clock.sleep(random.uniform(pause_s / 2, pause_s))
                pause_s = min(2 * pause_s, self._settings.wait_interval_s)
                continue
            pause_s = FIRST_PAUSE_S
            await self._clock.sleep(self._settings.wait_interval_s)

    async def _pass(self) -> None:
        began_s = self._clock.monotonic_s()
        try:
            await self._compactor.run_pass()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self._metrics.end_pass(error)
            raise
        self._metrics.end_pass(None)
        logger.info("pass finished", extra={"took_s": round(self._clock.monotonic_s() - began_s, 3)})

    async def _repeat(self, name: str, work: Callable[[], Awaitable[object]], interval_s: float) -> None:
        while not self._is_halted:
            await self._clock.sleep(interval_s)
            try:
                await work()
            except PromontoryError as error:
                self._metrics.retries.inc()
                logger.error("background work failed", extra={"part": name, "error": one_line(error)})

    def _halt(self, error: HaltError) -> None:
        self._is_halted = True
        self._metrics.halted.set(1)
        logger.error("halted", extra={"error": one_line(error)})
        self._service.probes.set_not_ready(PART, f"halted: {one_line(error)}")
