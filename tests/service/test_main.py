import subprocess
import sys

import pytest

from promontory.errors import BucketUnavailable, HaltError, InputError
from promontory.service.command import Command, group_commands, run_command
from promontory.service.flag_kinds import Kind
from promontory.service.flags import Flag, FlagSet
from promontory.service.main import main
from promontory.service.values import Values


def command_raising(error: Exception | None) -> Command:
    def run(values: Values) -> int:
        if error is not None:
            raise error
        return values.integer("--code")

    return Command("try", "Tries.", FlagSet(Flag("--code", Kind.INTEGER, "0")), run)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("key type: expected S3,\nfound X"), 2),
        (BucketUnavailable("no answer", key="a", operation="get"), 2),
        (HaltError("overlap"), 1),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(error: Exception, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(command_raising(error), []) == code
    output = capsys.readouterr().err
    assert output.startswith("promontory try: error: ")
    assert output.count("\n") == 1


def test_the_exit_code_is_the_commands() -> None:
    assert run_command(command_raising(None), ["--code=7"]) == 7


def test_a_wrong_flag_is_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(command_raising(None), ["--nope"]) == 2
    assert "unknown flag --nope" in capsys.readouterr().err


def test_an_unknown_command_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["frobnicate"]) == 2
    assert "unknown command 'frobnicate': expected one of" in capsys.readouterr().err


def test_the_version_is_the_distributions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("promontory 0.")


def test_importing_the_frame_imports_no_heavy_library() -> None:
    script = (
        "import sys, promontory.service.main, promontory.service.common_flags;"
        "print([name for name in ('numpy', 'numba', 'pyarrow', 'grpc', 'fastapi', 'boto3') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_help_of_all_commands_imports_no_heavy_library() -> None:
    script = (
        "import sys, promontory.service.main as program;"
        "code = program.main(['--help']);"
        "heavy = ('numpy', 'numba', 'pyarrow', 'grpc', 'fastapi', 'boto3', 'yaml', 'asyncio');"
        "print(code, [name for name in heavy if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[-1] == "0 []"
    for name in ("sidecar", "store", "query", "standalone", "demo", "warm"):
        assert f"\n  {name} " in found.stdout


def group_of(code: int) -> Command:
    flags = FlagSet(Flag("--code", Kind.INTEGER, "0", "Which code."), Flag("--name", short="-n"))
    member = Command("end", "Ends.", flags, lambda values: values.integer("--code") + len(values.text("--name")) + code)
    return group_commands("try", "Tries.", (member,))


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["end", "--code=3"], 3),
        (["--code=3", "end"], 3),
        (["end", "-n", "four"], 4),
        (["end", "-nfour", "--code=1"], 5),
        (["end", "--help"], 0),
        (["--help"], 0),
        (["--version"], 0),
        ([], 2),
        (["begin"], 2),
        (["end", "-x"], 2),
    ],
)
def test_the_first_word_chooses_a_command_of_a_group(words: list[str], code: int) -> None:
    assert run_command(group_of(0), words) == code


def test_a_group_names_its_commands(capsys: pytest.CaptureFixture[str]) -> None:
    run_command(group_of(0), ["begin"])
    assert capsys.readouterr().err == "promontory try: error: unknown command 'begin': expected one of end\n"
    run_command(group_of(0), ["--help"])
    assert "  end          Ends.\n" in capsys.readouterr().out
    run_command(group_of(0), ["end", "--nope"])
    assert capsys.readouterr().err.startswith("promontory try end: error: unknown flag --nope")
    run_command(group_of(0), ["end", "--help"])
    assert "  -n, --name=TEXT\n" in capsys.readouterr().out
