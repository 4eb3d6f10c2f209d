"""What of ours Thanos does not know, in a bucket that it then works on; what becomes of it, as docs/compaction.md says.

ours ─► Thanos ─► ours      each pass is to end as told here, and the raw samples that are served stay the same
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from promontory.model.labels import Labels
from tests.compaction.proof.history import DAY_MS, HOUR_MS, MINUTE_MS, Content, Stream
from tests.compaction.proof.reading import Lying, join_raw, look
from tests.thanos_turns.arrivals import KINDS, Arrivals, Scenario, Upload
from tests.thanos_turns.compactors import Compactors

PART_LABEL = b"__compactor_shard_id__"
MIXED = "mixed"
FINE_LADDER = "steps: [{resolution: raw}, {resolution: 1m}, {resolution: 1h}]"
RETIRING = """
steps: [{resolution: raw}, {resolution: 5m}, {resolution: 1h}]
series: [{matchers: '{__name__="temp"}', keep: 1d}]
"""


@dataclass(frozen=True, slots=True)
class Extension:
    """Flags that only ours is given, what shows that it did its part, and the words with which Thanos fails, if so."""

    our_flags: Sequence[str]
    is_there: Callable[[Lying], bool]
    thanos_fails: str = ""
    kinds: Sequence[str] = KINDS
    overlap: bool = False
    does_retire: bool = False


EXTENSIONS = {
    "overlap set aside": Extension(
        (), lambda lying: len(lying.no_compact) >= 2, thanos_fails="overlaps found", overlap=True
    ),
    "parts": Extension(
        ("--compact.parts=2", "--compact.block-max-index-size=4KiB"),
        lambda lying: any(PART_LABEL in dict(meta.labels.pairs) for meta in lying.blocks.values()),
    ),
    "retired series": Extension(
        (f"--downsample.ladder={RETIRING}",),
        lambda lying: any(meta.thanos and meta.thanos.rewrites for meta in lying.blocks.values()),
        does_retire=True,
    ),
    "ladder of 1m": Extension(
        (f"--downsample.ladder={FINE_LADDER}",),
        lambda lying: any(meta.resolution_ms == MINUTE_MS for meta in lying.blocks.values()),
        thanos_fails="unexpected downsampling resolution",
    ),
    "bounds that change, downsampled by ours": Extension(
        (), lambda lying: any(meta.resolution_ms for meta in lying.blocks.values()), kinds=(*KINDS, MIXED)
    ),
    "bounds that change, left to Thanos": Extension(
        ("--downsampling.disable",), lambda lying: True, thanos_fails="panic", kinds=(*KINDS, MIXED)
    ),
}


def try_extensions(compactors: Compactors) -> Iterator[tuple[bool, str, str]]:
    """Yield for each extension, as it is tried: whether all is as told, its name, and a line for people."""
    now_ms = int(time.time() * 1000) // (2 * HOUR_MS) * (2 * HOUR_MS)
    arrivals = Arrivals((now_ms // (2 * DAY_MS) * (2 * DAY_MS) - 4 * DAY_MS, now_ms))
    for number, (name, extension) in enumerate(EXTENSIONS.items()):
        for is_good, text in _try(extension, arrivals, compactors, compactors.folder / f"extension-{number}"):
            yield is_good, name, text


def _try(extension: Extension, arrivals: Arrivals, compactors: Compactors, folder: Path) -> Iterator[tuple[bool, str]]:
    bucket = folder / "bucket"
    stream = Stream({"cluster": "x"}, interval_ms=4 * MINUTE_MS, kinds=extension.kinds)
    again = (Upload(stream, only_h=(24, 28), range_ms=4 * HOUR_MS),) if extension.overlap else ()
    arrivals.upload(Scenario((Upload(stream), *again)), 0, bucket)
    seen = None if extension.does_retire else {Labels.from_mapping(stream.labels): stream.saw(*arrivals.borders_ms)}
    for who in ("ours", "thanos", "ours"):
        done = compactors.run(who, bucket, extension.our_flags if who == "ours" else ())
        (folder / f"{who}.log").write_text(done.log)
        is_good, text = done.is_good, f"{who}: status {done.status}"
        if who == "thanos" and extension.thanos_fails:
            is_good = not done.is_good and extension.thanos_fails in done.log
            text += f", with “{extension.thanos_fails}”" if is_good else ""
        if not is_good:
            text += "\n" + "\n".join(done.log.splitlines()[-3:])
        yield is_good, text
        lying = look(bucket)
        if who == "ours":
            yield extension.is_there(lying), f"{who}: what Thanos does not know is there"
        if seen is not None:
            yield _raw(bucket, lying, overlap=extension.overlap) == seen, f"{who}: the raw samples are those uploaded"


def _raw(bucket: Path, lying: Lying, *, overlap: bool) -> dict[Labels, Content]:
    """Return the raw samples that are served; parts without their label, an overlap once."""
    served = [meta for meta in lying.served(int(time.time() * 1000)) if not meta.resolution_ms]
    alive = [meta for meta in served if meta.ulid not in lying.deletions_s]
    if overlap:
        alive = [meta for meta in alive if meta.max_time_ms - meta.min_time_ms != 4 * HOUR_MS]
    found: dict[Labels, Content] = {}
    for labels, content in join_raw(bucket, alive).items():
        whole = found.setdefault(labels.without([PART_LABEL]), {})
        for series, samples in content.items():
            # Thanos merges the inputs of parts, which are marked for deletion, once more: then samples lie twice.
            whole[series] = sorted({**dict(whole.get(series, [])), **dict(samples)}.items())
    return {labels: dict(sorted(content.items())) for labels, content in found.items()}
