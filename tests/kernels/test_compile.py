"""The cache of machine code: a kernel's directory is named by all that it is made of, and by nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from promontory.kernels import compile as declaring
from promontory.kernels import rates, shortest
from promontory.kernels.compile import CACHE_VARIABLE, Kernel, cache_directory, kernel_sources


def modules_of(kernel: object) -> set[str]:
    assert isinstance(kernel, Kernel)
    return {name.rpartition(".")[2] for name in kernel_sources(kernel)}


def test_sources_are_those_of_called_kernels_and_of_what_these_import() -> None:
    assert {"compile", "rates", "windows", "memory"} <= modules_of(rates.rate_windows)
    assert "rates" not in modules_of(shortest.shorten)


def test_a_changed_source_changes_the_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    package = declaring.__name__.rpartition(".")[0]
    texts = {f"{package}.one": "A = 1\n", f"{package}.two": "B = 2\n"}

    def path_of(module: str) -> Path:
        path = tmp_path / f"{module}.py"
        path.write_text(texts[module])
        return path

    monkeypatch.setattr(declaring, "_source_path", path_of)
    first = cache_directory.__wrapped__(frozenset(texts))
    assert first == cache_directory.__wrapped__(frozenset(texts))
    texts[f"{package}.two"] = "B = 3\n"
    assert cache_directory.__wrapped__(frozenset(texts)) != first
    assert cache_directory.__wrapped__(frozenset([f"{package}.one"])) != first


def test_without_a_writable_place_there_is_no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file" / "below"))
    assert cache_directory.__wrapped__(frozenset()) is None
