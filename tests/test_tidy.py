"""The rules of style.md that keep themselves. Each failure says what to write instead."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("promontory", "sidecar", "querier", "store_gateway", "compactor")

# Imports go down: a module may import only packages of a lower rank, or its own package.
RANKS = {
    "promontory.errors": 0,
    "promontory.octets": 1,
    "promontory.kernels": 1,
    "promontory.model": 2,
    "promontory.chunk": 3,
    "promontory.block": 4,
    "promontory.bucket": 4,
    "promontory.block_check": 5,
    "promontory.catalog": 5,
    "promontory.store": 6,
    "promontory.compaction": 6,
    "promontory.timeline": 6,
    "promontory.promql": 6,
    "promontory.shipper": 6,
    "promontory.api": 6,
    "promontory.discovery": 6,
    "promontory.service": 7,
    "promontory.query": 7,
    "sidecar": 8,
    "querier": 8,
    "store_gateway": 8,
    "compactor": 8,
    "promontory.program": 9,
    "promontory.testing": 10,
}
LONGEST_FILE = 400
LONGEST_FUNCTION = 70
# Heavy libraries are imported where they are used, so that --help, start-up and idle memory stay small.
LAZY_IN = ("promontory.kernels", "promontory.model", "promontory.chunk", "promontory.block", "promontory.bucket",
           "promontory.catalog", "promontory.promql")  # fmt: skip
HEAVY = {"numba", "pyarrow", "boto3", "botocore", "aiobotocore", "s3transfer", "fastapi", "grpc", "uvicorn", "moto"}


def product_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    paths = [Path(line) for line in listed.stdout.splitlines()]
    return [path for path in paths if path.parts[0] in PACKAGES and not path.stem.endswith(("_pb2", "_pb2_grpc"))]


FILES = product_files()
every_file = pytest.mark.parametrize("path", FILES, ids=str)


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(), str(path))


def module_of(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def package_of(module: str) -> str | None:
    return next((name for name in sorted(RANKS, key=len, reverse=True) if f"{module}.".startswith(f"{name}.")), None)


def imports_of(path: Path, *, at_run_time_only: bool = True) -> Iterator[tuple[int, str]]:
    guarded = {
        id(inner)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree_of(path)):
        if at_run_time_only and id(node) in guarded:
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def functions_of(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@every_file
def test_imports_go_down_the_ranks(path: Path) -> None:
    mine = package_of(module_of(path))
    if mine is None:
        return
    for line, name in imports_of(path, at_run_time_only=False):
        theirs = package_of(name)
        assert theirs is None or theirs == mine or RANKS[theirs] < RANKS[mine], (
            f"{path}:{line}: {mine} (rank {RANKS[mine]}) imports {theirs} (rank {RANKS[theirs]}); move what both "
            "need down, or take it as a constructor argument"
        )


def test_no_import_cycles() -> None:
    modules = {module_of(path): path for path in FILES}
    edges = {
        module: {name for _, name in imports_of(path, at_run_time_only=False) if name in modules and name != module}
        for module, path in modules.items()
    }
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, f"cycle {' -> '.join((*trail, module))}: move the shared noun to a file of its own"
        if module not in done:
            for name in sorted(edges[module]):
                visit(name, (*trail, module))
            done.add(module)

    for module in sorted(edges):
        visit(module, ())


@every_file
def test_files_hold_one_noun(path: Path) -> None:
    count = len((ROOT / path).read_text().splitlines())
    assert count <= LONGEST_FILE, f"{path} has {count} lines, more than {LONGEST_FILE}: which noun is missing?"


@every_file
def test_functions_fit_on_a_page(path: Path) -> None:
    for function in functions_of(path):
        count = (function.end_lineno or function.lineno) - function.lineno + 1
        assert count <= LONGEST_FUNCTION, (
            f"{path}:{function.lineno}: {function.name} has {count} lines, more than {LONGEST_FUNCTION}: "
            "name a step of it and make that a function"
        )


@every_file
def test_every_public_thing_says_what_it_is(path: Path) -> None:
    tree = tree_of(path)
    if path.name == "__init__.py" and not tree.body:
        return
    assert ast.get_docstring(tree), f"{path}: begin with a module docstring: what it is, its rule or layout, its source"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{path}:{node.lineno}: give {node.name} one sentence in the indicative"


@every_file
def test_kernels_are_declared_in_one_place(path: Path) -> None:
    allowed = path in (Path("promontory/kernels/compile.py"), Path("promontory/kernels/memory.py"))
    for line, name in imports_of(path):
        heavy = name.split(".")[0] in ("numba", "llvmlite")
        assert allowed or not heavy or path.parts[:2] == ("promontory", "kernels"), (
            f"{path}:{line}: import numba only below promontory/kernels; declare kernels with @kernel"
        )
    source = (ROOT / path).read_text()
    for banned in ("fastmath=", "parallel=True", "numba.jit(", "@njit", "prange"):
        assert banned not in source or allowed, f"{path}: `{banned}`: declare kernels with @kernel, which decides"


@every_file
def test_heavy_libraries_are_imported_where_they_are_used(path: Path) -> None:
    if package_of(module_of(path)) not in LAZY_IN:
        return
    for node in tree_of(path).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            for name in names:
                assert name.split(".")[0] not in HEAVY, (
                    f"{path}:{node.lineno}: import {name} inside the function that needs it: it costs every start"
                )


CLOCK_FILES = (Path("promontory/model/clock.py"),)
CLOCKS = {"time.time", "time.time_ns", "time.monotonic", "time.sleep", "datetime.now", "datetime.utcnow",
          "datetime.datetime.now", "datetime.date.today", "asyncio.sleep"}  # fmt: skip


@every_file
def test_time_comes_from_the_injected_clock(path: Path) -> None:
    if path in CLOCK_FILES:
        return
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in CLOCKS:
            raise AssertionError(
                f"{path}:{node.lineno}: {ast.unparse(node.func)}: take a Clock (promontory/model/clock.py) instead"
            )


@every_file
def test_no_bans_are_broken(path: Path) -> None:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            raise AssertionError(f"{path}:{node.lineno}: bare except: name the errors that you act on")
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print" and "program" not in path.parts:
            raise AssertionError(f"{path}:{node.lineno}: print: log an event, or return a value")
        if isinstance(node, ast.Global):
            raise AssertionError(f"{path}:{node.lineno}: global: give the state to an object with a lifetime")
    source = (ROOT / path).read_text()
    for word in ("TODO", "FIXME", "XXX", "NotImplementedError"):
        assert word not in source, f"{path}: {word}: do it, or say in the issue's note that it is not done"


ABBREVIATIONS = {"ctx", "cfg", "conf", "tmp", "idx", "cnt", "num", "buf", "req", "resp", "msg", "fn", "func", "val",
                 "vals", "ts", "lbl", "lbls", "ptr", "arr", "mgr", "svc", "util", "utils",
                 "helpers", "misc"}  # fmt: skip


@every_file
def test_names_are_words(path: Path) -> None:
    assert not ABBREVIATIONS & set(path.stem.split("_")), f"{path}: name the file after its noun"
    for function in functions_of(path):
        arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        for name in (function.name, *(argument.arg for argument in arguments)):
            short = set() if name == "py_func" else ABBREVIATIONS & set(name.strip("_").split("_"))
            assert not short, f"{path}:{function.lineno}: {name}: spell out {', '.join(sorted(short))}"


@every_file
def test_booleans_are_passed_by_name(path: Path) -> None:
    for function in functions_of(path):
        if function.name.startswith("__"):
            continue
        for argument in function.args.args:
            annotation = ast.unparse(argument.annotation) if argument.annotation else ""
            assert annotation != "bool", (
                f"{path}:{function.lineno}: {function.name}({argument.arg}): make it keyword-only"
            )


def test_nothing_names_this_machine() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    for name in tracked:
        path = ROOT / name
        if path.suffix in (".py", ".md", ".toml", ".txt", ".yml", ".yaml", "") and path.is_file():
            text = path.read_text(errors="replace")
            for banned in ("/wo" + "rk/", "/fa" + "rm/", "--index" + "-url", "pypi" + ".org/simple"):
                assert banned not in text, f"{name}: names {banned}: no path of a machine and no registry in a commit"


def test_links_between_documents_lead_somewhere() -> None:
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in listed.stdout.splitlines():
        document = ROOT / name
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text()):
            assert (document.parent / target).exists(), f"{name}: links to {target}, which is not there"
