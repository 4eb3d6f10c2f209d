"""Job: one block to be made of others. A value: it can be shown, sent to another machine and run again.

    merge       blocks of one stream and resolution -> one block of the next level
    downsample  one block -> the same range at a coarser resolution
    rewrite     one block -> itself, without the series that a policy has retired

A job says what is to be made and of what; it does not say where the bucket is, nor which ULID the output gets.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from promontory.model.matcher import Matcher

# What must stay free beside what a job writes: the index of its output is sorted on disk, and others write too.
SPARE_BYTES = 64 * 2**20


class JobKind(Enum):
    """What is done with the inputs."""

    MERGE = "merge"
    DOWNSAMPLE = "downsample"
    REWRITE = "rewrite"


class Deduplication(Enum):
    """What becomes of samples of one series at overlapping times; the value is --deduplication.func's."""

    ONE_TO_ONE = ""
    PENALTY = "penalty"


@dataclass(frozen=True, slots=True)
class Part:
    """The series whose hash is `index` modulo `total`: a share of a stream too large for one job."""

    index: int
    total: int


@dataclass(frozen=True, slots=True)
class Job:
    """`inputs` are ULIDs by minimum time; `resolution_ms` is the output's. A series that all matchers
    of one of `retired` select is dropped.

    `group` is the text of the group's key, for people and metrics. `replica_labels` are left out of the external
    labels of the output.
    """

    kind: JobKind
    group: str
    inputs: tuple[str, ...]
    resolution_ms: int
    deduplication: Deduplication = Deduplication.ONE_TO_ONE
    replica_labels: tuple[str, ...] = ()
    part: Part | None = None
    retired: tuple[tuple[Matcher, ...], ...] = ()
