"""Every target of the fuzzer by name, with the inputs that it begins with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from promontory.model.frame import Encoding
from tests.fuzz import chunk_targets, document_targets, frame_targets, index_targets, wire_targets
from tests.fuzz.outcome import Check


@dataclass(frozen=True, slots=True)
class Target:
    """What is done with an input, and how to make the first ones."""

    check: Check
    seeds: Callable[[], list[bytes]]


CHUNKS = {
    f"chunk_{encoding.name.lower()}": Target(
        chunk_targets.chunk_target(encoding), partial(chunk_targets.payloads, encoding)
    )
    for encoding in Encoding
    if encoding is not Encoding.AGGREGATES
}
TARGETS = CHUNKS | {
    "chunk_aggregates": Target(chunk_targets.check_aggregates, chunk_targets.aggregate_seeds),
    "frame": Target(frame_targets.check_frame, frame_targets.frame_seeds),
    "segment": Target(chunk_targets.check_segment, chunk_targets.segment_seeds),
    "index_symbols": Target(index_targets.check_symbols, index_targets.symbol_seeds),
    "index_postings_table": Target(index_targets.check_postings_table, index_targets.table_seeds),
    "index_postings": Target(index_targets.check_postings, index_targets.postings_seeds),
    "index_series": Target(index_targets.check_series, index_targets.series_seeds),
    "index_toc": Target(index_targets.check_toc, index_targets.toc_seeds),
    "index_header": Target(index_targets.check_header, index_targets.header_seeds),
    "tombstones": Target(index_targets.check_tombstones, index_targets.tombstone_seeds),
    "meta": Target(document_targets.check_meta, document_targets.meta_seeds),
    "mark": Target(document_targets.check_mark, document_targets.mark_seeds),
    "wire_series": Target(wire_targets.check_series_answer, wire_targets.series_seeds),
    "wire_frame": Target(wire_targets.check_wire_frame, wire_targets.frame_seeds),
    "wire_info": Target(wire_targets.check_info_answer, wire_targets.info_seeds),
    "wire_request": Target(wire_targets.check_series_request, wire_targets.request_seeds),
    "remote_stream": Target(wire_targets.check_remote_stream, wire_targets.stream_seeds),
    "remote_sampled": Target(wire_targets.check_remote_sampled, wire_targets.sampled_seeds),
}
