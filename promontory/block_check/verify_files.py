"""Verifying what stands beside the index and the chunks: meta.json, the list of files, tombstones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.block.meta import INDEX_FILE, META_FILE, BlockMeta, parse_meta
from promontory.block.tombstones import TOMBSTONES_FILE, Tombstones, parse_tombstones
from promontory.block_check.fault import Faults
from promontory.block_check.files import BlockFiles
from promontory.errors import CorruptionError

Longs = NDArray[np.int64]


def check_meta(files: BlockFiles, faults: Faults) -> BlockMeta | None:
    """Return the meta of a block, None where it cannot be read; note what does not fit the files."""
    if META_FILE not in files.sizes:
        faults.add("missing_file", META_FILE, "the file is not there: the block is partial")
        return None
    try:
        meta = parse_meta(files.read(META_FILE).tobytes(), source=META_FILE)
    except CorruptionError as error:
        faults.add_corruption("meta", META_FILE, error)
        return None
    if meta.ulid != files.key:
        faults.add("meta", META_FILE, f"ulid: expected the name of the block {files.key}, found {meta.ulid}")
    for file in meta.thanos.files if meta.thanos else ():
        found = files.sizes.get(file.path)
        if found is None:
            faults.add("missing_file", file.path, "the file is not there, but meta.json names it")
        elif file.size_bytes and file.size_bytes != found:
            faults.add("file_size", file.path, f"size: expected {file.size_bytes} bytes as in meta.json, found {found}")
    return meta


def check_index_is_there(files: BlockFiles, faults: Faults) -> bool:
    """Say whether there is an index; note where there is none."""
    if INDEX_FILE not in files.sizes:
        faults.add("missing_file", INDEX_FILE, "the file is not there")
    return INDEX_FILE in files.sizes


def check_tombstones(files: BlockFiles, refs: Longs, meta: BlockMeta | None, faults: Faults) -> None:
    """Check the tombstones, where there are any, against int64[n] `refs`, the series of the block."""
    if TOMBSTONES_FILE not in files.sizes:
        return
    try:
        found = parse_tombstones(files.read(TOMBSTONES_FILE).tobytes(), source=TOMBSTONES_FILE)
    except CorruptionError as error:
        faults.add_corruption("tombstones", TOMBSTONES_FILE, error)
        return
    for ref in np.setdiff1d(found.series_ref, refs).tolist():
        faults.add("tombstones", TOMBSTONES_FILE, f"an interval of series {ref}, which the index does not hold")
    _check_intervals(found, faults)
    if meta is not None and meta.stats.tombstone_count != len(found):
        counted = meta.stats.tombstone_count
        faults.add("stats", META_FILE, f"numTombstones: expected {counted}, found {len(found)} in {TOMBSTONES_FILE}")


def _check_intervals(tombstones: Tombstones, faults: Faults) -> None:
    ref, low, high = tombstones.series_ref, tombstones.min_ms, tombstones.max_ms
    for place in np.flatnonzero((ref[1:] == ref[:-1]) & (low[1:] <= high[:-1])).tolist():
        problem = (
            f"intervals of series {ref[place]} overlap: {low[place]} to {high[place]} and "
            f"{low[place + 1]} to {high[place + 1]}"
        )
        faults.add("tombstones", TOMBSTONES_FILE, problem)
