"""label_replace and label_join: each distinct value is computed once, rows follow by code."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from promontory.errors import ExecutionError, InputError
from promontory.model.labels import METRIC_NAME
from promontory.model.matcher import compile_regex
from promontory.model.steps import Steps
from promontory.promql.execution.run import Run
from promontory.promql.execution.values import merge_equal
from promontory.promql.plan.nodes import LabelJoin, LabelReplace

if TYPE_CHECKING:
    import re2

# A reference in a replacement: $$, $1, $name, ${1}, ${name}. Names are of letters, digits and _ of any script.
_REFERENCE = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})")
# A number with a zero in front is a name.
_GROUP_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)


def replace_labels(run: Run, node: LabelReplace, steps: Steps) -> Steps:
    """Return the rows with `target` set where the whole value of `source` matches; an empty result removes it."""
    try:
        pattern = compile_regex(node.pattern.encode(errors="surrogateescape"))
    except InputError as error:
        text = f"invalid regular expression in label_replace(): {node.pattern}"
        raise ExecutionError(text) from error
    target = _label_name(node.target, f"invalid destination label name in label_replace(): {node.target}")
    replacement = node.replacement.encode(errors="surrogateescape")
    values = steps.labels.column(node.source.encode(errors="surrogateescape"))
    codes, inverse = np.unique(values, return_inverse=True)
    made = np.empty(len(codes), np.int32)
    matched = np.zeros(len(codes), np.bool_)
    for place, code in enumerate(codes):
        found = pattern.fullmatch(run.symbols.text(int(code)))
        if found is not None:
            matched[place] = True
            made[place] = run.symbols.intern(_expand(replacement, found, pattern))
    return _set_column(steps, target, np.where(matched[inverse], made[inverse], steps.labels.column(target)),
                       touched=matched[inverse])  # fmt: skip


def _expand(replacement: bytes, found: re2._Match[bytes], pattern: re2._Regexp[bytes]) -> bytes:
    """Fill references as Go does: an unknown one is empty, and a name is as long as it can be."""

    def fill(reference: re.Match[str]) -> str:
        if reference[1]:
            return "$"
        name = reference[2] or reference[3]
        is_number = _GROUP_NUMBER.fullmatch(name) is not None
        number = int(name) if is_number else pattern.groupindex.get(name.encode(errors="surrogateescape"))
        group = found.group(number) if number is not None and number <= pattern.groups else None
        return (group or b"").decode(errors="surrogateescape")

    text = replacement.decode(errors="surrogateescape")
    return _REFERENCE.sub(fill, text).encode(errors="surrogateescape")


def join_labels(run: Run, node: LabelJoin, steps: Steps) -> Steps:
    """Return the rows with `target` set to the values of the sources, separated."""
    for source in node.sources:
        _label_name(source, f"invalid source label name in label_join(): {source}")
    target = _label_name(node.target, f"invalid destination label name in label_join(): {node.target}")
    separator = node.separator.encode(errors="surrogateescape")
    columns = [steps.labels.column(source.encode()) for source in node.sources]
    rows = np.stack(columns, axis=1) if columns else np.zeros((len(steps), 0), np.int32)
    distinct, inverse = np.unique(rows, axis=0, return_inverse=True)
    made = [run.symbols.intern(separator.join(run.symbols.text(int(code)) for code in codes)) for codes in distinct]
    codes = np.array(made, np.int32)[inverse.reshape(-1)] if len(steps) else np.empty(0, np.int32)
    return _set_column(steps, target, codes, touched=np.ones(len(steps), np.bool_))


def _set_column(steps: Steps, target: bytes, codes: NDArray[np.int32], *, touched: NDArray[np.bool_]) -> Steps:
    marks = steps.drop_name & ~touched if target == METRIC_NAME else steps.drop_name
    labels = steps.labels.with_column(target, codes)
    return merge_equal(replace(steps, labels=labels, drop_name=marks))


def _label_name(text: str, refusal: str) -> bytes:
    """Return a label name: any text but none, and no bytes that are not UTF-8."""
    try:
        name = text.encode()
    except UnicodeEncodeError:
        name = b""
    if not name:
        raise ExecutionError(refusal)
    return name
