"""Putting an unsorted answer in order: gather all of it, within the query's budget, and sort.

For peers that do not promise Store order after replica labels were removed (Thanos at HEAD re-sorts such answers
too), and for sources that have no order.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection

from promontory.model.context import QueryContext
from promontory.model.frame import Frame
from promontory.store.frames import held_bytes, join_frames, split_frame
from promontory.store.merge import close_stream
from promontory.store.strip import strip_labels


async def sort_frames(
    stream: AsyncIterator[Frame], context: QueryContext, *, without: Collection[bytes] = ()
) -> AsyncGenerator[Frame, None]:
    """Yield all rows of the stream in Store order, less the labels `without`, each label set once.

    Raises LimitError where the answer does not fit the query's budget.
    """
    gathered: list[Frame] = []
    charged_bytes = 0
    try:
        async for frame in stream:
            size_bytes = held_bytes(frame)
            charged_bytes += size_bytes
            context.budget.charge(size_bytes)
            gathered.append(await context.run(strip_labels, frame, without) if without else frame)
        if gathered:
            ordered = await context.run(join_frames, gathered)
            gathered.clear()
            for piece in split_frame(ordered):
                yield piece
    finally:
        context.budget.release(charged_bytes)
        await close_stream(stream)
