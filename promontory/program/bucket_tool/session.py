"""What the tools of `promontory bucket` share: the bucket of the command line, a limit of time, and the way out."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable

from promontory.bucket.port import Bucket
from promontory.catalog.contents import Contents, read_contents
from promontory.errors import InputError, LimitError
from promontory.model.clock import SystemClock
from promontory.program.given_bucket import open_given_bucket
from promontory.service.stdout import leave_stdout
from promontory.service.values import Values

Work = Callable[[Values, Bucket], Awaitable[int]]


def given_bucket(values: Values) -> Bucket:
    """Return the bucket of the command line. Raises InputError where it names none."""
    bucket = open_given_bucket(values)
    if bucket is None:
        raise InputError("expected a bucket, by --bucket or --objstore.config, found none")
    return bucket


def run_on_bucket(values: Values, work: Work) -> int:
    """Run a tool on the bucket of the command line and return its exit code. Raises InputError where it names none."""
    bucket = given_bucket(values)

    async def run() -> int:
        try:
            return await work(values, bucket)
        finally:
            await bucket.close()

    try:
        code = asyncio.run(run())
        sys.stdout.flush()
    except BrokenPipeError:
        return leave_stdout()
    return code


def run_beside_loop(values: Values, work: Callable[[Bucket, asyncio.Runner], int]) -> int:
    """Run a tool that checks blocks in this thread, and asks the bucket by the runner; return its exit code.

    Raises InputError where the command line names no bucket.
    """
    bucket = given_bucket(values)
    with asyncio.Runner() as runner:
        try:
            code = work(bucket, runner)
            sys.stdout.flush()
        except BrokenPipeError:
            return leave_stdout()
        finally:
            runner.run(bucket.close())
    return code


async def read_in_time(values: Values, bucket: Bucket) -> Contents:
    """Return what the bucket holds. Raises LimitError where that takes longer than --timeout."""
    try:
        async with asyncio.timeout(values.duration_s("--timeout")):
            return await read_contents(bucket, clock=SystemClock())
    except TimeoutError:
        message = f"reading the bucket took longer than {values.duration_s('--timeout'):g} s (--timeout)"
        raise LimitError(message, error_type="timeout") from None


def tell(lines: Iterable[str]) -> None:
    """Write lines to stderr, for people who look at what a script reads."""
    for line in lines:
        sys.stderr.write(f"promontory bucket: {line}\n")
