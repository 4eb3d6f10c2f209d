"""What the block that a merge makes says of its origin.

    merge      level above the highest, sources of all, parents; source "compactor"
    rewrite    level and parents of its input, and what was taken away; one source more than its input, so that it
               covers it, in Thanos' eyes too. That source is a hash of what was rewritten and how: done twice, by two
               compactors or by one that was cut off, it gives blocks of the same sources, of which one stays

Source: prometheus tsdb/compact.go (CompactBlockMetas); thanos pkg/compact/compact.go, cmd/thanos/tools_bucket.go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from promontory.block.meta import PART_LABEL, BlockMeta, Compaction, ParentBlock, ThanosMeta
from promontory.block.strict_json import JsonObject
from promontory.block.ulid import ENTROPY_BYTES, make_ulid, ulid_time_ms
from promontory.compaction.groups import strip_replicas
from promontory.compaction.job import Job, JobKind
from promontory.compaction.rewrites import applied_selectors, render_rewrite
from promontory.model.labels import Labels
from promontory.model.matcher import Matcher

COMPACTOR_SOURCE = "compactor"
REWRITE_SOURCE = "bucket.rewrite"
# A hint that speaks of all samples, and so holds only where all blocks have it; the others hold where one has them.
OF_ALL_HINT = "from-out-of-order"


def make_compaction(job: Job, inputs: Sequence[BlockMeta]) -> Compaction:
    """Return where the output comes from."""
    if job.kind is JobKind.REWRITE:
        sources = inputs[0].compaction.sources or (inputs[0].ulid,)
        sources = tuple(sorted({*sources, _name_rewrite(sources, job.retired)}))
        return replace(inputs[0].compaction, sources=sources, failed=False, deletable=False)
    hints = {hint for meta in inputs for hint in meta.compaction.hints}
    if not all(OF_ALL_HINT in meta.compaction.hints for meta in inputs):
        hints.discard(OF_ALL_HINT)
    return Compaction(
        level=max(meta.compaction.level for meta in inputs) + 1,
        sources=tuple(sorted({source for meta in inputs for source in meta.compaction.sources})),
        parents=tuple(ParentBlock(meta.ulid, meta.min_time_ms, meta.max_time_ms) for meta in inputs),
        hints=tuple(sorted(hints)),
    )


def _name_rewrite(sources: Sequence[str], retired: Sequence[Sequence[Matcher]]) -> str:
    """Return the ULID that stands for a rewrite among the sources; it is as old as the youngest of them."""
    selectors = sorted(",".join(sorted(map(str, matchers))) for matchers in retired)
    text = "\n".join((*sorted(sources), *selectors))
    digest = hashlib.blake2b(text.encode(), digest_size=ENTROPY_BYTES, person=b"rewrite").digest()
    return make_ulid(max(map(ulid_time_ms, sources)), digest)


def make_thanos(job: Job, inputs: Sequence[BlockMeta]) -> ThanosMeta:
    """Return Thanos' part of the output's meta, as far as the inputs tell it."""
    extensions: JsonObject = {}
    for meta in inputs:
        extensions = {**extensions, **(meta.thanos.extensions if meta.thanos else {})}
    return ThanosMeta(
        labels=_name_part(strip_replicas(inputs[0].labels, job.replica_labels), job),
        resolution_ms=job.resolution_ms,
        source=REWRITE_SOURCE if job.kind is JobKind.REWRITE else COMPACTOR_SOURCE,
        rewrites=_list_rewrites(job, inputs),
        extensions=extensions,
    )


def _name_part(labels: Labels, job: Job) -> Labels:
    """Return the labels with the one that tells the outputs of part jobs apart."""
    if job.part is None:
        return labels
    part = f"{job.part.index + 1}_of_{job.part.total}".encode()
    return Labels(tuple(sorted((*labels.without([PART_LABEL]).pairs, (PART_LABEL, part)))))


def _list_rewrites(job: Job, inputs: Sequence[BlockMeta]) -> tuple[JsonObject, ...]:
    """Return what was dropped from the output: now, and before from all of the inputs."""
    sources = sorted({source for meta in inputs for source in meta.compaction.sources})
    now = (render_rewrite(sources, job.retired),) if job.retired else ()
    if job.kind is JobKind.REWRITE:
        return (*(inputs[0].thanos.rewrites if inputs[0].thanos else ()), *now)
    in_all = frozenset.intersection(*(applied_selectors(meta) for meta in inputs))
    before = sorted((sorted(matchers, key=str) for matchers in in_all), key=str)
    left = [matchers for matchers in before if frozenset(matchers) not in {frozenset(each) for each in job.retired}]
    return (*((render_rewrite(sources, left),) if left else ()), *now)
