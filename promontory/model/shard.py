"""Sharding: which series of an answer belong to one shard; for Stores, and for answers of peers that cannot shard."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from promontory.kernels.xxhash import hash_rows, measure_rows
from promontory.model.label_rows import LabelRows
from promontory.model.selector import Shard


def select_shard(labels: LabelRows, shard: Shard) -> NDArray[np.bool_]:
    """Return bool[n]: the rows of the shard, by Thanos' hash over the chosen labels (external labels included)."""
    blob, start = labels.symbols.arrays()
    listed = np.array([code for text in shard.labels if (code := labels.symbols.find(text)) is not None], np.int32)
    columns = (labels.row_start, labels.name, labels.value)
    hashes = np.empty(len(labels), np.uint64)
    scratch = np.empty(measure_rows(*columns, start), np.uint8)
    hash_rows(*columns, blob, start, listed, int(shard.by), scratch, hashes)
    kept: NDArray[np.bool_] = hashes % np.uint64(shard.total) == np.uint64(shard.index)
    return kept
