"""The gate of openings: few beside queries, all of them in the end."""

from __future__ import annotations

import asyncio

from promontory.store.opening_gate import OpeningGate


class Openings:
    """Openings that stay until they are let go."""

    def __init__(self, gate: OpeningGate, count: int) -> None:
        self.running = self.done = 0
        self.leave = asyncio.Event()
        self._gate = gate
        self.tasks = [asyncio.ensure_future(self._open()) for _ in range(count)]

    async def _open(self) -> None:
        async with self._gate.opening():
            self.running += 1
            await self.leave.wait()
            self.running -= 1
            self.done += 1


async def turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_as_many_as_allowed_are_opened_at_once_where_nobody_asks() -> None:
    openings = Openings(OpeningGate(5, few=2), 12)
    await turns()
    assert openings.running == 5
    openings.leave.set()
    await asyncio.gather(*openings.tasks)
    assert openings.done == 12


async def test_few_are_opened_at_once_while_a_query_runs_and_all_come_through_beside_it() -> None:
    gate = OpeningGate(5, few=2)
    with gate.query(), gate.query():
        openings = Openings(gate, 12)
        await turns()
        assert openings.running == 2
        openings.leave.set()
        await asyncio.gather(*openings.tasks)
    assert openings.done == 12


async def test_the_end_of_the_last_query_opens_the_gate_again() -> None:
    gate = OpeningGate(5, few=2)
    with gate.query():
        pass
    openings = Openings(gate, 12)
    await turns()
    assert openings.running == 5
    openings.leave.set()
    await asyncio.gather(*openings.tasks)
