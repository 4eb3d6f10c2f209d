"""What `promontory block` does: finds the block, runs the action and prints what it found."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from promontory.block.ulid import is_ulid
from promontory.block_check.files import open_files
from promontory.block_check.verify import Report, verify
from promontory.bucket.filesystem import FilesystemBucket
from promontory.bucket.port import Bucket
from promontory.errors import InputError
from promontory.model.clock import SystemClock
from promontory.model.cores import count_cores
from promontory.model.matcher import Matcher
from promontory.model.time_range import MAX_TIME_MS, MIN_TIME_MS, TimeRange
from promontory.program.block_tool.flags import BLOCK_FLAGS
from promontory.program.block_tool.table import print_rich, write_plain
from promontory.program.given_bucket import open_given_bucket
from promontory.promql.parser import parse_matchers
from promontory.service.command import EXIT_FAILED
from promontory.service.stdout import leave_stdout, print_json
from promontory.service.values import Values

_OWN_GROUPS = ("Inspect", "Verify", "Dump")

Progress = Callable[[int, int], None]


def run(values: Values) -> int:
    """Run the action of the command line and return the exit code."""
    action = values.text("ACTION")
    for flag in BLOCK_FLAGS.flags.values():
        if flag.group in _OWN_GROUPS and flag.group != action.capitalize() and values.is_given(flag.name):
            raise InputError(f"flag {flag.name}: expected with {flag.group.lower()}, found with {action}")
    bucket, key = find_block(values)
    try:
        return _ACTIONS[action](values, bucket, key)
    except BrokenPipeError:
        return leave_stdout()


def find_block(values: Values) -> tuple[Bucket, str]:
    """Return the bucket and the name in it of the block of the command line. Raises InputError."""
    text, bucket = values.text("BLOCK"), open_given_bucket(values)
    if bucket is not None:
        if not is_ulid(text):
            raise InputError(f"argument BLOCK: expected the ULID of a block in the bucket, found {text!r}")
        return bucket, text
    path = Path(text)
    if not path.is_dir():
        needs = "; the ULID of a block needs --bucket or --objstore.config" if is_ulid(text) else ""
        raise InputError(f"argument BLOCK: expected the directory of a block, found {text!r}{needs}")
    path = path.absolute()
    return FilesystemBucket(path.parent), path.name


def _inspect(values: Values, bucket: Bucket, key: str) -> int:
    from promontory.program.block_tool.inspection import inspect

    with open_files(bucket, key) as files, show_progress("series") as progress:
        tables = inspect(files, top=values.integer("--top"), read_chunks=values.flag("--chunks"), progress=progress)
    if values.flag("--json"):
        print_json({table.key: table.to_json() for table in tables})
    elif sys.stdout.isatty():
        print_rich(tables)
    else:
        sys.stdout.write(write_plain(tables))
    return 0


def _verify(values: Values, bucket: Bucket, key: str) -> int:
    clock = SystemClock()
    with open_files(bucket, key) as files, show_progress("chunks") as progress:
        began_s = clock.monotonic_s()
        report = verify(files, limit=values.integer("--limit"), workers=count_cores(), progress=progress)
        took_s = clock.monotonic_s() - began_s
    if values.flag("--json"):
        print_json(_report_json(report))
    else:
        sys.stdout.write(_report_text(report, took_s))
    return EXIT_FAILED if report.faults.total else 0


def _dump(values: Values, bucket: Bucket, key: str) -> int:
    from promontory.program.block_tool.dump import dump
    from promontory.program.block_tool.lines import JSON_LINES, TEXT_LINES

    clock = SystemClock()
    now_ms = clock.now_ms()
    time_range = TimeRange(
        values.time_ms("--min-time", now_ms=now_ms) if values.is_given("--min-time") else MIN_TIME_MS,
        values.time_ms("--max-time", now_ms=now_ms) if values.is_given("--max-time") else MAX_TIME_MS,
    )
    matcher_sets = [_parse_match(text) for text in values.texts("--match")]

    async def work() -> list[str]:
        try:
            form = JSON_LINES if values.flag("--json") else TEXT_LINES
            return await dump(
                bucket, key, matcher_sets, time_range, form,
                clock=clock, workers=count_cores(), write=sys.stdout.buffer.write,
            )  # fmt: skip
        finally:
            await bucket.close()

    warnings = asyncio.run(work())
    sys.stdout.flush()
    for warning in warnings:
        sys.stderr.write(f"promontory block: left out: {warning}\n")
    return EXIT_FAILED if warnings else 0


def _parse_match(text: str) -> tuple[Matcher, ...]:
    """Return the matchers of a --match; `{}` is every series, which no query may ask for."""
    if text == "{}":
        return ()
    try:
        return parse_matchers(text)
    except InputError as error:
        raise InputError(f"flag --match: {error}, found {text!r}") from None


_ACTIONS: dict[str, Callable[[Values, Bucket, str], int]] = {"inspect": _inspect, "verify": _verify, "dump": _dump}


@contextmanager
def show_progress(what: str) -> Iterator[Progress]:
    """Give a callback that is told (done, total), shown as a bar where stderr is a terminal."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _report_text(report: Report, took_s: float) -> str:
    faults = report.faults
    lines = [str(fault) for fault in faults.kept]
    if faults.total > len(faults.kept):
        lines.append(f"… and {faults.total - len(faults.kept):,} more faults (--limit)")
    lines += report.summary
    checked = (
        f"{report.sample_count:,} samples in {report.chunk_count:,} chunks of {report.series_count:,} series checked "
        f"in {took_s:.2f} s"
    )
    rate = report.sample_count / max(took_s, 1e-9)
    if rate >= 1e6:
        checked += f" ({rate / 1e6:,.0f} M samples/s)"
    if report.unreferenced_bytes > 0:
        checked += f"; {report.unreferenced_bytes:,} bytes of the segments belong to no chunk that was read"
    verdict = "1 fault" if faults.total == 1 else f"{faults.total:,} faults" if faults.total else "no faults"
    return "\n".join([*lines, f"block {report.block}: {verdict}; {checked}"]) + "\n"


def _report_json(report: Report) -> dict[str, object]:
    faults = report.faults
    return {
        "block": report.block,
        "ok": not faults.total,
        "series": report.series_count,
        "chunks": report.chunk_count,
        "samples": report.sample_count,
        "histogram_samples": report.histogram_count,
        "unreferenced_bytes": report.unreferenced_bytes,
        "fault_count": faults.total,
        "fault_kinds": dict(faults.counts),
        "summary": report.summary,
        "faults": [
            {"kind": one.kind, "file": one.file, "offset": one.offset, "series": one.series, "problem": one.problem}
            for one in faults.kept
        ],
    }
