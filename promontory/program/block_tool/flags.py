"""The flags of `promontory block`: one set; a flag of one action is refused with another."""

from __future__ import annotations

from promontory.service.common_flags import OBJSTORE_FLAGS
from promontory.service.flag_kinds import Kind
from promontory.service.flags import Flag, FlagSet

BLOCK_FLAGS = FlagSet(
    (
        Flag(
            "ACTION", Kind.CHOICE, choices=("inspect", "verify", "dump"), is_required=True, group="Block",
            help="inspect shows what a block holds and costs; verify checks every byte that has a meaning and exits "
            "with 1 where something is wrong; dump prints the samples.",
        ),
        Flag("BLOCK", help="Directory of a block, or the ULID of one in the bucket.", is_required=True, group="Block"),
        Flag("--json", Kind.BOOLEAN, "false", "Print JSON; dump prints an object a line.", "Block"),
        Flag("--bucket", default="", group="Bucket",
             help="A directory that is the bucket, or a YAML file with a bucket configuration."),
    ),
    OBJSTORE_FLAGS,
    (
        Flag("--top", Kind.INTEGER, "10", "Rows of the tables of labels.", "Inspect", is_positive=True),
        Flag("--chunks", Kind.BOOLEAN, "true", "Read what each chunk says of itself: encodings and sizes.", "Inspect"),
        Flag("--limit", Kind.INTEGER, "100", "How many faults are described; all are counted.", "Verify",
             is_positive=True),
        Flag("--match", is_repeated=True, default="{}", group="Dump",
             help="Series selector; series that fulfil any of them are printed."),
        Flag("--min-time", Kind.TIME, group="Dump", help="First time that is printed."),
        Flag("--max-time", Kind.TIME, group="Dump", help="Last time that is printed."),
    ),
)  # fmt: skip
