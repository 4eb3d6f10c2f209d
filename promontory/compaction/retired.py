"""Which series a policy has retired: those that all matchers of one of its selectors accept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from promontory.model.label_rows import LabelRows
from promontory.model.matcher import Matcher


def find_retired(labels: LabelRows, selectors: Sequence[Sequence[Matcher]]) -> NDArray[np.bool_]:
    """Return bool[n]: which rows one of the selectors accepts; each distinct value of a label is asked once."""
    retired = np.zeros(len(labels), np.bool_)
    for selector in selectors:
        accepted = np.ones(len(labels), np.bool_)
        for matcher in selector:
            codes, inverse = np.unique(labels.column(matcher.name), return_inverse=True)
            texts = (labels.symbols.text(int(code)) for code in codes)
            accepted &= np.array([matcher.matches(text) for text in texts], np.bool_)[inverse]
        retired |= accepted
    return retired
