import json
from pathlib import Path

import pytest

from promontory.block.markers import MarkKind, parse_mark
from promontory.service.main import main
from tests.catalog.blocks import ulid_of
from tests.program.bucket_tool.buckets import MARKED_S, PARTIAL


def run(directory: Path, *words: str) -> int:
    return main(["bucket", words[0], f"--bucket={directory}", *words[1:]])


@pytest.mark.parametrize("kind", list(MarkKind))
def test_a_mark_says_when_and_why(kind: MarkKind, directory: Path) -> None:
    ids = [f"--id={ulid_of(4)}", f"--id={ulid_of(5)}"]
    assert run(directory, "mark", *ids, f"--marker={kind.file_name}", "--details=broken") == 0
    for number in (4, 5):
        body = (directory / ulid_of(number) / kind.file_name).read_bytes()
        mark = parse_mark(body, kind, source="mark")
        assert (mark.details, mark.reason) == ("broken", "" if kind is MarkKind.DELETION else "manual")
        assert mark.time_s > MARKED_S


def test_a_mark_that_is_there_stays(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = directory / ulid_of(1) / "deletion-mark.json"
    before = path.read_bytes()
    words = ["--marker=deletion-mark.json", "--details=again", f"--id={ulid_of(1)}", f"--id={ulid_of(2)}", "--json"]
    assert run(directory, "mark", *words) == 0
    assert path.read_bytes() == before
    changed = {row["ulid"]: row["changed"] for row in json.loads(capsys.readouterr().out)}
    assert changed == {ulid_of(1): False, ulid_of(2): True}


@pytest.mark.parametrize("words", [("unmark",), ("mark", "--remove")])
def test_a_mark_is_removed(words: tuple[str, ...], directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = [f"--id={ulid_of(1)}", f"--id={ulid_of(2)}", "--marker=deletion-mark.json"]
    assert run(directory, *words, *given) == 0
    assert not (directory / ulid_of(1) / "deletion-mark.json").exists()
    assert (directory / ulid_of(1) / "meta.json").exists()
    assert capsys.readouterr().out == (
        f"{ulid_of(1)} deletion-mark.json: mark removed\n{ulid_of(2)} deletion-mark.json: has no such mark\n"
    )


def test_no_block_is_marked_where_one_is_not_there(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [f"--id={ulid_of(4)}", f"--id={ulid_of(77)}", "--marker=deletion-mark.json", "--details=x"]
    assert run(directory, "mark", *words) == 2
    assert f"found nothing below {ulid_of(77)}/" in capsys.readouterr().err
    assert not (directory / ulid_of(4) / "deletion-mark.json").exists()
    assert not (directory / ulid_of(77)).exists()


def test_what_was_uploaded_in_part_can_be_marked(directory: Path) -> None:
    assert run(directory, "mark", f"--id={PARTIAL}", "--marker=deletion-mark.json", "--details=x") == 0
    assert (directory / PARTIAL / "deletion-mark.json").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--id=nonsense", "--marker=deletion-mark.json", "--details=x"], "flag --id: expected the ULID of a block"),
        ([f"--id={ulid_of(1)}", "--marker=deletion-mark.json"], "flag --details is required"),
        ([f"--id={ulid_of(1)}", "--marker=other.json"], "flag --marker: expected one of"),
        (["--marker=deletion-mark.json"], "flag --id is required"),
    ],
)
def test_a_wrong_mark_is_one_line(
    words: list[str], message: str, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(directory, "mark", *words) == 2
    assert message in capsys.readouterr().err
