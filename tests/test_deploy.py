"""What deploy/ shows works: its flags parse, its buckets open."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from promontory.bucket.config import open_bucket
from promontory.model.clock import SystemClock
from promontory.service.main import load_commands

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_the_flags_of_a_unit_parse(unit: Path, tmp_path: Path) -> None:
    line = next(line for line in unit.read_text().splitlines() if line.startswith("ExecStart="))
    _, name, *flags = shlex.split(line.removeprefix("ExecStart="))
    bucket = tmp_path / "bucket.yml"
    bucket.write_text((DEPLOY / "examples" / "bucket-s3.yml").read_text())
    given = [flag.replace("/etc/promontory/bucket.yml", str(bucket)) for flag in flags]
    values = {command.name: command for command in load_commands()}[name].flags.parse(given)
    assert values.without_effect == ()


@pytest.mark.parametrize("example", ["bucket-filesystem.yml", "bucket-s3.yml"])
def test_an_example_bucket_opens(example: str) -> None:
    assert open_bucket((DEPLOY / "examples" / example).read_text(), clock=SystemClock()).name
