"""merge_blocks: several blocks of one stream made one, series by series.

    index of each block ─► series in one order ─► morsels ─┬─ prepare ─┐
                                                           └─ prepare ─┴─► BlockWriter, in order

The calling thread reads the indexes and writes; morsels are read, merged and turned into records by a pool beside it,
one more than it has threads at a time. Memory: the distinct strings of all labels, four bytes for each symbol of each
block, a few morsels, about two pieces of each index, and what BlockWriter holds; no part of it grows with the samples
of the blocks, but for a series that is larger than a morsel.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from promontory.block.meta import BlockMeta
from promontory.block.prepared import PreparedSeries
from promontory.block.writer import BlockWriter
from promontory.compaction.job import Job
from promontory.compaction.merge.chosen_series import choose_series
from promontory.compaction.merge.merged_window import MergedWindow, merge_series
from promontory.compaction.merge.morsel import Recipe, prepare_morsel, split_window
from promontory.compaction.merge.output_meta import make_compaction, make_thanos
from promontory.compaction.reading.local_block import LocalBlock
from promontory.errors import StoppedError
from promontory.model.symbols import SymbolTable
from promontory.model.time_range import TimeRange

Stop = Callable[[], bool]
Progress = Callable[[int, int], None]


def merge_blocks(
    inputs: Sequence[Path],
    target: Path,
    *,
    ulid: str,
    job: Job,
    workers: int = 2,
    stop: Stop = lambda: False,
    progress: Progress = lambda done, total: None,
) -> BlockMeta | None:
    """Write the block `target`/`ulid` of the blocks in the directories `inputs`, and return its meta.

    None says that no sample is left. Series that the job retires are dropped. `progress`
    is told bytes of chunks. Nothing is synced: who needs the block has read it back. Blocks the thread. Raises
    CorruptionError, naming `<ULID>/<file>`, where an input is not good, and StoppedError; nothing is left behind then.
    """
    symbols = SymbolTable()
    with ExitStack() as opened:
        blocks = [opened.enter_context(LocalBlock(path, symbols)) for path in inputs]
        metas = [block.meta for block in blocks]
        start_ms = min(meta.min_time_ms for meta in metas)
        end_ms = max(meta.max_time_ms for meta in metas)
        recipe = Recipe(blocks, TimeRange(start_ms, end_ms - 1), job.deduplication, np.zeros(1, np.uint8))
        streams = [choose_series(block, recipe.time_range, part=job.part, retired=job.retired) for block in blocks]
        writer = opened.enter_context(
            BlockWriter(
                target,
                ulid=ulid,
                symbols=symbols,
                range_ms=(start_ms, end_ms),
                durable=False,
                compaction=make_compaction(job, metas),
                thanos=make_thanos(job, metas),
            )
        )
        total = sum(block.chunk_bytes for block in blocks)
        windows = merge_series(streams)
        write_morsels(
            windows, lambda morsel: prepare_morsel(recipe, morsel), writer,
            workers=workers, halt=recipe.stop, stop=stop, progress=lambda done: progress(done, total),
        )  # fmt: skip
        return writer.finish() if writer.sample_count else None


def write_morsels(
    windows: Iterator[MergedWindow],
    prepare: Callable[[MergedWindow], PreparedSeries],
    writer: BlockWriter,
    *,
    workers: int,
    halt: NDArray[np.uint8],
    stop: Stop,
    progress: Callable[[int], None],
) -> None:
    """Have all morsels prepared by a pool and write them in order; `progress` is told the bytes of chunks read.

    `halt` is uint8[1] that `prepare` looks at: it is set where this ends early. Raises StoppedError.
    """
    flying: deque[tuple[int, Future[PreparedSeries]]] = deque()
    done = 0

    def check_stop() -> None:
        if stop():
            raise StoppedError("making a block: stopped")

    def write_next() -> None:
        nonlocal done
        check_stop()
        size_bytes, future = flying.popleft()
        writer.add_prepared(future.result())
        done += size_bytes
        progress(done)

    with ThreadPoolExecutor(workers, thread_name_prefix="compaction") as pool:
        try:
            for window in windows:
                check_stop()
                for morsel in split_window(window):
                    while len(flying) > workers:
                        write_next()
                    size_bytes = int(morsel.record_bytes.sum())
                    flying.append((size_bytes, pool.submit(prepare, morsel)))
            while flying:
                write_next()
        except BaseException:
            halt[0] = 1
            pool.shutdown(cancel_futures=True)
            raise
