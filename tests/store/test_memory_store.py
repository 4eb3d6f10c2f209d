from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from promontory.model.clock import SystemClock
from promontory.model.context import QueryContext
from promontory.model.matcher import Matcher, MatchKind
from promontory.model.selector import Selector
from promontory.model.time_range import TimeRange
from promontory.testing.memory_store import MemoryStore, encode_xor_chunk, make_series, read_series


def test_encoder_makes_the_bytes_that_prometheus_makes() -> None:
    # One sample: count, zigzag varint of the time, the value's bits.
    assert encode_xor_chunk([1000], [1.0]).hex() == "0001" + "d00f" + "3ff0000000000000"
    # Equal values cost one bit, an equal delta one bit more.
    assert encode_xor_chunk([0, 15, 30, 45], [0.0] * 4).hex() == "0004" + "00" + "0000000000000000" + "0f" + "00"


async def test_answers_are_stripped_sorted_joined_and_say_where_chunks_came_from() -> None:
    series = [
        make_series({"__name__": "up", "replica": replica, "zone": "z"}, [0, 1000, 2000], [1.0, 1.0, 0.0])
        for replica in ("b", "a")
    ]
    selector = Selector(
        matchers=(Matcher(MatchKind.EQUAL, b"__name__", b"up"),),
        time_range=TimeRange(0, 5000),
        without_replica_labels=(b"replica",),
    )
    with ThreadPoolExecutor(1) as pool:
        context = QueryContext(clock=SystemClock(), pool=pool)
        store = MemoryStore(series)
        found = read_series([frame async for frame in store.select(selector, context)])
        assert [str(one.labels) for one in found] == ['{__name__="up", zone="z"}']
        assert sorted(chunk.source for chunk in found[0].chunks) == [b'replica="a"', b'replica="b"']
        assert await store.label_names(selector, context) == [b"__name__", b"zone"]
        assert await store.label_values(b"zone", selector, context) == [b"z"]
