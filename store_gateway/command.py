"""`promontory store` on the flags of Thanos' store gateway (cmd/thanos/store.go)."""

from __future__ import annotations

from promontory.service.command import Command
from promontory.service.common_flags import OBJSTORE_FLAGS, SERVER_FLAGS
from promontory.service.flag_kinds import Kind
from promontory.service.flags import Flag, FlagSet, accepted, refused
from promontory.service.values import Values

BLOCKS = "Blocks"
LIMITS = "limits of the gRPC server are not built"

BLOCK_FLAGS = (
    Flag("--data-dir", default="./data", help="Directory that keeps index headers; it may be deleted at any time. "
         "Empty: they are kept in memory.", group=BLOCKS),
    Flag("--cache-index-header", Kind.BOOLEAN, "true", "Keep index headers in the data directory, else in memory.",
         BLOCKS),
    Flag("--sync-block-duration", Kind.DURATION, "15m", "How often the bucket is looked through for blocks.", BLOCKS,
         is_positive=True),
    Flag("--block-sync-concurrency", Kind.INTEGER, "20", "Most blocks opened at once.", BLOCKS, is_positive=True),
    Flag("--min-time", Kind.TIME, "0000-01-01T00:00:00Z",
         "Blocks that end before are not served: RFC 3339, or relative such as -2d.", BLOCKS),
    Flag("--max-time", Kind.TIME, "9999-12-31T23:59:59Z",
         "Blocks that begin after are not served: RFC 3339, or relative such as -2d.", BLOCKS),
    Flag("--consistency-delay", Kind.DURATION, "0s", "Least age of a block before it is served.", BLOCKS),
    Flag("--ignore-deletion-marks-delay", Kind.DURATION, "24h",
         "How long a block that is marked for deletion is still served.", BLOCKS),
    Flag("--bucket-index.enabled", Kind.BOOLEAN, "true", "Use the index that a promontory compactor writes while it "
         "is fresh, instead of listing the bucket and reading each meta.json.", BLOCKS),
    accepted("--block-discovery-strategy"),
    accepted("--block-meta-fetch-concurrency", Kind.INTEGER),
    refused("--selector.relabel-config", Kind.CONTENT, why="sharding blocks by relabelling is not built"),
    refused("--objstore-parquet.config", Kind.CONTENT, why="leaving out blocks that are in Parquet is not built"),
)  # fmt: skip

CACHE_FLAGS = (
    accepted("--index-cache-size", Kind.SIZE),
    accepted("--index-cache.config", Kind.CONTENT),
    accepted("--store.caching-bucket.config", Kind.CONTENT),
    accepted("--chunk-pool-size", Kind.SIZE),
    accepted("--matcher-cache-size", Kind.INTEGER),
    accepted("--store.enable-index-header-lazy-reader", Kind.BOOLEAN),
    accepted("--store.index-header-lazy-reader-idle-timeout", Kind.DURATION),
    accepted("--store.index-header-lazy-download-strategy"),
    accepted("--store.index-header-posting-offsets-in-mem-sampling", Kind.INTEGER),
    accepted("--store.enable-lazy-expanded-postings", Kind.BOOLEAN),
    accepted("--store.posting-group-max-key-series-ratio", Kind.NUMBER),
    accepted("--store.grpc.series-max-concurrency", Kind.INTEGER),
    accepted("--debug.series-batch-size", Kind.INTEGER),
    accepted("--debug.estimated-max-series-size", Kind.INTEGER),
    accepted("--debug.estimated-max-chunk-size", Kind.INTEGER),
)

LIMIT_FLAGS = (
    refused("--store.limits.request-series", Kind.INTEGER, default="0", why=LIMITS),
    refused("--store.limits.request-samples", Kind.INTEGER, default="0", why=LIMITS),
    refused("--store.grpc.touched-series-limit", Kind.INTEGER, default="0", why=LIMITS),
    refused("--store.grpc.series-sample-limit", Kind.INTEGER, default="0", why=LIMITS),
    refused("--store.grpc.downloaded-bytes-limit", Kind.SIZE, default="0", why=LIMITS),
)

WEB_FLAGS = (
    accepted("--web.disable", Kind.BOOLEAN),
    accepted("--web.external-prefix"),
    accepted("--web.prefix-header"),
    accepted("--web.disable-cors", Kind.BOOLEAN),
    accepted("--bucket-web-label"),
    accepted("--disable-admin-operations", Kind.BOOLEAN),
    accepted("--debug.advertise-compatibility-label", Kind.BOOLEAN),
)

FLAGS = FlagSet(SERVER_FLAGS, OBJSTORE_FLAGS, BLOCK_FLAGS, CACHE_FLAGS, LIMIT_FLAGS, WEB_FLAGS)


def _run(values: Values) -> int:
    from store_gateway.service import run

    return run(values)


command = Command("store", "Serve the blocks of a bucket over the Store API.", FLAGS, _run)
