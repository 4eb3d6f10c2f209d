import json
from pathlib import Path

import pytest

from promontory.block.meta import parse_meta
from promontory.service.main import main
from tests.catalog.blocks import ulid_of
from tests.program.bucket_tool.buckets import BLOCKS, CORRUPT, MARKED_S, PARTIAL

WIDE = (
    f"{ulid_of(6)} -- 1969-12-31T16:00:00Z - 1970-01-01T02:00:00Z "
    "Diff: 10h0m0s, Compaction: 3, Downsample: 0, Source: compactor"
)


def ls(directory: Path, capsys: pytest.CaptureFixture[str], *flags: str) -> list[str]:
    assert main(["bucket", "ls", f"--bucket={directory}", *flags]) == 0
    return capsys.readouterr().out.splitlines()


def test_blocks_are_listed_by_ulid(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ls(directory, capsys) == [meta.ulid for meta in BLOCKS]


def test_wide_lines_are_those_of_thanos(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert WIDE in ls(directory, capsys, "-o", "wide")


def test_json_output_is_the_meta_of_each_block(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "\n".join(ls(directory, capsys, "--output=json"))
    documents = ["{" + part for part in text.split("\n{")]
    documents[0] = documents[0].removeprefix("{")
    assert [parse_meta(one.encode(), source="ls").ulid for one in documents] == [meta.ulid for meta in BLOCKS]


def test_a_template_shows_fields(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    template = '{{.ULID}} {{ .MinTime }}/{{.Compaction.Level}} {{.Thanos.Labels.cluster}} {{index .Thanos.Labels "x"}}|'
    assert ls(directory, capsys, "-o", template)[-1] == f"{ulid_of(8)} -1209600000/4 us |"
    assert ls(directory, capsys, "-o", "{{.Thanos.Labels}}{{.Thanos.Labels.none}}")[0] == (
        "map[cluster:eu replica:0]<no value>"
    )


@pytest.mark.parametrize("template", ["{{range .Sources}}", "{{.ulid}}", "{{.ULID", "wider"])
def test_what_no_template_shows_is_refused(template: str, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bucket", "ls", f"--bucket={directory}", "-o", template]) == 2
    assert "promontory bucket ls: error: flag --output: expected " in capsys.readouterr().err


def test_times_and_marks_choose_blocks(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    late = ls(directory, capsys, "--min-time=1970-01-01T06:00:00Z", "--exclude-delete")
    assert late == [ulid_of(2), ulid_of(3), ulid_of(4)]
    assert ulid_of(1) not in ls(directory, capsys, "--exclude-delete")
    early = ls(directory, capsys, "--max-time", "1969-12-30T00:00:00Z")
    assert early == [ulid_of(7), ulid_of(8)]


def test_json_tells_all_of_every_block(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row["ulid"]: row for row in json.loads("\n".join(ls(directory, capsys, "--json")))}
    assert rows.keys() == {*(meta.ulid for meta in BLOCKS), PARTIAL, CORRUPT}
    assert rows[ulid_of(1)]["marks"] == {"deletion-mark.json": {"time_s": MARKED_S, "reason": "", "details": "why not"}}
    assert (rows[ulid_of(8)]["samples"], rows[ulid_of(8)]["until_downsampling_ms"]) == (1_234_567, None)
    assert rows[PARTIAL]["problem"] == "no meta.json"
    assert rows[CORRUPT]["problem"].startswith("JSON in ")
    assert rows[ulid_of(3)]["unreadable_marks"]


def test_blocks_that_do_not_count_are_named(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bucket", "ls", f"--bucket={directory}"]) == 0
    told = capsys.readouterr().err
    assert f"left out: block {PARTIAL}: no meta.json\n" in told
    assert f"left out: block {CORRUPT}: JSON in " in told
    assert "counts as absent: " in told


def test_a_bucket_has_to_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bucket", "ls"]) == 2
    assert "expected a bucket, by --bucket or --objstore.config" in capsys.readouterr().err


def test_flags_of_the_bucket_may_stand_first(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = f"--objstore.config={{type: FILESYSTEM, config: {{directory: {directory}}}}}"
    assert main(["bucket", config, "ls"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == ulid_of(1)


def test_rules_on_external_labels_choose_blocks(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep = "--selector.relabel-config=[{action: keep, source_labels: [cluster], regex: us}]"
    assert ls(directory, capsys, keep) == [ulid_of(8)]
    assert main(["bucket", "ls", f"--bucket={directory}", "--selector.relabel-config=[{action: replace}]"]) == 2
    assert "flag --selector.relabel-config: " in capsys.readouterr().err


def test_the_tools_answer_where_thanos_has_them_too(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tools", "bucket", "ls", f"--bucket={directory}"]) == 0
    assert capsys.readouterr().out.startswith(ulid_of(1))
    assert main(["tools", "rules-check"]) == 2
    assert "unknown command 'rules-check'" in capsys.readouterr().err
