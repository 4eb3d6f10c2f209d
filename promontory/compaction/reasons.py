"""Why blocks are marked against compaction or downsampling: the words in the marks, for people, alerts and metrics.

The first group are Thanos' own, which its compactor writes too; the others are ours.
"""

from __future__ import annotations

INDEX_TOO_LARGE = "index-size-exceeding"
OUT_OF_ORDER_CHUNKS = "block-index-out-of-order-chunk"
DOWNSAMPLED_OVERLAP = "downsample-vertical-compaction"

OVERLAPPING = "overlapping-blocks"
INCOMPLETE = "block-incomplete"
UNREADABLE_META = "block-meta-unreadable"
MALFORMED_INDEX = "block-index-malformed"
OUTSIDE_CHUNKS = "block-index-outside-chunk"
CORRUPT_CHUNKS = "block-chunk-corrupt"
UNWORKABLE = "block-not-compactable"
NOTHING_TO_DOWNSAMPLE = "nothing-to-downsample"

# Some samples of a block that is marked so cannot be read.
UNREADABLE = (INCOMPLETE, MALFORMED_INDEX, CORRUPT_CHUNKS)
