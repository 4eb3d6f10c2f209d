"""The flags of Thanos' compactor as settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from compactor.flags import COMPACT_FLAGS
from compactor.settings import CompactorSettings
from promontory.compaction.job import Deduplication
from promontory.compaction.settings import CompactionSettings
from promontory.errors import InputError
from promontory.model.durations import DAY_MS, HOUR_MS

# Every flag that cmd/thanos/compact.go registers, hidden ones and those of its groups included.
THANOS_FLAGS = """
    --debug.halt-on-error --no-debug.halt-on-error --debug.accept-malformed-index --debug.max-compaction-level=4
    --http-address=0.0.0.0:10902 --http-grace-period=2m --http.config= --data-dir=./data --objstore.config=x
    --consistency-delay=30m --retention.resolution-raw=0d --retention.resolution-5m=0d --retention.resolution-1h=0d
    --wait --no-wait --wait-interval=5m --downsampling.disable --block-discovery-strategy=concurrent
    --block-meta-fetch-concurrency=32 --block-files-concurrency=1 --block-viewer.global.sync-block-interval=1m
    --block-viewer.global.sync-block-timeout=5m --compact.cleanup-interval=5m --compact.progress-interval=5m
    --compact.concurrency=1 --compact.blocks-fetch-concurrency=1 --downsample.concurrency=1 --delete-delay=48h
    --compact.enable-vertical-compaction --deduplication.func= --deduplication.replica-label=replica
    --compact.block-max-index-size=64GB --compact.skip-block-with-out-of-order-chunks --hash-func=
    --min-time=0000-01-01T00:00:00Z --max-time=9999-12-31T23:59:59Z --web.disable --selector.relabel-config=
    --selector.relabel-config-file=FILE --objstore.config-file=FILE
    --web.route-prefix=/x --web.external-prefix=/x --web.prefix-header=X --web.disable-cors --bucket-web-label=cluster
    --disable-admin-operations --log.level=info --log.format=logfmt --tracing.config= --tracing.config-file=FILE
    --enable-auto-gomemlimit --auto-gomemlimit.ratio=0.9
"""


def settings_of(*words: str) -> CompactorSettings:
    return CompactorSettings.from_values(COMPACT_FLAGS.parse(words), now_ms=0)


@pytest.mark.parametrize("word", [*THANOS_FLAGS.split(), "-w"])
def test_a_flag_of_thanos_parses(word: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    COMPACT_FLAGS.parse([word.replace("FILE", str(file))])


def test_the_defaults_are_those_of_thanos() -> None:
    settings = settings_of()
    assert settings.compaction == CompactionSettings()
    assert settings.directory == Path("data")
    assert not settings.does_wait
    assert settings.wait_interval_s == settings.cleanup_interval_s == settings.progress_interval_s == 300
    assert (settings.merges_at_once, settings.downsampled_at_once) == (1, 1)


def test_replica_labels_may_be_joined_by_commas_and_switch_vertical_compaction_on() -> None:
    compaction = settings_of(
        "--deduplication.replica-label=replica, rule_replica", "--deduplication.replica-label=replica",
        "--deduplication.func=penalty",
    ).compaction  # fmt: skip
    assert compaction.replica_labels == ("replica", "rule_replica")
    assert compaction.vertical
    assert compaction.deduplication is Deduplication.PENALTY


def test_a_lower_level_takes_the_longest_ranges_away() -> None:
    assert settings_of("--debug.max-compaction-level=2").compaction.ranges_ms == (HOUR_MS, 2 * HOUR_MS, 8 * HOUR_MS)


def test_retention_is_per_resolution() -> None:
    words = ["--retention.resolution-raw=40h", "--retention.resolution-5m=10d", "--retention.resolution-1h=1y"]
    (stream,) = settings_of(*words).compaction.ladder.streams
    assert [step.keep_ms for step in stream.steps] == [40 * HOUR_MS, 10 * DAY_MS, 365 * DAY_MS]


def test_without_downsampling_retention_may_be_short() -> None:
    compaction = settings_of("--retention.resolution-raw=1h", "--downsampling.disable").compaction
    assert compaction.ladder.streams[0].steps[0].keep_ms == HOUR_MS
    assert not compaction.downsampling


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--deduplication.func=penalty"], "flag --deduplication.func: penalty expects"),
        (["--deduplication.replica-label=a,__compactor_shard_id__"], "labels that tell replicas apart"),
        (["--deduplication.func=chain"], "flag --deduplication.func: expected one of"),
        (["--debug.max-compaction-level=5"], "flag --debug.max-compaction-level: expected 0 to 4, found 5"),
        (["--debug.max-compaction-level=-1"], "flag --debug.max-compaction-level: expected 0 to 4, found -1"),
        (["--min-time=2024-01-01T00:00:00Z", "--max-time=2023-01-01T00:00:00Z"], "flags --min-time and --max-time"),
        (["--compact.concurrency=0"], "flag --compact.concurrency: expected more than 0"),
        (["--wait-interval=0s"], "flag --wait-interval: expected more than 0"),
        (["--delete.max-share=2"], "flag --delete.max-share: expected 0 to 1"),
        (["--hash-func=MD5"], "flag --hash-func: expected one of"),
        (["--retention.resolution-raw=39h"], "flag --retention.resolution-raw: expected 40h or more"),
        (["--retention.resolution-5m=9d"], "flag --retention.resolution-5m: expected 10d or more"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_wrong_flag_is_named(words: list[str], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        settings_of(*words)
