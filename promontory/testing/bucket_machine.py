"""Compares any Bucket with MEMORY by Hypothesis: whatever is done to both in turn, both answer the same.

    def test_my_bucket_is_as_memory(tmp_path):
        with asyncio.Runner() as runner:
            machine = make_bucket_machine(runner, lambda: MyBucket(), folder=tmp_path, nests_objects=False)
            run_state_machine_as_test(machine, settings=…)

One rule: an answer is a value or the class of an error; sizes and keys of listings count, ages and entity tags do not.
`make_empty` gives a new empty bucket for each run, on the runner's loop; closing it is the caller's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from promontory.bucket.keys import SEPARATOR
from promontory.bucket.memory import MemoryBucket
from promontory.bucket.port import Bucket
from promontory.errors import BucketError, InputError
from promontory.testing.still_clock import StillClock

PARTS = ("a", "a.b", "b", "b c", "ü+", "%41", "A")
KEYS = st.lists(st.sampled_from(PARTS), min_size=1, max_size=3).map(SEPARATOR.join)
ODD = st.sampled_from(("", "/a", "a/", "../a", "a//b", "a/./b", "nobody/put/this"))
PREFIXES = st.one_of(st.just(""), KEYS, KEYS.map(lambda key: key + SEPARATOR), KEYS.map(lambda key: key[:-1]))
BODIES = st.one_of(st.binary(max_size=40), st.integers(1, 300_000).map(lambda size: b"x" * size))
OFFSETS = st.one_of(st.integers(-1, 50), st.sampled_from((299_999, 300_000, 2**40)))

Ask = Callable[[Bucket], Awaitable[object]]


class BucketMachine(RuleBasedStateMachine):
    """The rules; `make_bucket_machine` gives them a bucket."""

    runner: asyncio.Runner
    make_empty: Callable[[], Bucket]
    folder: Path
    tells_absence: bool
    nests_objects: bool

    def __init__(self) -> None:
        super().__init__()
        self.model = MemoryBucket(StillClock())
        self.bucket = type(self).make_empty()
        self.keys: set[str] = set()

    @rule(key=KEYS, body=BODIES, by_file=st.booleans())
    def put(self, key: str, body: bytes, *, by_file: bool) -> None:
        """Write an object, at once or from a file."""
        if not self.fits(key):
            return
        (self.folder / "source").write_bytes(body)
        if by_file:
            self.compare(lambda bucket: bucket.upload(key, self.folder / "source"))
        else:
            self.compare(lambda bucket: bucket.put(key, body))
        self.keys.add(key)

    @precondition(lambda self: self.tells_absence)
    @rule(key=KEYS, body=BODIES)
    def put_if_absent(self, key: str, body: bytes) -> None:
        """Write an object unless it is there."""
        if self.fits(key):
            self.compare(lambda bucket: bucket.put(key, body, if_absent=True))
            self.keys.add(key)

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        """Delete an object, there or not."""
        key = data.draw(st.sampled_from(sorted(self.keys)) if self.keys else ODD)
        self.compare(lambda bucket: bucket.delete(key.removesuffix(SEPARATOR)))
        self.keys.discard(key)

    @rule(data=st.data(), start=OFFSETS, end=OFFSETS, other=OFFSETS)
    def read(self, data: st.DataObject, start: int, end: int, other: int) -> None:
        """Read an object whole, in ranges and to a file; there or not."""
        key = data.draw(st.one_of(st.sampled_from(sorted(self.keys)), ODD) if self.keys else ODD)
        self.compare(lambda bucket: bucket.get(key))
        self.compare(lambda bucket: bucket.get_range(key, start, end))
        self.compare(lambda bucket: bucket.get_ranges(key, [(start, end), (0, other)]))
        self.compare(lambda bucket: _size_of(bucket, key))
        self.compare(lambda bucket: _download(bucket, key, self.folder / "target"))

    @rule(prefix=PREFIXES, recursive=st.booleans())
    def list_some(self, prefix: str, *, recursive: bool) -> None:
        """List below a prefix."""
        self.compare(lambda bucket: _listing(bucket, prefix, recursive=recursive))

    @invariant()
    def both_hold_the_same(self) -> None:
        """The whole listing is equal after each step."""
        self.compare(_listing)

    def fits(self, key: str) -> bool:
        """Say whether the bucket can hold a key beside those that it holds."""
        return self.nests_objects or not any(
            key.startswith(held + SEPARATOR) or held.startswith(key + SEPARATOR) for held in self.keys
        )

    def compare(self, ask: Ask) -> None:
        """Ask both; raises AssertionError where they differ."""
        expected, found = (self.runner.run(_outcome(ask, bucket)) for bucket in (self.model, self.bucket))
        assert found == expected, f"{self.bucket.name}: expected {expected!r}, found {found!r}"


def make_bucket_machine(
    runner: asyncio.Runner,
    make_empty: Callable[[], Bucket],
    *,
    folder: Path,
    tells_absence: bool = True,
    nests_objects: bool = True,
) -> type[BucketMachine]:
    """Return a machine for `run_state_machine_as_test`; `folder` is for local files."""

    class Machine(BucketMachine):
        pass

    Machine.runner = runner
    Machine.make_empty = staticmethod(make_empty)
    Machine.folder = folder
    Machine.tells_absence = tells_absence
    Machine.nests_objects = nests_objects
    return Machine


async def _outcome(ask: Ask, bucket: Bucket) -> object:
    try:
        return await ask(bucket)
    except (BucketError, InputError) as error:
        return type(error)


async def _listing(bucket: Bucket, prefix: str = "", *, recursive: bool = True) -> object:
    return [(info.key, info.size_bytes) async for info in bucket.list(prefix, recursive=recursive)]


async def _size_of(bucket: Bucket, key: str) -> object:
    return (await bucket.info(key)).size_bytes


async def _download(bucket: Bucket, key: str, target: Path) -> object:
    await asyncio.to_thread(target.unlink, missing_ok=True)
    try:
        await bucket.download(key, target)
    except BucketError:
        assert not await asyncio.to_thread(target.exists)
        raise
    return await asyncio.to_thread(target.read_bytes)
