"""EndpointSet: which peers are asked now, and what is known of each.

    spec -> addresses -> peers;   every poll: look names up, ask Info of all peers at once, note health

A peer that fails is still asked by queries, so that its failure is a warning on each answer and no answer is silently
partial. Only after `unhealthy_timeout_s` without one success it is given up (Thanos leaves it out at once), and then
still named in each answer that it could have had a part in; a strict one never is. An address that its name no longer
has goes at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from promontory.discovery.addresses import EndpointSpec, resolve
from promontory.errors import StoreError
from promontory.model.clock import Clock
from promontory.model.store_info import StoreInfo
from promontory.model.store_status import StoreStatus


class Peer(Protocol):
    """What an EndpointSet needs of a remote Store."""

    def describe(self) -> StoreInfo:
        """Return what the peer said last."""

    async def refresh(self) -> None:
        """Ask what the peer holds. Raises StoreError."""

    async def close(self) -> None:
        """Close connections."""


PeerType = TypeVar("PeerType", bound=Peer)


@dataclass(frozen=True, slots=True)
class EndpointChange:
    """An address that became healthy (no error), failed, or was given up."""

    address: str
    error: str = ""
    is_removed: bool = False


@dataclass(slots=True)
class _Endpoint(Generic[PeerType]):
    peer: PeerType
    is_strict: bool
    last_success_s: float
    has_succeeded: bool = False
    last_check_ms: int = 0
    last_error: str = "not asked yet"
    last_info: StoreInfo | None = None


class EndpointSet(Generic[PeerType]):
    """Peers made by `make` from the addresses of the specs."""

    def __init__(
        self,
        specs: Sequence[EndpointSpec],
        make: Callable[[str], PeerType],
        clock: Clock,
        *,
        unhealthy_timeout_s: float = 300.0,
        info_timeout_s: float = 5.0,
        lookup_interval_s: float = 30.0,
    ) -> None:
        self._specs = tuple(specs)
        self._make = make
        self._clock = clock
        self._unhealthy_timeout_s = unhealthy_timeout_s
        self._info_timeout_s = info_timeout_s
        self._lookup_interval_s = lookup_interval_s
        self._endpoints: dict[str, _Endpoint[PeerType]] = {}
        self._lookups: dict[str, _Lookup] = {spec.text: _Lookup() for spec in specs}

    def peers(self) -> list[PeerType]:
        """Return the peers that queries ask, in order of their addresses."""
        now_s = self._clock.monotonic_s()
        return [
            endpoint.peer
            for _, endpoint in sorted(self._endpoints.items())
            if endpoint.is_strict or now_s - endpoint.last_success_s <= self._unhealthy_timeout_s
        ]

    def given_up(self) -> list[StoreStatus]:
        """Return the peers that are no longer asked, with what they said last: what an answer may lack."""
        asked = {id(peer) for peer in self.peers()}
        return [
            StoreStatus(address, endpoint.last_info, endpoint.last_check_ms, endpoint.last_error)
            for address, endpoint in sorted(self._endpoints.items())
            if id(endpoint.peer) not in asked
        ]

    def statuses(self) -> list[StoreStatus]:
        """Return what is known of every endpoint; a name that cannot be looked up is one too."""
        known = [
            StoreStatus(
                address,
                endpoint.peer.describe() if endpoint.has_succeeded else None,
                endpoint.last_check_ms,
                endpoint.last_error,
            )
            for address, endpoint in sorted(self._endpoints.items())
        ]
        failed = [
            StoreStatus(text, None, lookup.last_check_ms, lookup.error)
            for text, lookup in self._lookups.items()
            if lookup.error
        ]
        return known + failed

    def lookup_errors(self) -> list[str]:
        """Return why names have no addresses now: what an answer may lack without any peer failing."""
        return [lookup.error for lookup in self._lookups.values() if lookup.error and not lookup.addresses]

    async def poll(self) -> list[EndpointChange]:
        """Look names up where it is time, ask every peer for its Info, and return what changed."""
        await asyncio.gather(*(self._look_up(spec) for spec in self._specs))
        changes = await self._update()
        changes += [
            change
            for change in await asyncio.gather(*(self._check(address) for address in list(self._endpoints)))
            if change is not None
        ]
        return changes + await self._give_up()

    async def close(self) -> None:
        """Close all peers."""
        await asyncio.gather(*(endpoint.peer.close() for endpoint in self._endpoints.values()))
        self._endpoints.clear()

    async def _look_up(self, spec: EndpointSpec) -> None:
        lookup = self._lookups[spec.text]
        now_s = self._clock.monotonic_s()
        if lookup.addresses and (not spec.is_name or now_s < lookup.due_s):
            return
        lookup.last_check_ms = self._clock.now_ms()
        lookup.due_s = now_s + self._lookup_interval_s
        try:
            lookup.addresses, lookup.error = await resolve(spec), ""
        except StoreError as error:
            lookup.error = str(error)

    async def _update(self) -> list[EndpointChange]:
        wanted = {
            address: spec.is_strict for spec in self._specs for address in self._lookups[spec.text].addresses
        }  # fmt: skip
        gone = [address for address in self._endpoints if address not in wanted]
        for address in gone:
            await self._endpoints.pop(address).peer.close()
        for address, is_strict in wanted.items():
            if address not in self._endpoints:
                now_s = self._clock.monotonic_s()
                self._endpoints[address] = _Endpoint(self._make(address), is_strict, last_success_s=now_s)
        return [EndpointChange(address, "its name no longer has it", is_removed=True) for address in gone]

    async def _check(self, address: str) -> EndpointChange | None:
        endpoint = self._endpoints[address]
        before = endpoint.last_error
        try:
            async with asyncio.timeout(self._info_timeout_s):
                await endpoint.peer.refresh()
        except StoreError as error:
            endpoint.last_error = str(error)
        except TimeoutError:
            endpoint.last_error = f"no answer to Info within {self._info_timeout_s:g} s"
        else:
            endpoint.last_error = ""
            endpoint.has_succeeded = True
            endpoint.last_info = endpoint.peer.describe()
            endpoint.last_success_s = self._clock.monotonic_s()
        endpoint.last_check_ms = self._clock.now_ms()
        return None if endpoint.last_error == before else EndpointChange(address, endpoint.last_error)

    async def _give_up(self) -> list[EndpointChange]:
        """Forget the Info of endpoints that failed for too long; they are polled on and come back by a success."""
        now_s = self._clock.monotonic_s()
        late = [
            address
            for address, endpoint in self._endpoints.items()
            if not endpoint.is_strict
            and endpoint.has_succeeded
            and now_s - endpoint.last_success_s > self._unhealthy_timeout_s
        ]
        for address in late:
            self._endpoints[address].has_succeeded = False
        return [EndpointChange(address, "unhealthy for too long, no longer asked", is_removed=True) for address in late]


@dataclass(slots=True)
class _Lookup:
    addresses: Sequence[str] = ()
    error: str = ""
    due_s: float = 0.0
    last_check_ms: int = 0
