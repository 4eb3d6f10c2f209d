"""The flags of `promontory standalone`: what it is made of, and the querier's flags that mean something here."""

from __future__ import annotations

from promontory.service.common_flags import SERVER_FLAGS
from promontory.service.flag_kinds import Kind
from promontory.service.flags import Flag, FlagSet
from querier.flags import QUERY_FLAGS, TENANCY_FLAGS, WEB_FLAGS

SITE = "Site"

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

STANDALONE_FLAGS = FlagSet(SITE_FLAGS, SERVER_FLAGS, QUERY_FLAGS, WEB_FLAGS, TENANCY_FLAGS)
