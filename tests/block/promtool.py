"""promtool on blocks: make them from text, list them, print their samples."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.parts import part_path


def run_promtool(*words: object) -> str:
    """Run `promtool tsdb`; return what it prints."""
    argv = [str(part_path("promtool")), "tsdb", *(str(word) for word in words)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
    return done.stdout


def make_blocks(folder: Path, lines: list[str]) -> list[Path]:
    """Return the blocks that promtool makes of OpenMetrics lines, by time."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "input.om").write_text("\n".join([*lines, "# EOF\n"]))
    run_promtool("create-blocks-from", "openmetrics", folder / "input.om", folder / "blocks")
    return sorted(path for path in (folder / "blocks").iterdir() if (path / "meta.json").exists())


def dump_blocks(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Return what `promtool tsdb dump` prints: samples by the text of their labels."""
    (folder / "wal").mkdir(exist_ok=True)
    found: dict[str, list[tuple[int, float]]] = {}
    for line in run_promtool("dump", folder).splitlines():
        labels, value, time_ms = line.rsplit(" ", 2)
        found.setdefault(labels, []).append((int(time_ms), float(value)))
    return found
