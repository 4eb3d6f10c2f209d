"""What every Bucket owes a listing: each key once, in the order of its bytes, over any number of pages.

Part of BucketContract (bucket_contract.py), which gives the fixtures and says how many keys the paging test writes.
"""

from __future__ import annotations

import pytest

from promontory.bucket.concurrently import map_concurrently
from promontory.bucket.port import Bucket
from promontory.errors import ObjectNotFound

ODD_KEYS = (
    " lead", "a b", "a  c", "a!b", "a\"b", "a#b", "a$b", "a%2Fb", "a%b", "a&b", "a'b", "a(b)", "a*b", "a+b", "a,b",
    "a;b=c", "a<b>", "a=b", "a?b", "a@b", "a[b]", "a^b", "a`b", "a{b}", "a|b", "a~b", "b:c", "dé", "d\u0065\u0301",
    "e日本", "e\ufffd", "e😀", "f...g", "f/..g", "f/h..", "g/+ %/?#", "tail ",
)  # fmt: skip
LONG_KEY = "/".join("n" * 200 for _ in range(4))


class ListingContract:
    """Listings, whole and by directory."""

    many_keys: int
    odd_keys: tuple[str, ...]

    async def test_a_listing_is_sorted_by_key(self, bucket: Bucket) -> None:
        """Order is that of the bytes of whole keys: 'a.b' comes before 'a/b'."""
        keys = ["A", "a-/z", "a.b", "a/b/c", "a/b/d", "a/b0", "a/c", "a0", "b", "ü/x", "\uffee", "😀"]
        assert keys == sorted(keys, key=str.encode)
        for key in reversed(keys):
            await bucket.put(key, key.encode())
        found = [info async for info in bucket.list()]
        assert [info.key for info in found] == keys
        assert [info.size_bytes for info in found] == [len(key.encode()) for key in keys]
        children = ["A", "a-/", "a.b", "a/", "a0", "b", "ü/", "\uffee", "😀"]
        assert [info.key async for info in bucket.list(recursive=False)] == children

    async def test_a_listing_tells_what_info_tells(self, bucket: Bucket) -> None:
        """Size, age and entity tag, so that a cache of listings can be trusted."""
        for key in ("a", "b/c"):
            await bucket.put(key, key.encode() * 3)
        listed = [info async for info in bucket.list()]
        asked = [await bucket.info(info.key) for info in listed]
        assert [(info.key, info.size_bytes, info.etag) for info in listed] == [
            (info.key, info.size_bytes, info.etag) for info in asked
        ]
        for one, other in zip(listed, asked, strict=True):
            assert one.modified_ms // 1000 == other.modified_ms // 1000  # HEAD answers in whole seconds

    async def test_a_listing_keeps_to_its_prefix(self, bucket: Bucket) -> None:
        """A prefix is a prefix of the text, with or without a directory's end."""
        for key in ("a/b/c", "a/bc", "a/c/d/e", "ab", "b", "c d/e+f/g"):
            await bucket.put(key, b"x")
        expected = {
            ("a", True): ["a/b/c", "a/bc", "a/c/d/e", "ab"],
            ("a/b", True): ["a/b/c", "a/bc"],
            ("a/b/", True): ["a/b/c"],
            ("a/b/c", True): ["a/b/c"],
            ("a/b/c/", True): [],
            ("a/b/cc", True): [],
            ("none", True): [],
            ("none/at/all", True): [],
            ("b/", True): [],
            ("c d/e+", True): ["c d/e+f/g"],
            ("c+d", True): [],
            ("", False): ["a/", "ab", "b", "c d/"],
            ("a", False): ["a/", "ab"],
            ("a/", False): ["a/b/", "a/bc", "a/c/"],
            ("a/b", False): ["a/b/", "a/bc"],
            ("a/c", False): ["a/c/"],
            ("a/c/d/", False): ["a/c/d/e"],
            ("b", False): ["b"],
            ("b/", False): [],
            ("c d/", False): ["c d/e+f/"],
            ("none/", False): [],
        }
        found = {
            (prefix, recursive): [info.key async for info in bucket.list(prefix, recursive=recursive)]
            for prefix, recursive in expected
        }
        assert found == expected

    async def test_an_empty_bucket_lists_nothing(self, bucket: Bucket) -> None:
        """Before the first object, and after the last."""
        await bucket.put("a/b", b"")
        await bucket.delete("a/b")
        for prefix in ("", "a", "a/"):
            for recursive in (True, False):
                assert [info async for info in bucket.list(prefix, recursive=recursive)] == []

    async def test_keys_of_odd_characters_come_back_as_they_are(self, bucket: Bucket) -> None:
        """What is escaped on the way is unescaped, and nothing is folded together."""
        keys = sorted((*self.odd_keys, LONG_KEY), key=str.encode)
        await map_concurrently(lambda key: bucket.put(key, key.encode()), keys, limit=8)
        assert [info.key async for info in bucket.list()] == keys
        assert await map_concurrently(bucket.get, keys, limit=8) == [key.encode() for key in keys]
        for key in keys:
            assert [info.key async for info in bucket.list(key) if info.key == key] == [key]
        await map_concurrently(bucket.delete, keys, limit=8)
        assert [info.key async for info in bucket.list()] == []
        with pytest.raises(ObjectNotFound):
            await bucket.get(keys[0])

    async def test_a_listing_has_every_key_once_over_pages(self, bucket: Bucket) -> None:
        """More keys than one page holds, and directories that span pages."""
        keys = [f"{number % 3}/{number:05d}" for number in range(self.many_keys)]
        await map_concurrently(lambda key: bucket.put(key, b""), keys, limit=8)
        assert [info.key async for info in bucket.list()] == sorted(keys)
        assert [info.key async for info in bucket.list(recursive=False)] == ["0/", "1/", "2/"]
        assert [info.key async for info in bucket.list("1/", recursive=False)] == sorted(k for k in keys if k[0] == "1")

    async def test_a_listing_that_is_given_up_hinders_nobody(self, bucket: Bucket) -> None:
        """A reader may stop after the first key."""
        for key in ("a", "b", "c"):
            await bucket.put(key, b"")
        listing = bucket.list()
        assert (await anext(listing)).key == "a"
        await listing.aclose()  # type: ignore[attr-defined]
        assert [info.key async for info in bucket.list()] == ["a", "b", "c"]
