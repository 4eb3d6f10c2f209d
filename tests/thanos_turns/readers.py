"""Thanos' store and querier, and ours, over one compacted bucket: they are asked the same and are to answer the same.

Not asked is what differs on purpose:
    instant selectors of coarse samples    ours looks back an hour there (docs/compaction.md)
    rates of counters from raw samples     Thanos adds resets up beforehand, so that extrapolation does not end at zero
    a stream that was merged in part       blocks without the replica label and a replica's are two lanes of ours
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.bench.agreement import disagreement
from tests.parts import Program, free_port, http_ok, run_program, wait_until
from tests.thanos_turns.arrivals import SCENARIOS, TURNS, Arrivals
from tests.thanos_turns.compactors import PROMONTORY, Compactors, bucket_config

Line = tuple[bool, str, str]

HOUR_S = 3600
RESOLUTIONS = ("0s", "5m", "1h", "auto")
READ = {"streams": "", "replicas": '{cluster="x"}'}
"""By scenario, which streams are asked for."""
TOOLS = {
    "verify --issues=index_known_issues --issues=overlapped_blocks": "found overlap",
    "inspect": "",
    "ls": "",
}
COUNTERS = ("sum by (cluster) (rate(up_total%s[4h]))", "increase(sparse_total%s[6h])")
QUERIES = (
    "max_over_time(temp%s[4h])",
    "min_over_time(temp%s[4h])",
    "avg_over_time(temp%s[4h])",
    "sum_over_time(up_total%s[4h])",
    "count_over_time(up_total%s[4h])",
    "sum by (cluster) (avg_over_time(up_total%s[1d]))",
    "histogram_count(rate(latency%s[4h]))",
    "histogram_quantile(0.9, sum by (cluster) (increase(latency%s[8h])))",
)


@dataclass(frozen=True, slots=True)
class Reader:
    """A querier over a store of the same make."""

    url: str

    def ask(self, query: str, start_s: int, end_s: int, step_s: int, resolution: str) -> bytes:
        """Return the body of the answer to a range query, which may not be a partial one."""
        form: dict[str, str | int] = {
            "query": query, "start": start_s, "end": end_s, "step": step_s, "dedup": "true",
            "partial_response": "false", "max_source_resolution": resolution,
        }  # fmt: skip
        response = httpx.post(f"{self.url}/api/v1/query_range", data=form, timeout=60)
        assert response.status_code == 200, f"{query}: {response.text}"
        return response.content


def try_readers(compactors: Compactors) -> Iterator[Line]:
    """Yield what readers and Thanos' tools say of buckets that ours compacted."""
    for name, matchers in READ.items():
        scenario, arrivals = SCENARIOS[name](), Arrivals()
        bucket = compactors.folder / name / "bucket"
        for turn in range(TURNS):
            arrivals.upload(scenario, turn, bucket)
        for _ in range(2):
            done = compactors.run("ours", bucket, (*scenario.flags, "--delete-delay=1s", "--delete.max-share=1"))
            yield done.is_good, name, f"ours: status {done.status}"
            time.sleep(2)  # what the first pass marked is deleted by the second
        for command, sign in TOOLS.items():
            yield _run_tool(compactors.thanos, command, bucket, sign), name, f"thanos tools bucket {command}"
        yield from (
            (is_good, name, text)
            for is_good, text in ask_both(
                compactors.thanos, bucket, compactors.folder / name / "read",
                (arrivals.start_ms // 1000, arrivals.borders_ms[-1] // 1000), matchers,
            )
        )  # fmt: skip


def _run_tool(thanos: Path, command: str, bucket: Path, sign: str) -> bool:
    """Say whether a tool of Thanos ends well; `sign` is what it prints where it found something wrong."""
    argv: list[str | Path] = [thanos, "tools", "bucket", *command.split(), f"--objstore.config={bucket_config(bucket)}"]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=120)
    return done.returncode == 0 and not (sign and sign in done.stdout + done.stderr)


def ask_both(
    thanos: Path, bucket: Path, folder: Path, span_s: tuple[int, int], matchers: str
) -> Iterator[tuple[bool, str]]:  # fmt: skip
    """Yield for each resolution whether the answers are the same, and a line for people."""
    with ExitStack() as stack:
        theirs = start_reader(stack, thanos, bucket, folder / "thanos")
        ours = start_reader(stack, PROMONTORY, bucket, folder / "ours")
        for resolution in RESOLUTIONS:
            asked, differing, empty = 0, [], 0
            for query in QUERIES if resolution == "0s" else (*QUERIES, *COUNTERS):
                for step_s in (HOUR_S, 6 * HOUR_S):
                    asked += 1
                    answers = [reader.ask(query % matchers, *span_s, step_s, resolution) for reader in (ours, theirs)]
                    empty += b'"result":[]' in answers[0]
                    different = disagreement(*answers)
                    if different:
                        differing.append(f"\n      {query % matchers} each {step_s} s: {different}")
            text = f"max_source_resolution={resolution}: {asked} answers, {empty} empty, {len(differing)} differ"
            yield not differing and not empty, text + "".join(differing[:6])


def start_reader(stack: ExitStack, program: Path, bucket: Path, folder: Path) -> Reader:
    """Start a store and a querier."""
    folder.mkdir(parents=True)
    store = _start(
        stack, program, "store", folder, f"--data-dir={folder / 'data'}", f"--objstore.config={bucket_config(bucket)}"
    )
    flags = [f"--endpoint={store[1]}", "--query.replica-label=replica"]
    querier = _start(stack, program, "query", folder, *flags)[0]
    wait_until(lambda: b"up_total" in _names(querier), what=f"{program.name} query to see the store")
    return Reader(querier.url)


def _start(stack: ExitStack, program: Path, command: str, folder: Path, *flags: str) -> tuple[Program, str]:
    http, grpc = free_port(), f"127.0.0.1:{free_port()}"
    argv: Sequence[str | Path] = [
        program, command, f"--http-address=127.0.0.1:{http}", f"--grpc-address={grpc}", *flags,
    ]  # fmt: skip
    ready = lambda: http_ok(http, "/-/ready")  # noqa: E731
    return stack.enter_context(run_program(argv, port=http, log_path=folder / f"{command}.log", ready=ready)), grpc


def _names(querier: Program) -> bytes:
    url = f"{querier.url}/api/v1/label/__name__/values"
    try:
        return httpx.get(url, params={"start": "0", "end": "4102444800"}, timeout=10).content
    except httpx.HTTPError:
        return b""
