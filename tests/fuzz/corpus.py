"""The corpus: for each target one zip of short inputs, each of which once reached a branch that no other did.

Entries have no dates and rise by name (the hash of the input), so that equal corpora are equal bytes.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable
from pathlib import Path

DIRECTORY = Path(__file__).with_name("corpus")


def read_corpus(target: str) -> list[bytes]:
    """Return the inputs of a target, none where it has no corpus yet."""
    path = DIRECTORY / f"{target}.zip"
    if not path.exists():
        return []
    with zipfile.ZipFile(path) as archive:
        return [archive.read(name) for name in archive.namelist()]


def write_corpus(target: str, inputs: Iterable[bytes]) -> None:
    """Replace the inputs of a target."""
    named = sorted({hashlib.sha256(data).hexdigest()[:16]: data for data in inputs}.items())
    DIRECTORY.mkdir(exist_ok=True)
    with zipfile.ZipFile(DIRECTORY / f"{target}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in named:
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
