"""The flags of `promontory promql`: those of the query, of the bucket, and some of `promontory query`."""

from __future__ import annotations

from promontory.service.common_flags import OBJSTORE_FLAGS
from promontory.service.flag_kinds import Kind
from promontory.service.flags import Flag, FlagSet
from querier.flags import QUERY_FLAGS

# What changes how a query is planned and answered.
ENGINE_FLAGS = (
    "--query.replica-label", "--deduplication.func", "--query.max-samples", "--query.max-memory",
    "--query.lookback-delta", "--query.default-evaluation-interval", "--query.dynamic-lookback-delta",
    "--enable-feature",
)  # fmt: skip

PROMQL_FLAGS = FlagSet(
    (
        Flag("ACTION", Kind.CHOICE, choices=("explain",), is_required=True, group="PromQL",
             help="explain shows how a query is computed and what it reads; it exits with 1 where it is no query."),
        Flag("EXPR", help="The query.", is_required=True, group="PromQL"),
        Flag("--json", Kind.BOOLEAN, "false", "Print JSON, as /api/v1/query_explain answers.", "PromQL"),
        Flag("--analyze", Kind.BOOLEAN, "false", "Run the query too, and show what each part of it did.", "PromQL"),
        Flag("--time", Kind.TIME, "0", "Time of an instant query: RFC 3339, or relative such as -2d; 0: now.", "Times"),
        Flag("--start", Kind.TIME, group="Times",
             help="First time of a range query: RFC 3339, or relative such as -2d."),
        Flag("--end", Kind.TIME, "0", "Last time of a range query; 0: now.", "Times"),
        Flag("--step", Kind.DURATION, group="Times", is_positive=True,
             help="Step of a range query; by default 250 steps, of 1s at least."),
        Flag("--max-source-resolution", Kind.DURATION, "0s", "Coarsest resolution of blocks that is read.", "Times"),
        Flag("--bucket", default="", group="Bucket",
             help="A directory of blocks, or a YAML file with a bucket configuration: what is read is estimated."),
    ),
    OBJSTORE_FLAGS,
    [flag for flag in QUERY_FLAGS if flag.name in ENGINE_FLAGS],
)  # fmt: skip
