"""The templates of `ls --output`: what people write of Go's text/template to show blocks, which is fields.

    {{.ULID}} {{.MinTime}} {{.Thanos.Downsample.Resolution}} {{.Thanos.Labels.cluster}}

Anything else of that language (range, if, functions, pipes) is an InputError that names it.
Source: thanos cmd/thanos/tools_bucket.go; the fields are those of thanos pkg/block/metadata/meta.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from promontory.block.meta import BlockMeta
from promontory.errors import InputError

_ACTION = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_LABEL = re.compile(r'\.Thanos\.Labels\.(\w+)|index\s+\.Thanos\.Labels\s+"([^"\\]*)"', re.ASCII)

Show = Callable[[BlockMeta], str]

FIELDS: dict[str, Show] = {
    ".ULID": lambda meta: meta.ulid,
    ".MinTime": lambda meta: str(meta.min_time_ms),
    ".MaxTime": lambda meta: str(meta.max_time_ms),
    ".Stats.NumSamples": lambda meta: str(meta.stats.sample_count),
    ".Stats.NumSeries": lambda meta: str(meta.stats.series_count),
    ".Stats.NumChunks": lambda meta: str(meta.stats.chunk_count),
    ".Stats.NumTombstones": lambda meta: str(meta.stats.tombstone_count),
    ".Stats.NumFloatSamples": lambda meta: str(meta.stats.float_sample_count),
    ".Stats.NumHistogramSamples": lambda meta: str(meta.stats.histogram_sample_count),
    ".Compaction.Level": lambda meta: str(meta.compaction.level),
    ".Compaction.Failed": lambda meta: str(meta.compaction.failed).lower(),
    ".Compaction.Deletable": lambda meta: str(meta.compaction.deletable).lower(),
    ".Compaction.Sources": lambda meta: f"[{' '.join(meta.compaction.sources)}]",
    ".Thanos.Downsample.Resolution": lambda meta: str(meta.resolution_ms),
    ".Thanos.Source": lambda meta: meta.thanos.source if meta.thanos else "",
    ".Thanos.Labels": lambda meta: "map[" + " ".join(f"{k}:{v}" for k, v in meta.labels.to_text().items()) + "]",
    ".Version": lambda meta: "1",
}


def parse_template(text: str) -> Show:
    """Return what writes a block by a template. Raises InputError naming what it cannot show."""
    parts: list[str | Show] = []
    end = 0
    for found in _ACTION.finditer(text):
        parts += [_plain(text[end : found.start()]), _field(found[1].strip())]
        end = found.end()
    parts.append(_plain(text[end:]))
    return lambda meta: "".join(part if isinstance(part, str) else part(meta) for part in parts)


def _plain(text: str) -> str:
    if "{{" in text:
        raise InputError(f"flag --output: expected '}}}}' after '{{{{' in the template, found {text!r}")
    return text


def _field(text: str) -> Show:
    label = _LABEL.fullmatch(text)
    if label is not None:
        name = label[1] or label[2]
        return lambda meta: meta.labels.to_text().get(name, "<no value>" if label[1] else "")
    if text not in FIELDS:
        expected = ", ".join([*FIELDS, ".Thanos.Labels.NAME"])
        raise InputError(f"flag --output: expected json, wide or a template of {expected}; found {{{{{text}}}}}")
    return FIELDS[text]
