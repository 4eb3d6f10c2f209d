"""S3Bucket: a bucket of Amazon S3 or of a server that speaks its API.

Small requests run concurrently on aiobotocore; whole files go through boto3's managed transfer in a thread. A body
that is cut mid-stream is resumed behind the last good byte with If-Match, so that no two versions mix; the entity tag
is compared too, because some servers ignore If-Match. Source: Amazon S3 API Reference; RFC 9110 sections 13 and 14.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

from promontory.bucket.concurrently import map_concurrently
from promontory.bucket.keys import SEPARATOR, check_key, check_range, directory_info
from promontory.bucket.port import ObjectInfo
from promontory.bucket.s3_client import (
    Arguments,
    content_md5,
    make_async_client,
    make_loader,
    make_transfer_client,
    make_transfer_config,
    read_arguments,
    write_arguments,
)
from promontory.bucket.s3_errors import RANGE_NOT_SATISFIABLE, status_of, transfer_translated, translated
from promontory.bucket.s3_settings import S3Settings
from promontory.bucket.s3_span import range_header, span_end
from promontory.errors import BucketError, BucketUnavailable

MAX_RESUMES = 8

_READ_BYTES = 2**20


class S3Bucket:
    """One S3 bucket; connects on first use, belongs to one event loop."""

    def __init__(self, settings: S3Settings) -> None:
        self._settings = settings
        self._stack = AsyncExitStack()
        self._lock = asyncio.Lock()
        self._loader: Any = None
        self._async_client: Any = None
        self._transfer_client: Any = None
        self._read_arguments = read_arguments(settings)
        self._write_arguments = write_arguments(settings)

    @property
    def name(self) -> str:
        """The name of the bucket."""
        return self._settings.bucket

    async def get(self, key: str) -> bytes:
        """Return a whole object."""
        check_key(key)
        return await self._read(key, 0, None)

    async def get_range(self, key: str, start: int, end: int) -> bytes:
        """Return the bytes [start, end) of an object."""
        check_key(key)
        check_range(key, start, end)
        if start == end:
            await self.info(key)
            return b""
        return await self._read(key, start, end)

    async def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return several ranges of one object, read concurrently."""
        return await map_concurrently(lambda span: self.get_range(key, *span), ranges)

    async def info(self, key: str) -> ObjectInfo:
        """Return size and age of an object."""
        check_key(key)
        client = await self._client()
        with translated(key, "info"):
            found = await client.head_object(Bucket=self.name, Key=key, **self._read_arguments)
        return _object_info(key, found["ContentLength"], found)

    async def put(self, key: str, body: bytes, *, if_absent: bool = False) -> None:
        """Write an object at once; `if_absent` needs a server that knows If-None-Match."""
        check_key(key)
        client = await self._client()
        arguments = dict(self._write_arguments)
        if if_absent:
            arguments["IfNoneMatch"] = "*"
        if self._settings.send_content_md5:
            arguments["ContentMD5"] = content_md5(body)
        with translated(key, "put"):
            await client.put_object(Bucket=self.name, Key=key, Body=body, **arguments)

    async def upload(self, key: str, path: Path) -> None:
        """Write a file as an object, in parts where it is large."""
        check_key(key)
        await self._transfer("upload_file", key, str(path), self.name, key, ExtraArgs=self._write_arguments)

    async def download(self, key: str, path: Path) -> None:
        """Write an object to a file."""
        check_key(key)
        await self._transfer("download_file", key, self.name, key, str(path), ExtraArgs=self._read_arguments)

    async def delete(self, key: str) -> None:
        """Delete an object."""
        check_key(key.removesuffix(SEPARATOR))
        client = await self._client()
        with translated(key, "delete"):
            await client.delete_object(Bucket=self.name, Key=key)

    async def close(self) -> None:
        """Release connections."""
        await self._stack.aclose()
        if self._transfer_client is not None:
            self._transfer_client.close()
        self._async_client = self._transfer_client = None

    async def list(self, prefix: str = "", *, recursive: bool = True) -> AsyncIterator[ObjectInfo]:
        """Yield objects page by page; a server that does not sort is an error."""
        last = ""
        arguments: Arguments = {} if recursive else {"Delimiter": SEPARATOR}
        while True:
            page = await self._list_page(prefix, arguments)
            objects = [_object_info(found["Key"], found["Size"], found) for found in page.get("Contents", [])]
            directories = [directory_info(found["Prefix"]) for found in page.get("CommonPrefixes", [])]
            for found in sorted(objects + directories, key=lambda info: info.key):
                if found.key == last:  # rclone lists an object that is just being replaced twice
                    continue
                if found.key < last:
                    raise BucketError(f"listing is not sorted at {found.key!r}", key=prefix, operation="list")
                last = found.key
                yield found
            if not page.get("IsTruncated"):
                return
            following = _next_page(page, last)
            if arguments.items() >= following.items():
                raise BucketError("listing does not go on", key=prefix, operation="list")
            arguments |= following

    async def _list_page(self, prefix: str, arguments: Arguments) -> dict[str, Any]:
        client = await self._client()
        is_old = self._settings.list_objects_version == "v1"
        call = client.list_objects if is_old else client.list_objects_v2
        with translated(prefix, "list"):
            page: dict[str, Any] = await call(Bucket=self.name, Prefix=prefix, **arguments)
        return page

    async def _read(self, key: str, start: int, end: int | None) -> bytes:
        client = await self._client()
        body = bytearray()
        etag = ""
        for _ in range(MAX_RESUMES):
            offset = start + len(body)
            response = await self._open_body(client, key, offset, end, etag)
            if response is None:
                return b""
            if etag and response.get("ETag", "") != etag:
                raise BucketUnavailable("the object was replaced while it was read", key=key, operation="get range")
            etag = response.get("ETag", "")
            stop = span_end(response, offset, end, key=key)
            if await _append_body(response["Body"], body) and start + len(body) == stop:
                return bytes(body)
            if start + len(body) == offset:
                break
        raise BucketUnavailable(f"the body was cut after {len(body)} bytes", key=key, operation="get range")

    async def _open_body(self, client: Any, key: str, start: int, end: int | None, etag: str) -> dict[str, Any] | None:
        """Start reading [start, end); None where the object ends before."""
        import botocore.exceptions

        arguments = dict(self._read_arguments)
        if header := range_header(start, end):
            arguments["Range"] = header
        if etag:
            arguments["IfMatch"] = etag
        with translated(key, "get range" if header else "get"):
            try:
                response: dict[str, Any] = await client.get_object(Bucket=self.name, Key=key, **arguments)
            except botocore.exceptions.ClientError as error:
                if status_of(error.response) != RANGE_NOT_SATISFIABLE or etag:
                    raise
                return None
        return response

    async def _client(self) -> Any:
        if self._async_client is None:
            async with self._lock:
                if self._async_client is None:
                    with translated("", "connect"):
                        context = await asyncio.to_thread(make_async_client, self._settings, self._shared_loader())
                        self._async_client = await self._stack.enter_async_context(context)
        return self._async_client

    def _shared_loader(self) -> Any:
        if self._loader is None:
            self._loader = make_loader()
        return self._loader

    async def _transfer(self, method: str, key: str, *arguments: str, ExtraArgs: Arguments) -> None:  # noqa: N803
        operation = method.removesuffix("_file")
        async with self._lock:
            if self._transfer_client is None:
                with translated(key, operation):
                    self._transfer_client = await asyncio.to_thread(
                        make_transfer_client, self._settings, self._shared_loader()
                    )
        call = getattr(self._transfer_client, method)
        config = make_transfer_config(self._settings)
        with transfer_translated(key, operation):
            await asyncio.to_thread(call, *arguments, ExtraArgs=ExtraArgs, Config=config)


async def _append_body(stream: Any, body: bytearray) -> bool:
    """Read a stream into `body`; False where the stream was cut."""
    import aiohttp
    import botocore.exceptions

    async with stream:
        try:
            while piece := await stream.read(_READ_BYTES):
                body += piece
        except (botocore.exceptions.BotoCoreError, aiohttp.ClientError, ConnectionError, TimeoutError):
            return False
    return True


def _next_page(page: dict[str, Any], last: str) -> Arguments:
    if token := page.get("NextContinuationToken"):
        return {"ContinuationToken": token}
    return {"Marker": page.get("NextMarker") or last}


def _object_info(key: str, size_bytes: int, found: dict[str, Any]) -> ObjectInfo:
    modified: datetime = found["LastModified"]
    return ObjectInfo(key, size_bytes, int(modified.timestamp() * 1000), found.get("ETag", "").strip('"'))
