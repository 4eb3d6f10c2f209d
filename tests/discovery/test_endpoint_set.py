import asyncio

import pytest

from promontory.discovery.addresses import EndpointSpec, parse_endpoint, resolve
from promontory.discovery.endpoint_set import EndpointChange, EndpointSet
from promontory.errors import InputError, StoreUnavailable
from promontory.model.clock import SystemClock
from promontory.model.store_info import StoreInfo


class ManualClock(SystemClock):
    def __init__(self) -> None:
        self.elapsed_s = 0.0

    def monotonic_s(self) -> float:
        return self.elapsed_s

    def now_ms(self) -> int:
        return int(self.elapsed_s * 1000)


class ScriptedPeer:
    def __init__(self, address: str) -> None:
        self.address = address
        self.error: Exception | None = None
        self.hangs = False
        self.is_closed = False

    def describe(self) -> StoreInfo:
        return StoreInfo(self.address, "store")

    async def refresh(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error

    async def close(self) -> None:
        self.is_closed = True


class Site:
    def __init__(self, *specs: EndpointSpec) -> None:
        self.clock = ManualClock()
        self.peers: dict[str, ScriptedPeer] = {}
        self.endpoints = EndpointSet(specs, self.make, self.clock, unhealthy_timeout_s=300, info_timeout_s=0.02)

    def make(self, address: str) -> ScriptedPeer:
        self.peers[address] = ScriptedPeer(address)
        return self.peers[address]

    def asked(self) -> list[str]:
        return [peer.address for peer in self.endpoints.peers()]

    def fail(self, address: str) -> None:
        self.peers[address].error = StoreUnavailable("connection refused", endpoint=address)


async def test_peers_are_asked_from_the_first_poll_on() -> None:
    site = Site(EndpointSpec("b:1"), EndpointSpec("a:1"))
    assert site.asked() == []
    assert await site.endpoints.poll() == [EndpointChange("b:1"), EndpointChange("a:1")]
    assert site.asked() == ["a:1", "b:1"]
    assert [(status.address, status.last_error) for status in site.endpoints.statuses()] == [("a:1", ""), ("b:1", "")]
    assert await site.endpoints.poll() == []


async def test_a_failing_peer_is_asked_on_until_the_unhealthy_timeout() -> None:
    site = Site(EndpointSpec("a:1"), EndpointSpec("strict:1", is_strict=True))
    await site.endpoints.poll()
    site.fail("a:1")
    site.fail("strict:1")
    assert await site.endpoints.poll() == [
        EndpointChange("a:1", "connection refused"), EndpointChange("strict:1", "connection refused")
    ]  # fmt: skip
    site.clock.elapsed_s = 299
    await site.endpoints.poll()
    assert site.asked() == ["a:1", "strict:1"]
    status = site.endpoints.statuses()[0]
    assert (status.last_check_ms, status.last_error) == (299_000, "connection refused")
    assert status.info is not None
    site.clock.elapsed_s = 301
    changes = await site.endpoints.poll()
    assert [(change.address, change.is_removed) for change in changes] == [("a:1", True)]
    assert site.asked() == ["strict:1"]
    (lost,) = site.endpoints.given_up()
    assert (lost.address, lost.last_error) == ("a:1", "connection refused")
    assert lost.info == site.peers["a:1"].describe()
    site.peers["a:1"].error = None
    await site.endpoints.poll()
    assert site.asked() == ["a:1", "strict:1"]
    assert site.endpoints.given_up() == []


async def test_a_peer_that_never_answered_is_asked_too_and_has_no_info() -> None:
    site = Site(EndpointSpec("a:1"))
    await site.endpoints.poll()
    site.peers["a:1"].hangs = True
    await site.endpoints.poll()
    assert site.endpoints.statuses()[0].last_error == "no answer to Info within 0.02 s"
    assert site.asked() == ["a:1"]


async def test_a_name_is_looked_up_and_its_addresses_used() -> None:
    site = Site(EndpointSpec("dns+localhost:10901"))
    await site.endpoints.poll()
    assert "127.0.0.1:10901" in site.asked()


async def test_a_name_without_addresses_is_told() -> None:
    site = Site(EndpointSpec("dns+nowhere.invalid:1"))
    await site.endpoints.poll()
    assert site.asked() == []
    assert "name lookup failed" in site.endpoints.lookup_errors()[0]
    assert site.endpoints.statuses()[0].address == "dns+nowhere.invalid:1"


async def test_an_address_that_left_its_name_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = ["10.0.0.1:1", "10.0.0.2:1"]

    async def look_up(spec: EndpointSpec) -> list[str]:
        return list(addresses)

    monkeypatch.setattr("promontory.discovery.endpoint_set.resolve", look_up)
    site = Site(EndpointSpec("dns+x:1"))
    await site.endpoints.poll()
    addresses.pop(0)
    await site.endpoints.poll()
    assert site.asked() == ["10.0.0.1:1", "10.0.0.2:1"]
    site.clock.elapsed_s = 31
    assert [change.address for change in await site.endpoints.poll()] == ["10.0.0.1:1"]
    assert site.asked() == ["10.0.0.2:1"]
    assert site.peers["10.0.0.1:1"].is_closed
    await site.endpoints.close()
    assert site.peers["10.0.0.2:1"].is_closed


@pytest.mark.parametrize("text", ["a", "a:", ":1", "a:x", "a:70000", "dns+a", "dnssrv+_grpc._tcp.a"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="flag --endpoint: "):
        parse_endpoint(text, flag="--endpoint")


async def test_an_address_is_itself() -> None:
    assert await resolve(parse_endpoint("[::1]:10901", flag="--endpoint")) == ["[::1]:10901"]
