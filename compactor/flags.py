"""The flags of `promontory compact`: those of Thanos' compactor (cmd/thanos/compact.go), and ours beside them."""

from __future__ import annotations

from promontory.service.common_flags import HTTP_FLAGS, LOG_FLAGS, OBJSTORE_FLAGS
from promontory.service.flag_kinds import Kind
from promontory.service.flags import Flag, FlagSet, accepted

RUNNING = "Running"
COMPACTION = "Compaction"
RETENTION = "Downsampling and retention"
SELECTION = "Blocks"
WEB = "Web"
DEBUG = "Debugging"

RUN_FLAGS = (
    Flag("--wait", Kind.BOOLEAN, "false", "Go on after a pass, and begin the next one after --wait-interval.", RUNNING,
         short="-w"),
    Flag("--wait-interval", Kind.DURATION, "5m", "Time between two passes.", RUNNING, is_positive=True),
    Flag("--dry-run", Kind.BOOLEAN, "false", "Print what a pass would do, with sizes, change nothing and end.",
         RUNNING),
    Flag("--data-dir", default="./data", help="Directory that jobs work in; it may be deleted between two runs.",
         group=RUNNING),
    Flag("--executor", default="local",
         help="Where jobs run: local (threads), processes (one a job), or dask://HOST:PORT, the scheduler of a Dask "
         "cluster.", group=RUNNING),
    Flag("--compact.cleanup-interval", Kind.DURATION, "5m",
         "How often what was uploaded in part is cleaned up during --wait; 0s: after a pass only.", RUNNING),
    Flag("--compact.progress-interval", Kind.DURATION, "5m",
         "How often the backlog is computed for metrics during --wait; 0s: never.", RUNNING),
)  # fmt: skip

COMPACTION_FLAGS = (
    Flag("--compact.concurrency", Kind.INTEGER, "1", "Most merges at once.", COMPACTION, is_positive=True),
    Flag("--downsample.concurrency", Kind.INTEGER, "1", "Most blocks downsampled at once.", COMPACTION,
         is_positive=True),
    Flag("--compact.blocks-fetch-concurrency", Kind.INTEGER, "1", "Most blocks that a merge downloads at once.",
         COMPACTION, is_positive=True),
    Flag("--block-files-concurrency", Kind.INTEGER, "1", "Most files of a block that are transferred at once.",
         COMPACTION, is_positive=True),
    Flag("--compact.parts", Kind.INTEGER, "1",
         "Blocks that the merge of one large stream is split into, by the hash of the series.", COMPACTION,
         is_positive=True),
    Flag("--compact.enable-vertical-compaction", Kind.BOOLEAN, "false",
         "Merge overlapping blocks; implied by --deduplication.replica-label. It cannot be undone.", COMPACTION,
         is_hidden=True),
    Flag("--deduplication.replica-label", is_repeated=True, group=COMPACTION,
         help="External label that tells replicas apart; their blocks become one. Commas separate several. It cannot "
         "be undone."),
    Flag("--deduplication.func", Kind.CHOICE, "",
         "What becomes of samples of several replicas: empty merges equal ones, penalty chooses a replica.", COMPACTION,
         choices=("penalty", "")),
    Flag("--hash-func", Kind.CHOICE, "", "Hash of each file that meta.json holds.", COMPACTION,
         choices=("SHA256", "")),
    Flag("--compact.block-max-index-size", Kind.SIZE, "64GB",
         "Index size that no merge may exceed; the largest input is marked for no compaction then.", COMPACTION,
         is_hidden=True, is_positive=True),
    Flag("--compact.skip-block-with-out-of-order-chunks", Kind.BOOLEAN, "false",
         "Mark blocks whose chunks are out of order, which is what happens here without it too.", COMPACTION,
         is_hidden=True),
)  # fmt: skip

