"""Fuzz for a while: `python -m tests.fuzz [TARGET ...] [--seconds 60] [--keep]`; what `make fuzz` runs.

Each target has a process of its own, so that a crash hides nothing; its inputs grow in `.fuzz/<target>`. A find is an
input in `.fuzz/finds`, and its traceback is shown. `--keep` writes the shortest inputs that reach the same branches
to the corpus. Needs atheris: `pip install '.[fuzz]'`.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from tests.fuzz.corpus import read_corpus, write_corpus
from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / ".fuzz"
LONGEST_INPUT = 768
MOST_FINDS = 3
LIMITS = [f"-max_len={LONGEST_INPUT}", "-rss_limit_mb=2048", "-timeout=30", "-print_final_stats=1", "-verbosity=0"]
SHOWN_LINES = 30


def main() -> int:
    """Fuzz the targets named, or all; return 1 where something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("targets", nargs="*", choices=[[], *TARGETS], default=[])
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--keep", action="store_true", help="write the inputs worth keeping to the corpus")
    options = parser.parse_args()
    found = 0
    for target in options.targets or TARGETS:
        found += fuzz(target, options.seconds)
        if options.keep:
            write_corpus(target, merge(target))
    return 1 if found else 0


def fuzz(target: str, seconds: int) -> int:
    """Fuzz one target; return how many finds there are."""
    inputs = WORK / target
    put_inputs(inputs, [*TARGETS[target].seeds(), *read_corpus(target)])
    (WORK / "finds").mkdir(exist_ok=True)
    end_s = time.monotonic() + seconds
    executions = found = 0
    while (left_s := int(end_s - time.monotonic())) > 0 and found < MOST_FINDS:
        options = [*LIMITS, f"-max_total_time={left_s}", f"-artifact_prefix={WORK}/finds/{target}-", str(inputs)]
        done = run_worker(target, options)
        counted = re.findall(r"number_of_executed_units: (\d+)", done.stdout)
        executions += int(counted[-1]) if counted else 0
        if done.returncode:
            found += 1
            print("\n".join(done.stdout.splitlines()[-SHOWN_LINES:]), flush=True)
    print(f"{target}: {executions} executions, {len(list(inputs.iterdir()))} inputs, {found} finds", flush=True)
    return found


def merge(target: str) -> list[bytes]:
    """Return the shortest inputs that reach what all inputs of a target reach."""
    merged = WORK / f"{target}.merged"
    shutil.rmtree(merged, ignore_errors=True)
    merged.mkdir()
    run_worker(target, [*LIMITS, "-merge=1", str(merged), str(WORK / target)]).check_returncode()
    kept = [path.read_bytes() for path in merged.iterdir()]
    assert kept, "libFuzzer kept no input"
    return kept


def put_inputs(directory: Path, inputs: Iterable[bytes]) -> None:
    """Write inputs as files named by their hash, as libFuzzer does."""
    directory.mkdir(parents=True, exist_ok=True)
    for data in inputs:
        (directory / hashlib.sha1(data).hexdigest()).write_bytes(data)


def run_worker(target: str, options: list[str]) -> subprocess.CompletedProcess[str]:
    """Run one target under libFuzzer; return what it wrote."""
    argv = [sys.executable, "-m", "tests.fuzz.worker", target, *options]
    return subprocess.run(
        argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False
    )


if __name__ == "__main__":
    sys.exit(main())
