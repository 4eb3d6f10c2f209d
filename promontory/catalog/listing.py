"""What lies in a bucket, block by block: by one listing of all objects, or by a bucket index and what is new beside it.

    whole   one recursive listing: a request for each 1,000 objects
    beside  one listing of the blocks' names, a request for each 1,000 blocks; a listing of each block that the index
            does not know or that is doubted; each known block that the names lack is asked for by its meta.json

Listings may be stale: a known block is left out only when the bucket says that its meta.json is not there.
Format: docs/formats/bucket-index.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container

from promontory.block.meta import META_FILE
from promontory.block.ulid import is_ulid
from promontory.bucket.concurrently import map_concurrently
from promontory.bucket.keys import SEPARATOR
from promontory.bucket.port import Bucket, ObjectInfo
from promontory.catalog.bucket_index import BucketIndex
from promontory.errors import ObjectNotFound

Files = dict[str, ObjectInfo]

MOST_UNKNOWN = 1000


async def list_whole(bucket: Bucket, prefix: str = "") -> dict[str, Files]:
    """Return the objects of each block by path, of those blocks whose keys begin with the prefix."""
    listed: dict[str, Files] = defaultdict(dict)
    async for info in bucket.list(prefix):
        ulid, separator, path = info.key.partition(SEPARATOR)
        if separator and is_ulid(ulid):
            listed[ulid][path] = info
    return dict(listed)


async def list_beside(bucket: Bucket, index: BucketIndex, doubted: Container[str]) -> dict[str, Files]:
    """Return the same, known blocks as the index tells them; all are listed where many are new."""
    names = [info.key.removesuffix(SEPARATOR) async for info in bucket.list(recursive=False)]
    found = {name for name in names if is_ulid(name)}
    known = found & index.blocks.keys()
    trusted = {ulid for ulid in known if ulid not in doubted}
    unknown = sorted(found - trusted)
    if len(unknown) > MOST_UNKNOWN:
        return await list_whole(bucket)
    hidden = sorted(index.blocks.keys() - known)
    still_there = await map_concurrently(lambda ulid: find_object(bucket, f"{ulid}/{META_FILE}"), hidden)
    trusted |= {ulid for ulid, info in zip(hidden, still_there, strict=True) if info is not None}
    listed = {ulid: dict(index.blocks[ulid].files) for ulid in trusted}
    for files in await map_concurrently(lambda ulid: list_whole(bucket, f"{ulid}/"), unknown):
        listed |= files
    return listed


async def holds_block(bucket: Bucket, ulid: str) -> bool:
    """Say whether anything lies below a ULID."""
    async for _ in bucket.list(f"{ulid}/"):
        return True
    return False


async def find_object(bucket: Bucket, key: str) -> ObjectInfo | None:
    """Return what the bucket says of an object, None where it is not there."""
    try:
        return await bucket.info(key)
    except ObjectNotFound:
        return None
