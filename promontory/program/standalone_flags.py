"""The flags of `promontory standalone`: what it is made of, and what of its parts' flags means something here.

Its compactor never merges replicas: that cannot be undone, `--deduplication.func` is the querier's here, and queries
de-duplicate anyway. `promontory compact` does it.
"""

from __future__ import annotations

from compactor.flags import RETENTION_FLAGS
from promontory.service.common_flags import SERVER_FLAGS
from promontory.service.flag_kinds import Kind
from promontory.service.flags import Flag, FlagSet
from querier.flags import QUERY_FLAGS, TENANCY_FLAGS, WEB_FLAGS

SITE = "Site"
COMPACTOR = "Compactor"

SITE_FLAGS = (
    Flag(
        "--bucket", help="A directory that is the bucket, or a YAML file with a bucket configuration.", group=SITE,
        is_required=True,
    ),
    Flag(
        "--prometheus", help="URL=TSDB_PATH of a Prometheus to serve and to ship from; repeat it for a pair.",
        group=SITE, is_repeated=True,
    ),
    Flag(
        "--data-dir", default="", help="Directory that keeps index headers; without one they are kept in memory.",
        group=SITE,
    ),
    Flag("--sync-block-duration", Kind.DURATION, "30s", "How often the bucket is looked at for new blocks.", SITE,
         is_positive=True),
    Flag(
        "--shipper.ignore-unequal-block-size", Kind.BOOLEAN, "false",
        "Ship although a Prometheus compacts its blocks itself.", SITE,
    ),
)  # fmt: skip

COMPACTOR_FLAGS = (
    Flag(
        "--compactor", Kind.BOOLEAN, "true",
        "Merge, downsample and retire the blocks of the bucket; a bucket needs one compactor, here or elsewhere.",
        COMPACTOR,
    ),
    Flag("--compact.interval", Kind.DURATION, "5m", "Time between two passes of the compactor.", COMPACTOR,
         is_positive=True),
    Flag("--disable-admin-operations", Kind.BOOLEAN, "false", "Refuse to mark blocks over HTTP.", COMPACTOR),
)  # fmt: skip

STANDALONE_FLAGS = FlagSet(
    SITE_FLAGS, SERVER_FLAGS, QUERY_FLAGS, WEB_FLAGS, TENANCY_FLAGS, COMPACTOR_FLAGS, RETENTION_FLAGS
)
