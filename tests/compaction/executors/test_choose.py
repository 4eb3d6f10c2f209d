from __future__ import annotations

from pathlib import Path

import pytest

from promontory.bucket.memory import MemoryBucket
from promontory.bucket.secret import Secret
from promontory.compaction.executors import dask_cluster
from promontory.compaction.executors.choose import choose_executor
from promontory.compaction.executors.dask_cluster import DaskExecutor
from promontory.compaction.executors.local import LocalExecutor
from promontory.compaction.executors.processes import ProcessExecutor
from promontory.compaction.running.run_job import JobOptions
from promontory.errors import InputError
from promontory.testing.still_clock import StillClock


def choose(text: str, directory: Path) -> object:
    clock = StillClock()
    return choose_executor(text, MemoryBucket(clock), Secret("x"), directory, clock=clock, options=JobOptions())


def test_a_text_names_an_executor(tmp_path: Path) -> None:
    assert isinstance(choose("local", tmp_path), LocalExecutor)
    assert isinstance(choose("processes", tmp_path), ProcessExecutor)
    assert isinstance(choose("dask://host:8786", tmp_path), DaskExecutor)
    with pytest.raises(InputError, match="expected local, processes or dask://HOST:PORT, found 'ray'"):
        choose("ray", tmp_path)


def test_without_dask_it_is_named_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_cluster, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"promontory\[dask\]"):
        choose("dask://host:8786", tmp_path)
