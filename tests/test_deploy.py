"""What deploy/ shows works: its flags parse, its buckets open, its rules ask for metrics that there are."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from compactor.job_metrics import JobMetrics
from compactor.metrics import PassMetrics
from promontory.bucket.config import open_bucket
from promontory.model.clock import SystemClock
from promontory.service.main import load_commands
from promontory.service.metered_bucket import BucketMetrics
from tests.parts import part_path

DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
RULES = DEPLOY / "examples" / "compactor-alerts.yml"
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


@pytest.mark.parts
def test_the_rules_are_such_for_prometheus() -> None:
    argv = [str(part_path("promtool")), "check", "rules", "--lint=all", "--lint-fatal", str(RULES)]
    assert subprocess.run(argv, capture_output=True, timeout=60).returncode == 0


def test_the_rules_ask_for_metrics_of_the_compactor() -> None:
    registry, clock = CollectorRegistry(), SystemClock()
    PassMetrics(registry, clock, delete_delay_ms=0)
    JobMetrics(registry, clock)
    BucketMetrics(registry, clock)
    families = {family.name for family in registry.collect()}
    asked = set(re.findall(r"\b(?:thanos|promontory)_\w+", RULES.read_text()))
    assert asked
    assert {name.removesuffix("_total") for name in asked} <= families
