"""downsample_block: a block made one of a coarser resolution, series by series.

    index ─► series in order ─► morsels ─┬─ samples, windows, chunks, records ─┐
                                         └─ …                                  ┴─► BlockWriter, in order

It is the pipeline of merge/blocks.py over one block. A morsel holds whole series, so memory grows with the longest of
them, not with the block; native histograms, which are a hundred times as large decoded as encoded, are decoded a few
series of a morsel at a time (decoding.py).

What meta.json says is the source's, but for the resolution, the counts and the files, as Thanos has it: sources, level
and range are kept, so that planning and the duplicate rule know what the block covers. Counts of floats and of
histograms, which Thanos copies from the raw block, are left out: aggregates are neither.
Format: docs/formats/downsampled.md.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np

from promontory.block.meta import BlockMeta, ThanosMeta
from promontory.block.prepared import PreparedSeries, prepare_series
from promontory.block.writer import BlockWriter
from promontory.compaction.downsample.aggregated import downsample_aggregates
from promontory.compaction.downsample.decoding import Morsel, check_order, split_rows
from promontory.compaction.downsample.parts import concat_chunks
from promontory.compaction.downsample.raw import downsample_raw
from promontory.compaction.groups import strip_replicas
from promontory.compaction.job import Job
from promontory.compaction.merge.blocks import write_morsels
from promontory.compaction.merge.chosen_series import choose_series
from promontory.compaction.merge.merged_window import MergedWindow, merge_series
from promontory.compaction.merge.morsel import Recipe, read_chunks
from promontory.compaction.merge.output_meta import COMPACTOR_SOURCE
from promontory.compaction.reading.local_block import LocalBlock
from promontory.errors import InputError
from promontory.model.symbols import SymbolTable
from promontory.model.time_range import TimeRange


def downsample_block(
    source: Path,
    target: Path,
    *,
    ulid: str,
    job: Job,
    workers: int = 2,
    stop: Callable[[], bool] = lambda: False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> BlockMeta | None:
    """Write the block `target`/`ulid` of the block in the directory `source`, at the job's resolution; return its meta.

    None says that no sample is left. Series that the job retires are dropped. `progress`
    is told bytes of chunks. Nothing is synced, as in merge_blocks. Blocks the thread. Raises CorruptionError, naming
    the block, where it is not good, InputError where its resolution does not divide the job's, and StoppedError;
    nothing is left behind then.
    """
    symbols = SymbolTable()
    with ExitStack() as opened:
        block = opened.enter_context(LocalBlock(source, symbols))
        meta = block.meta
        _check_resolution(meta, job)
        span = TimeRange(meta.min_time_ms, meta.max_time_ms - 1)
        recipe = Recipe([block], span, job.deduplication, np.zeros(1, np.uint8))
        writer = opened.enter_context(_open_writer(target, meta, ulid=ulid, job=job, symbols=symbols))
        windows = merge_series([choose_series(block, span, part=job.part, retired=job.retired)])
        write_morsels(
            windows, lambda window: _prepare(recipe, window, meta, job.resolution_ms), writer,
            workers=workers, halt=recipe.stop, stop=stop, progress=lambda done: progress(done, block.chunk_bytes),
        )  # fmt: skip
        return writer.finish() if writer.sample_count else None


def _check_resolution(meta: BlockMeta, job: Job) -> None:
    finer = meta.resolution_ms
    if finer >= job.resolution_ms or (finer and job.resolution_ms % finer):
        expected = f"a resolution that divides {job.resolution_ms} ms"
        raise InputError(f"block {meta.ulid} to be downsampled: expected {expected}, found {finer} ms")


def _open_writer(target: Path, meta: BlockMeta, *, ulid: str, job: Job, symbols: SymbolTable) -> BlockWriter:
    own = meta.thanos or ThanosMeta()
    labels = strip_replicas(own.labels, job.replica_labels)
    thanos = replace(
        own, labels=labels, resolution_ms=job.resolution_ms, source=COMPACTOR_SOURCE, upload_time_ms=None
    )  # fmt: skip
    span = (meta.min_time_ms, meta.max_time_ms)
    return BlockWriter(
        target, ulid=ulid, symbols=symbols, thanos=thanos, compaction=meta.compaction, range_ms=span, durable=False
    )


def _prepare(recipe: Recipe, window: MergedWindow, meta: BlockMeta, resolution_ms: int) -> PreparedSeries:
    read = read_chunks(recipe, window)
    morsel = Morsel(window.labels, read.columns, read.buffers, f"block {meta.ulid}", recipe.stop)
    check_order(morsel)
    pieces = []
    for part in split_rows(morsel, rows=len(window.labels)):
        if meta.resolution_ms:
            pieces.append(downsample_aggregates(part, from_ms=meta.resolution_ms, resolution_ms=resolution_ms))
        else:
            pieces.append(downsample_raw(part, resolution_ms=resolution_ms))
    return prepare_series(window.labels, *concat_chunks(pieces))
