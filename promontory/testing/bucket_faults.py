"""What a bucket behind a network must do when the network or the server fails: end right, or say what failed.

    class TestMyBucket(BucketFaultContract):
        tries = 4                      of one operation, by the bucket's own policy
        @pytest.fixture
        def clock(self): ...           the StillClock on which the bucket waits
        @pytest.fixture
        async def proxy(self): ...     a running FaultProxy before the server
        @pytest.fixture
        async def bucket(self, proxy, clock): ...   opened through the proxy, empty; a read times out within seconds

Whole files may be tried again by the transfer library itself before the bucket does, so their tries are only bounded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from promontory.bucket.port import Bucket
from promontory.errors import AccessDenied, BucketError, BucketUnavailable, ObjectExists, ObjectNotFound
from promontory.testing.bucket_ranges import names_in
from promontory.testing.fault_proxy import FaultProxy
from promontory.testing.faults import Answer, BlackHole, CutBody, CutRequest, Delay, Fault, LoseAnswer, Reset, Throttle
from promontory.testing.still_clock import StillClock

BODY = hashlib.shake_128(b"body").digest(120_000)
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 10.0
PASSING = (
    Answer(503, "SlowDown"), Answer(503, "ServiceUnavailable"), Answer(500, "InternalError"), Answer(502),
    Answer(429, "TooManyRequests"), Answer(408, "RequestTimeout"), Reset(),
)  # fmt: skip
METHODS = {"get": "GET", "get range": "GET", "info": "HEAD", "list": "GET", "put": "PUT", "delete": "DELETE"}


class BucketFaultContract:
    """Each test makes its faults on the way to the server and checks that they acted."""

    tells_absence = True
    tries = 4

    @pytest.fixture
    def folder(self, request: pytest.FixtureRequest) -> Path:
        """Return an empty directory for local files."""
        path: Path = request.getfixturevalue("tmp_path")
        return path

    @pytest.mark.parametrize("fault", PASSING, ids=str)
    async def test_what_passes_is_tried_again(
        self, bucket: Bucket, proxy: FaultProxy, clock: StillClock, fault: Fault
    ) -> None:
        """Each operation ends right behind two faults, with waits drawn from a doubling width."""
        await bucket.put("a/b", BODY)
        for operation, method in METHODS.items():
            proxy.plan(fault, times=2, method=method)
            clock.slept_s.clear()
            assert await _use(bucket, operation) == _right(operation)
            proxy.settle()
            assert len(clock.slept_s) == 2
            for number, wait_s in enumerate(clock.slept_s):
                assert 0 <= wait_s <= FIRST_WAIT_S * 2**number
        with pytest.raises(ObjectNotFound):
            await bucket.info("a/b")

    async def test_the_patience_that_a_server_asks_for_is_given(
        self, bucket: Bucket, proxy: FaultProxy, clock: StillClock
    ) -> None:
        """Retry-After is the least wait."""
        proxy.plan(Answer(503, "SlowDown", retry_after_s=7))
        await bucket.put("a/b", BODY)
        assert clock.slept_s == [7]

    @pytest.mark.parametrize("operation", METHODS)
    async def test_what_does_not_pass_is_an_error_after_a_bounded_number_of_tries(
        self, bucket: Bucket, proxy: FaultProxy, clock: StillClock, operation: str
    ) -> None:
        """The error names key and operation and says that a later try may help."""
        await bucket.put("a/b", BODY)
        proxy.plan(Answer(503, "SlowDown"), times=None)
        before = proxy.count()
        with pytest.raises(BucketUnavailable) as caught:
            await _use(bucket, operation)
        assert proxy.count() - before == self.tries
        assert len(clock.slept_s) == self.tries - 1
        assert caught.value.operation == operation
        assert caught.value.key.endswith("a/" if operation == "list" else "a/b")

    @pytest.mark.parametrize("operation", METHODS)
    async def test_denied_is_not_absent_and_not_tried_again(
        self, bucket: Bucket, proxy: FaultProxy, clock: StillClock, operation: str
    ) -> None:
        """403 is AccessDenied at the first answer, 404 is not; a caller may take the one for 'not there'."""
        await bucket.put("a/b", BODY)
        proxy.plan(Answer(403, "AccessDenied"), times=None)
        before = proxy.count()
        with pytest.raises(AccessDenied) as caught:
            await _use(bucket, operation)
        assert (proxy.count() - before, clock.slept_s, caught.value.retryable) == (1, [], False)
        assert caught.value.operation == operation
        assert "a/" in str(caught.value)

    async def test_whole_files_pass_through_faults(self, bucket: Bucket, proxy: FaultProxy, folder: Path) -> None:
        """Uploads and downloads end right behind an error, a reset and a cut body."""
        source, target = folder / "source", folder / "target"
        source.write_bytes(BODY)
        proxy.plan(Reset(), method="PUT")
        proxy.plan(LoseAnswer(), method="PUT")
        await bucket.upload("a/b", source)
        for fault in (Answer(503, "SlowDown"), CutBody(5_000), CutBody(0)):
            proxy.plan(fault, method="GET")
        await bucket.download("a/b", target)
        assert target.read_bytes() == BODY
        assert names_in(folder) == ["source", "target"]

    async def test_a_denied_transfer_is_an_error_at_once(self, bucket: Bucket, proxy: FaultProxy, folder: Path) -> None:
        """The file on disk stays as it was."""
        source = folder / "source"
        source.write_bytes(b"mine")
        await bucket.put("a/b", BODY)
        proxy.plan(Answer(403, "AccessDenied"), times=None)
        before = proxy.count()
        for call in (bucket.upload, bucket.download):
            with pytest.raises(AccessDenied, match=r"a/b"):
                await call("a/b", source)
        assert proxy.count() - before == 2
        assert source.read_bytes() == b"mine"
        assert names_in(folder) == ["source"]

    async def test_a_cut_body_is_resumed_behind_the_last_good_byte(
        self, bucket: Bucket, proxy: FaultProxy, clock: StillClock
    ) -> None:
        """Without a wait, and with little sent twice."""
        await bucket.put("a/b", BODY)
        reads: tuple[Callable[[], Awaitable[object]], ...] = (
            lambda: bucket.get("a/b"),
            lambda: bucket.get_range("a/b", 1_000, 110_000),
            lambda: bucket.get_ranges("a/b", [(0, 60_000), (50_000, 999_999)]),
        )
        for read, right in zip(reads, (BODY, BODY[1_000:110_000], [BODY[:60_000], BODY[50_000:]]), strict=True):
            before = proxy.sent_bytes
            proxy.plan(CutBody(25_000), times=3, method="GET")
            assert await read() == right
            proxy.settle()
            assert proxy.sent_bytes - before <= 131_000
        assert clock.slept_s == []

    async def test_a_body_that_is_always_cut_is_an_error_and_never_short(
        self, bucket: Bucket, proxy: FaultProxy, folder: Path
    ) -> None:
        """Neither as bytes nor as a file."""
        await bucket.put("a/b", BODY)
        proxy.plan(CutBody(100), times=None, method="GET")
        for read in (
            lambda: bucket.get("a/b"),
            lambda: bucket.get_range("a/b", 0, 100_000),
            lambda: bucket.get_ranges("a/b", [(0, 100_000)]),
            lambda: bucket.download("a/b", folder / "target"),
        ):
            with pytest.raises(BucketUnavailable, match=r"a/b"):
                await read()
        assert names_in(folder) == []

    async def test_a_put_whose_answer_is_lost_is_done_once(self, bucket: Bucket, proxy: FaultProxy) -> None:
        """Also one that must not overwrite: what it finds on its second try is its own."""
        proxy.plan(LoseAnswer(), times=2)
        await bucket.put("a/b", BODY)
        proxy.plan(LoseAnswer(), method="PUT")
        await bucket.put("a/mark", b"mine", if_absent=True)
        if self.tells_absence:
            proxy.plan(LoseAnswer(), method="PUT")
            with pytest.raises(ObjectExists):
                await bucket.put("a/mark", b"other", if_absent=True)
        assert (await bucket.get("a/b"), await bucket.get("a/mark")) == (BODY, b"mine")
        proxy.plan(LoseAnswer(), method="DELETE")
        await bucket.delete("a/b")
        assert [info.key async for info in bucket.list()] == ["a/mark"]

    async def test_a_put_that_is_cut_on_its_way_leaves_what_was_there(
        self, bucket: Bucket, proxy: FaultProxy, folder: Path
    ) -> None:
        """Nothing, or the old object, whole; a later try writes it."""
        (folder / "source").write_bytes(BODY)
        await bucket.put("a/old", b"old")
        proxy.plan(CutRequest(60_000), times=None, method="PUT")
        for key in ("a/old", "a/new"):
            with pytest.raises(BucketError):
                await bucket.put(key, BODY)
        proxy.settle()
        assert [(info.key, info.size_bytes) async for info in bucket.list()] == [("a/old", 3)]
        assert await bucket.get("a/old") == b"old"
        proxy.plan(CutRequest(60_000), times=2, method="PUT")
        await bucket.put("a/old", BODY)
        proxy.plan(CutRequest(60_000), method="PUT")
        await bucket.upload("a/new", folder / "source")
        assert [await bucket.get(key) for key in ("a/old", "a/new")] == [BODY, BODY]

    async def test_a_server_that_never_answers_is_given_up_and_tried_again(
        self, bucket: Bucket, proxy: FaultProxy, clock: StillClock
    ) -> None:
        """A black hole costs one time-out."""
        await bucket.put("a/b", BODY)
        proxy.plan(BlackHole(), method="GET")
        assert await bucket.get("a/b") == BODY
        assert len(clock.slept_s) == 1

    async def test_a_slow_answer_is_still_an_answer(self, bucket: Bucket, proxy: FaultProxy, clock: StillClock) -> None:
        """Late or piecemeal, as long as it goes on."""
        proxy.plan(Delay(0.1))
        await bucket.put("a/b", BODY)
        proxy.plan(Throttle(1_000_000), method="GET")
        assert await bucket.get("a/b") == BODY
        assert clock.slept_s == []


async def _use(bucket: Bucket, operation: str) -> object:
    """Do one operation on the object `a/b`."""
    uses: dict[str, Callable[[], Awaitable[object]]] = {
        "get": lambda: bucket.get("a/b"),
        "get range": lambda: bucket.get_range("a/b", 5, 50_000),
        "put": lambda: bucket.put("a/b", BODY),
        "delete": lambda: bucket.delete("a/b"),
    }
    if operation == "info":
        return (await bucket.info("a/b")).size_bytes
    if operation == "list":
        return [info.key async for info in bucket.list("a/")]
    return await uses[operation]()


def _right(operation: str) -> object:
    known: dict[str, object] = {
        "get": BODY, "get range": BODY[5:50_000], "info": len(BODY), "list": ["a/b"],
    }  # fmt: skip
    return known.get(operation)
