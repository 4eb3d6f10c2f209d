"""Removing replica labels from Frames: what was removed becomes the `source` of the chunks.

The text of a source is `name="value"` of each replica label the series has, joined by ',' in label order, the value
as it stands. Whoever strips writes the same text, so chunks of one replica meet in one lane wherever they came from.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from promontory.model.frame import Frame
from promontory.model.labels import Labels


def source_text(replica: Labels) -> bytes:
    """Return the source of a replica's chunks: empty where no replica label was there."""
    return b",".join(name + b'="' + value + b'"' for name, value in replica.pairs)


def strip_labels(frame: Frame, names: Collection[bytes]) -> Frame:
    """Return the frame less the labels named; chunks without a source get one. The order of rows may break."""
    labels = frame.labels.without(names)
    if labels is frame.labels:
        return frame
    group, replicas = frame.labels.group(names, by=True)
    texts = [source_text(replicas.labels(row)) for row in range(len(replicas))]
    codes = np.array([labels.symbols.intern(text) for text in texts], np.int32)
    source = np.where(frame.chunks.source != 0, frame.chunks.source, codes[group[frame.chunks.row]])
    return Frame(labels, replace(frame.chunks, source=source.astype(np.int32)), frame.buffers)
