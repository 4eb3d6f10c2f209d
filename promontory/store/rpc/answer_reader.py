"""AnswerReader: the messages of one Series answer to Frames and warnings, whichever form the peer chose."""

from __future__ import annotations

from promontory.model.context import Budget
from promontory.model.symbols import SymbolTable
from promontory.store.rpc.decode import Answer, decode_series
from promontory.store.rpc.frame_reader import FrameReader, is_frame

# What is no more than this is read sooner than a thread is woken for it.
SMALL_BYTES = 32 << 10


def is_small(message: bytes) -> bool:
    """Say whether a message may be read on the event loop."""
    return len(message) <= SMALL_BYTES and is_frame(message)


class AnswerReader:
    """Reads in the order of the answer."""

    def __init__(self, symbols: SymbolTable, budget: Budget, *, endpoint: str) -> None:
        self._symbols = symbols
        self._budget = budget
        self._endpoint = endpoint
        self._frames = FrameReader(symbols, budget, endpoint=endpoint)

    def read(self, message: bytes) -> Answer:
        """Return what a message holds: a Frame of columns alone, or series and warnings laid end to end.

        Raises StoreError naming the endpoint, and LimitError where columns would exceed the budget.
        """
        if is_frame(message):
            return Answer(self._frames.read(message), ())
        return decode_series(message, self._symbols, self._budget, endpoint=self._endpoint)
