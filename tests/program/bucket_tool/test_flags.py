"""Every flag of `thanos tools bucket`, as its manifests and scripts give them."""

import pytest

from promontory.program.bucket_tool.command import command
from tests.catalog.blocks import ulid_of

COMMON = "--objstore.config={type: MEMORY} --log.level=debug --log.format=json --tracing.config={} --debug.name=x"
LINES = {
    "ls": "--output wide --selector.relabel-config=[] --exclude-delete --min-time=-2d --max-time=-1h --timeout=9m",
    "inspect": '-l a="b" --selector c="d" --sort-by FROM --sort-by=#SERIES --timeout 5m --output tsv',
    "verify": "--repair -i duplicated_compaction --issues overlapped_blocks --id=ULID --delete-delay=48h "
    "--objstore-backup.config=x",
    "mark": "--id=ULID --id ULID --marker=no-compact-mark.json --details=why --remove",
    "cleanup": "--delete-delay=1d --consistency-delay=0s --block-sync-concurrency=20 --selector.relabel-config=[]",
    "retention": "--delete-delay=1d --consistency-delay=0s --block-sync-concurrency=20 --selector.relabel-config=[] "
    "--retention.resolution-raw=90d --retention.resolution-5m=1y --retention.resolution-1h=0d",
}


@pytest.mark.parametrize("name", LINES)
def test_every_flag_of_thanos_parses(name: str) -> None:
    (member,) = (one for one in command.members if one.name == name)
    words = LINES[name].replace("ULID", ulid_of(1)).split()
    values = member.flags.parse([*words, *COMMON.replace(": ", ":").split()])
    assert values.text("--objstore.config") == "{type:MEMORY}"


def test_each_tool_says_what_it_does() -> None:
    assert [member.name for member in command.members] == [
        "ls", "inspect", "mark", "unmark", "cleanup", "retention", "verify", "index",
    ]  # fmt: skip
    assert all(member.summary.endswith(".") for member in command.members)
