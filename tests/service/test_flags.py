import re
from pathlib import Path

import pytest

from promontory.errors import InputError
from promontory.service.flag_kinds import Kind
from promontory.service.flags import Flag, FlagSet, accepted, refused

HOUR_MS = 3_600_000


def flag_set() -> FlagSet:
    return FlagSet(
        Flag("--address", Kind.ADDRESS, "0.0.0.0:1", "Where to listen.", "Net"),
        Flag("--wait", Kind.DURATION, "2m"),
        Flag("--size", Kind.SIZE, "250MB"),
        Flag("--count", Kind.INTEGER, "20"),
        Flag("--ratio", Kind.NUMBER, "0.5"),
        Flag("--from", Kind.TIME, "0000-01-01T00:00:00Z"),
        Flag("--dedup", Kind.CHOICE, "penalty", choices=("penalty", "chain")),
        Flag("--label", is_repeated=True),
        Flag("--partial", Kind.BOOLEAN, "true"),
        Flag("--config", Kind.CONTENT),
        accepted("--pool-size", Kind.SIZE),
        refused("--enforce", Kind.BOOLEAN, default="false", why="tenancy comes later"),
    )


def test_defaults_are_parsed_like_given_values() -> None:
    values = flag_set().parse([])
    assert values.text("--address") == "0.0.0.0:1"
    assert values.duration_ms("--wait") == 120_000
    assert values.size_bytes("--size") == 250 << 20
    assert (values.integer("--count"), values.number("--ratio")) == (20, 0.5)
    assert values.time_ms("--from", now_ms=5) == -62167219200000
    assert values.flag("--partial")
    assert values.texts("--label") == ()
    assert values.text("--config") == ""


@pytest.mark.parametrize("words", [["--wait=90s"], ["--wait", "1m30s"], ["--wait=1.5m"]])
def test_a_value_follows_an_equals_sign_or_stands_alone(words: list[str]) -> None:
    assert flag_set().parse(words).duration_ms("--wait") == 90_000


def test_switches_are_turned_off_by_no() -> None:
    assert not flag_set().parse(["--no-partial"]).flag("--partial")
    assert not flag_set().parse(["--partial=false"]).flag("--partial")
    assert flag_set().parse(["--partial"]).flag("--partial")


def test_repeated_flags_collect() -> None:
    assert flag_set().parse(["--label=a", "--label", "b"]).texts("--label") == ("a", "b")


def test_a_relative_time_counts_from_now() -> None:
    assert flag_set().parse(["--from", "-2h"]).time_ms("--from", now_ms=3 * HOUR_MS) == HOUR_MS
    assert flag_set().parse(["--from=1970-01-01T01:00:00Z"]).time_ms("--from", now_ms=0) == HOUR_MS


def test_content_comes_from_the_flag_or_a_file_with_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUCKET_NAME", "b1")
    path = tmp_path / "bucket.yml"
    path.write_text("bucket: $(BUCKET_NAME)")
    assert flag_set().parse([f"--config-file={path}"]).text("--config") == "bucket: b1"
    assert flag_set().parse(["--config", "bucket: x"]).text("--config") == "bucket: x"


def test_an_accepted_flag_parses_and_is_named() -> None:
    values = flag_set().parse(["--pool-size=2GB"])
    assert values.without_effect == ("--pool-size",)


def test_a_refused_flag_with_its_default_changes_nothing() -> None:
    assert not flag_set().parse(["--enforce=false"]).flag("--enforce")
    assert not flag_set().parse(["--no-enforce"]).flag("--enforce")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--nope"], "unknown flag --nope: see --help"),
        (["--adress=x:1"], "unknown flag --adress: did you mean --address"),
        (["query"], "unexpected argument 'query'"),
        (["--wait=soon"], "flag --wait: expected a duration such as 5m, 1h30m or 250ms, found 'soon'"),
        (["--size=big"], "flag --size: expected a size"),
        (["--count=1.5"], "flag --count: expected a whole number, found '1.5'"),
        (["--ratio=x"], "flag --ratio: expected a number"),
        (["--from=yesterday"], "flag --from: expected an RFC 3339 time .* found 'yesterday'"),
        (["--dedup=best"], "flag --dedup: expected one of 'penalty', 'chain', found 'best'"),
        (["--partial=maybe"], "flag --partial: expected true or false"),
        (["--no-partial=1"], "flag --no-partial: expected no value"),
        (["--address=here"], "flag --address: expected host:port"),
        (["--wait"], "flag --wait: expected a value, found none"),
        (["--wait", "--partial"], "flag --wait: expected a value, found none"),
        (["--wait=1s", "--wait=2s"], "flag --wait: expected once"),
        (["--config=a: secret", "--config=b: secret"], "^flag --config: expected once, found it again$"),
        (["--config-file=/nowhere/x.yml"], "flag --config-file: expected a readable text file, found '/nowhere/x.yml'"),
        (["--config=$(NOT_THERE_AT_ALL)"], "expected environment variable NOT_THERE_AT_ALL"),
        (["--enforce"], "flag --enforce is not supported yet: tenancy comes later"),
    ],
)
def test_a_wrong_flag_is_one_clear_line(words: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        flag_set().parse(words)


def test_a_required_flag_must_be_given() -> None:
    with pytest.raises(InputError, match="flag --path is required: Where it is"):
        FlagSet(Flag("--path", help="Where it is.", is_required=True)).parse([])


def test_help_lists_every_flag_by_group() -> None:
    text = flag_set().help_text("promontory test", "Tests.")
    for name in (
        "--address=HOST:PORT",
        "--[no-]partial",
        "--config=YAML | --config-file=PATH",
        "--dedup=penalty|chain",
    ):
        assert name in text
    assert text.index("Net:") < text.index("--address") < text.index("General:")
    assert "--pool-size" in text.split("without effect")[1]
    assert "--enforce" in text.split("Not supported yet")[1]


def test_a_flag_without_dashes_is_given_by_its_place() -> None:
    flags = FlagSet(
        Flag("ACTION", Kind.CHOICE, choices=("look", "print"), is_required=True, help="What to do."),
        Flag("FILE", is_required=True, help="Which one."),
        Flag("--json", Kind.BOOLEAN, "false"),
    )
    values = flags.parse(["look", "--json", "a.txt"])
    assert (values.text("ACTION"), values.text("FILE"), values.flag("--json")) == ("look", "a.txt", True)
    for words, message in (
        (["eat", "a"], "argument ACTION: expected one of 'look', 'print', found 'eat'"),
        (["look"], "argument FILE is required: Which one."),
        (["look", "a", "b"], "unexpected argument 'b'"),
    ):
        with pytest.raises(InputError, match=re.escape(message)):
            flags.parse(words)
    assert flags.help_text("program", "Sees.").startswith("usage: program ACTION FILE [flags]\n")
    assert "  ACTION=look|print\n" in flags.help_text("program", "Sees.")


def test_a_switch_may_have_a_letter() -> None:
    flags = FlagSet(Flag("--wait", Kind.BOOLEAN, "false", short="-w"), Flag("--name"))
    assert flags.parse(["-w", "--name", "x"]).flag("--wait")
    assert not flags.parse(["--name=-w"]).flag("--wait")
    assert "-w, --[no-]wait" in flags.help_text("program", "")
    with pytest.raises(InputError, match="unexpected argument '-x'"):
        flags.parse(["-x"])
