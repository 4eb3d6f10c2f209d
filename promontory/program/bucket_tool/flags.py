"""The flags of `promontory bucket …`: those of `thanos tools bucket …`, and ours: --bucket, --json, --picture."""

from __future__ import annotations

from compactor.flags import RETENTION_FLAGS as COMPACTOR_FLAGS
from promontory.block.markers import MarkKind
from promontory.service.common_flags import OBJSTORE_FLAGS
from promontory.service.flag_kinds import Kind
from promontory.service.flags import Flag, FlagSet, accepted
from promontory.timeline.columns import COLUMN_NAMES

BUCKET_FLAGS = (
    Flag("--bucket", default="", group="Bucket",
         help="A directory that is the bucket, or a YAML file with a bucket configuration."),
    *OBJSTORE_FLAGS,
    Flag("--json", Kind.BOOLEAN, "false", "Print one document of JSON.", "Output"),
    accepted("--log.level"),
    accepted("--log.format"),
    accepted("--tracing.config", Kind.CONTENT),
    accepted("--debug.name"),
    accepted("--enable-auto-gomemlimit", Kind.BOOLEAN),
    accepted("--auto-gomemlimit.ratio", Kind.NUMBER),
)  # fmt: skip
ISSUES = ("index_known_issues", "overlapped_blocks", "duplicated_compaction", "block_contents")
TIMEOUT_FLAG = Flag("--timeout", Kind.DURATION, "5m", "How long reading what blocks say of themselves may take.",
                    is_positive=True)  # fmt: skip
SELECTOR_FLAG = Flag("--selector.relabel-config", Kind.CONTENT,
                     help="Rules (keep, drop, hashmod) on external labels that choose blocks.")  # fmt: skip
ID_FLAG = Flag("--id", is_repeated=True, is_required=True, help="ULID of a block.")
MARKER_FLAG = Flag("--marker", Kind.CHOICE, choices=tuple(kind.file_name for kind in MarkKind), is_required=True,
                   help="Which mark.")  # fmt: skip

LS_FLAGS = FlagSet(
    (
        Flag("--output", short="-o", default="", group="Output",
             help="json, wide, or a template of fields such as {{.ULID}}; by default ULIDs."),
        Flag("--exclude-delete", Kind.BOOLEAN, "false", "Leave out blocks that are marked for deletion."),
        Flag("--min-time", Kind.TIME, "0000-01-01T00:00:00Z", "List blocks that end at this time or later."),
        Flag("--max-time", Kind.TIME, "9999-12-31T23:59:59Z", "List blocks that begin at this time or earlier."),
        TIMEOUT_FLAG,
        SELECTOR_FLAG,
    ),
    BUCKET_FLAGS,
)  # fmt: skip
INSPECT_FLAGS = FlagSet(
    (
        Flag("--selector", short="-l", is_repeated=True,
             help='External label that blocks have, such as cluster="eu"; all that are given have to be there.'),
        Flag("--sort-by", Kind.CHOICE, choices=COLUMN_NAMES, is_repeated=True, group="Output",
             help="Columns that rows are sorted by; FROM and UNTIL where none is given."),
        Flag("--output", Kind.CHOICE, "table", "Shape of the rows.", "Output", short="-o",
             choices=("table", "tsv", "csv")),
        Flag("--picture", default="", group="Output",
             help="Write a timeline of the blocks to this file too: .svg or .html."),
        TIMEOUT_FLAG,
    ),
    BUCKET_FLAGS,
)  # fmt: skip
MARK_FLAGS = FlagSet(
    (
        ID_FLAG,
        MARKER_FLAG,
        Flag("--details", default="", help="Why, for people; required where a mark is put."),
        Flag("--remove", Kind.BOOLEAN, "false", "Remove the mark, as unmark does."),
    ),
    BUCKET_FLAGS,
)  # fmt: skip
UNMARK_FLAGS = FlagSet((ID_FLAG, MARKER_FLAG), BUCKET_FLAGS)
VERIFY_FLAGS = FlagSet(
    (
        Flag("--issues", Kind.CHOICE, short="-i", is_repeated=True, choices=ISSUES,
             help="What to look for; index_known_issues and overlapped_blocks where none is given."),
        Flag("--id", is_repeated=True, help="ULID of a block to look at; all where none is given."),
        Flag("--repair", Kind.BOOLEAN, "false", "Move copies of one merge to the backup (duplicated_compaction only).",
             short="-r"),
        Flag("--objstore-backup.config", Kind.CONTENT, help="Bucket that blocks are copied to before they are deleted.",
             group="Bucket"),
        Flag("--delete-delay", Kind.DURATION, "0s",
             "With --repair: 0s deletes at once; more marks for deletion, and a compactor deletes."),
    ),
    BUCKET_FLAGS,
)  # fmt: skip
INDEX_FLAGS = FlagSet(
    (
        Flag("--write", Kind.BOOLEAN, "false", "Write the index anew, as a compactor does after each pass."),
        TIMEOUT_FLAG,
    ),
    BUCKET_FLAGS,
)  # fmt: skip
DELETION_FLAGS = (
    Flag("--delete-delay", Kind.DURATION, "48h", "Time between the mark for deletion and the deletion."),
    Flag("--consistency-delay", Kind.DURATION, "30m", "Least age of a block of a sidecar before it is looked at."),
    *(flag for flag in COMPACTOR_FLAGS if flag.name == "--delete.max-share"),
    Flag("--dry-run", Kind.BOOLEAN, "false", "Show what is due and change nothing."),
    TIMEOUT_FLAG,
    SELECTOR_FLAG,
    accepted("--block-sync-concurrency", Kind.INTEGER),
)  # fmt: skip
CLEANUP_FLAGS = FlagSet(DELETION_FLAGS, BUCKET_FLAGS)
RETENTION_FLAGS = FlagSet(
    (flag for flag in COMPACTOR_FLAGS if flag.name.startswith(("--retention.", "--downsample.ladder"))),
    Flag("--deduplication.replica-label", is_repeated=True,
         help="External label that tells replicas apart, as the compactor has it: blocks with it may be what holds a "
         "merged block's sources."),
    Flag("--downsampling.disable", Kind.BOOLEAN, "false",
         "Mark blocks although the coarser resolution, which is kept longer, does not hold them yet."),
    DELETION_FLAGS,
    BUCKET_FLAGS,
)  # fmt: skip