RETENTION_FLAGS = (
    Flag("--retention.resolution-raw", Kind.DURATION, "0d", "How long raw samples are kept; 0d: for ever.", RETENTION),
    Flag("--retention.resolution-5m", Kind.DURATION, "0d", "How long samples of 5 minutes are kept; 0d: for ever.",
         RETENTION),
    Flag("--retention.resolution-1h", Kind.DURATION, "0d", "How long samples of an hour are kept; 0d: for ever.",
         RETENTION),
    Flag("--downsampling.disable", Kind.BOOLEAN, "false", "Do not downsample.", RETENTION),
    Flag("--downsample.ladder", Kind.CONTENT,
         help="Resolutions and how long each is kept, by matchers of labels, in place of --retention.resolution-*.",
         group=RETENTION),
    Flag("--delete-delay", Kind.DURATION, "48h",
         "Time between the mark for deletion and the deletion, in which readers turn to what replaces the block.",
         RETENTION),
    Flag("--delete.max-share", Kind.NUMBER, "0.25",
         "Where a larger share of all blocks is due for deletion by the clock alone, none of them goes; 1: all may.",
         RETENTION),
)  # fmt: skip

BLOCK_FLAGS = (
    Flag("--min-time", Kind.TIME, "0000-01-01T00:00:00Z",
         "Blocks that end before are left alone: RFC 3339, or relative such as -2d.", SELECTION),
    Flag("--max-time", Kind.TIME, "9999-12-31T23:59:59Z",
         "Blocks that begin after are left alone: RFC 3339, or relative such as -2d.", SELECTION),
    Flag("--selector.relabel-config", Kind.CONTENT,
         help="Rules (keep, drop, hashmod) on external labels that choose the blocks of this compactor.",
         group=SELECTION),
    Flag("--consistency-delay", Kind.DURATION, "30m", "Least age of a block of a sidecar before it is merged.",
         SELECTION),
    accepted("--block-discovery-strategy"),
    accepted("--block-meta-fetch-concurrency", Kind.INTEGER),
)  # fmt: skip

WEB_FLAGS = (
    Flag("--web.disable", Kind.BOOLEAN, "false", "Serve neither the page nor /api/v1/blocks.", WEB),
    Flag("--web.disable-cors", Kind.BOOLEAN, "false", "Send no CORS headers.", WEB),
    Flag("--bucket-web-label", help="External label that groups the blocks of the page.", group=WEB),
    Flag("--disable-admin-operations", Kind.BOOLEAN, "false", "Refuse to mark blocks over HTTP.", WEB),
    Flag("--block-viewer.global.sync-block-interval", Kind.DURATION, "1m",
         "How often the bucket is looked through for the page.", WEB, is_positive=True),
    Flag("--block-viewer.global.sync-block-timeout", Kind.DURATION, "5m", "How long looking may take.", WEB,
         is_positive=True),
    accepted("--web.route-prefix"),
    accepted("--web.external-prefix"),
    accepted("--web.prefix-header"),
)  # fmt: skip

DEBUG_FLAGS = (
    Flag("--debug.halt-on-error", Kind.BOOLEAN, "false",
         "Stop all work at the first bad block, as Thanos does, until the process is restarted.", DEBUG,
         is_hidden=True),
    Flag("--debug.accept-malformed-index", Kind.BOOLEAN, "false",
         "Merge blocks although the label names of a series are not in order.", DEBUG, is_hidden=True),
    Flag("--debug.max-compaction-level", Kind.INTEGER, "4", "Longest range that is merged: 0=1h, 1=2h, 2=8h, 3=2d, "
         "4=14d.", DEBUG, is_hidden=True),
)  # fmt: skip

COMPACT_FLAGS = FlagSet(
    RUN_FLAGS, LOG_FLAGS, HTTP_FLAGS, OBJSTORE_FLAGS, BLOCK_FLAGS, COMPACTION_FLAGS, RETENTION_FLAGS, WEB_FLAGS,
    DEBUG_FLAGS,
)  # fmt: skip
