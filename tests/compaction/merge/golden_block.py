"""Three overlapping blocks that real Prometheus has merged, and what it made of them.

usage: python -m tests.compaction.merge.golden_block        has it merge them again and writes the golden file

Prometheus looks for overlapping blocks a minute after its start; that is too long for a test. There are only floats:
the version at hand, 2.42, gives a histogram the buckets of another one when it merges the two.
"""

from __future__ import annotations

import base64
import gzip
import json
import random
import tempfile
from pathlib import Path

import numpy as np

from promontory.block.writer import BlockWriter
from promontory.chunk.encode import encode_cuts
from promontory.model.label_rows import LabelRows
from promontory.model.labels import Labels
from promontory.model.symbols import SymbolTable
from tests.compaction.merge.made_blocks import make_up_chunks, name_ulid
from tests.parts import run_prometheus, wait_until

GOLDEN = Path(__file__).parents[2] / "golden" / "merged-block.json.gz"
FILES = ("index", "chunks/000001")
BASE_MS = 1_700_000_000_000
END_MS = BASE_MS + 7_200_000
BLOCKS = 3


def write_inputs(directory: Path) -> list[Path]:
    """Write the blocks; of some series they give the same times other values."""
    source = random.Random(347)
    copied = {number: make_up_chunks(source, count=3) for number in range(20)}
    return [_write_input(directory, number, source, copied) for number in range(BLOCKS)]


def _write_input(
    directory: Path, number: int, source: random.Random, copied: dict[int, list[list[tuple[int, int]]]]
) -> Path:
    symbols = SymbolTable()
    rows, flat = [], []
    for series in range(20):
        how = source.randrange(4)
        if how:
            chunks = copied[series] if how == 1 else make_up_chunks(source, count=source.randrange(1, 5))
            flat += [(len(rows), chunk) for chunk in chunks]
            rows.append(Labels(((b"__name__", b"m"), (b"n", b"%02d" % series))))
    samples = [sample for _, chunk in flat for sample in chunk]
    floats = encode_cuts(
        np.array([row for row, _ in flat], np.int32),
        np.cumsum([0, *(len(chunk) for _, chunk in flat)]),
        np.array([BASE_MS + time_ms for time_ms, _ in samples], np.int64),
        np.array([float(bits) for _, bits in samples]),
    )
    ulid = name_ulid(number)
    with BlockWriter(directory, ulid=ulid, symbols=symbols, range_ms=(BASE_MS, END_MS), durable=False) as writer:
        writer.add(LabelRows.from_labels(rows, symbols), floats.columns(), [floats.data])
        writer.finish()
    return directory / ulid


def read_golden() -> dict[str, bytes]:
    """Return the files that Prometheus wrote."""
    document = json.loads(gzip.decompress(GOLDEN.read_bytes()))
    return {name: base64.b64decode(text) for name, text in document.items()}


def main() -> None:
    """Have Prometheus merge the blocks and keep what it wrote."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir()
        names = {path.name for path in write_inputs(data)}
        with run_prometheus(Path(folder), flags=["--storage.tsdb.retention.time=100y"]):
            outputs: list[Path] = []

            def is_merged() -> bool:
                outputs[:] = [path.parent for path in data.glob("0*/meta.json") if path.parent.name not in names]
                return bool(outputs)

            wait_until(is_merged, what="the merged block", timeout_s=150)
        document = {name: base64.b64encode((outputs[0] / name).read_bytes()).decode() for name in FILES}
    GOLDEN.write_bytes(gzip.compress(json.dumps(document).encode(), mtime=0))


if __name__ == "__main__":
    main()
