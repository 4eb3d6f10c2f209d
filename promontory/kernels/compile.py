"""The one way to declare a kernel.

    @kernel("int64(octets, int64, int64[::1])")
    def count_ones(data, end, out): ...

The text is a numba signature in which `octets` is a read-only uint8 array (C order) and numba's type names
stand for themselves. A kernel is compiled on its first call, never at import, so importing this package costs
neither numba nor memory. Machine code is kept in a directory named by the hash of every source the kernel is made
of, the numba version and the CPU: numba's own cache looks only at the file a kernel stands in and goes on serving
old code when a helper in another file changed. A kernel's sources are those of the kernels it calls and what these
files import, so a change compiles again what it touches and nothing else.

A kernel may call other kernels and intrinsics by their imported names. `kernel.py_func` is the same function in
plain Python, with the kernels and intrinsics it calls in plain Python too: it is the definition that tests
compare with, and runs where numba does not.

Rule: arrays in, preallocated arrays and a status out; no objects, no raising, no allocation in the inner loop.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import sys
import threading
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar, cast

P = ParamSpec("P")
R = TypeVar("R")

INLINED = ""
# Names that make a kernel own memory. Kernels that use none are compiled without numba's reference counts: two
# atomic additions for each array at each call of another kernel, which were three quarters of parsing a message.
ALLOCATING = frozenset({"empty", "zeros", "ones", "full", "arange", "sort", "argsort", "octets_at"})
CACHE_VARIABLE = "PROMONTORY_KERNEL_CACHE"


class Intrinsic(Generic[P, R]):
    """A primitive with two bodies: plain Python, and one that `build` makes for numba when first needed."""

    def __init__(self, plain: Callable[P, R], build: Callable[[], object]) -> None:
        self.py_func = plain
        self._build = build
        functools.update_wrapper(self, plain)

    @functools.cached_property
    def compiled(self) -> object:
        """The numba function (an `@intrinsic` or an inlined `@njit`)."""
        return self._build()

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.py_func(*args, **kwargs)


class Kernel(Generic[P, R]):
    """A function compiled to machine code on its first call."""

    def __init__(self, function: Callable[P, R], signature: str) -> None:
        self._function = cast("types.FunctionType", function)
        self._call: Callable[P, R] | None = None
        self.signature = signature
        functools.update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        call = self._call
        if call is None:
            call = self.compiled
            self._call = call
        return call(*args, **kwargs)

    @functools.cached_property
    def py_func(self) -> Callable[P, R]:
        """The plain-Python twin: the definition."""
        return cast("Callable[P, R]", _rebind(self._function, lambda callee: callee.py_func))

    @functools.cached_property
    def compiled(self) -> Callable[P, R]:
        """The machine code, from the cache where it is there."""
        with _COMPILING:
            return cast("Callable[P, R]", _compile(self._function, self.signature))


def kernel(signature: str) -> Callable[[Callable[P, R]], Kernel[P, R]]:
    """Declare a kernel of the given signature."""
    return lambda function: Kernel(function, signature)


def inlined(function: Callable[P, R]) -> Kernel[P, R]:
    """Declare a small part of kernels that is copied into each of them, never called.

    For what is done for every field of a message, where a call would cost as much as the work.
    """
    return Kernel(function, INLINED)


def intrinsic(build: Callable[[], object]) -> Callable[[Callable[P, R]], Intrinsic[P, R]]:
    """Declare a primitive whose numba body `build()` makes; the decorated function is its plain twin."""
    return lambda plain: Intrinsic(plain, build)


_COMPILING = threading.RLock()


def _compile(function: types.FunctionType, signature: str) -> object:
    import numba

    if signature == INLINED:
        return numba.njit(_rebind(function, lambda callee: callee.compiled), inline="always", error_model="numpy")
    octets = numba.types.Array(numba.types.uint8, 1, "C", readonly=True)
    typed = eval(signature, {**vars(numba.types), "octets": octets})
    bound = _rebind(function, lambda callee: callee.compiled)
    directory = cache_directory(_sources(function))
    owns_memory = not ALLOCATING.isdisjoint(function.__code__.co_names)
    options = {"nogil": True, "error_model": "numpy", "_nrt": owns_memory}
    if directory is None:
        return numba.njit(typed, **options)(bound)
    numba.config.CACHE_DIR = str(directory)
    return numba.njit(typed, cache=True, **options)(bound)


def _rebind(function: types.FunctionType, choose: Callable[[Any], object]) -> types.FunctionType:
    """Return the function with the kernels and intrinsics among its globals replaced by `choose` of each."""
    names = {
        name: choose(value)
        for name in function.__code__.co_names
        if isinstance(value := function.__globals__.get(name), Kernel | Intrinsic)
    }
    if not names:
        return function
    bound = types.FunctionType(
        function.__code__, {**function.__globals__, **names}, function.__name__, function.__defaults__
    )
    bound.__module__ = function.__module__
    bound.__qualname__ = function.__qualname__
    return bound


def kernel_sources(kernel: Kernel[..., object]) -> frozenset[str]:
    """Return the modules whose text decides what a kernel compiles to."""
    return _sources(kernel._function)


def _sources(function: types.FunctionType) -> frozenset[str]:
    modules = {__name__}
    waiting = [function]
    seen = set()
    while waiting:
        caller = waiting.pop()
        modules |= _imports(caller.__module__)
        for name in caller.__code__.co_names:
            callee = caller.__globals__.get(name)
            if isinstance(callee, Intrinsic):
                modules |= _imports(callee.py_func.__module__)
            elif isinstance(callee, Kernel) and callee not in seen:
                seen.add(callee)
                waiting.append(callee._function)
    return frozenset(modules)


@functools.cache
def _imports(module: str) -> frozenset[str]:
    """Return a module and those beside it that it imports, near and far."""
    package = __name__.rpartition(".")[0]
    found = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in found or not name.startswith(package):
            continue
        found.add(name)
        text = _source_path(name).read_text()
        waiting += re.findall(rf"^(?:from|import) ({re.escape(package)}\.\w+)", text, re.MULTILINE)
    return frozenset(found)


def _source_path(module: str) -> Path:
    return Path(__file__).with_name(f"{module.rpartition('.')[2]}.py")


@functools.cache
def cache_directory(modules: frozenset[str]) -> Path | None:
    """The directory of machine code for these modules on this machine, or None where none is writable."""
    import llvmlite.binding
    import numba

    digest = hashlib.sha256(f"{numba.__version__} {llvmlite.binding.get_host_cpu_name()}".encode())
    digest.update(sys.version.encode())
    for module in sorted(modules):
        digest.update(module.encode() + b"\0" + _source_path(module).read_bytes())
    for base in cache_bases():
        directory = base / f"kernels-{digest.hexdigest()[:16]}"
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(directory, os.W_OK):
            return directory
    return None


def cache_bases() -> list[Path]:
    """Return where machine code may be kept, best first."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return [Path(chosen)]
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return [Path(sys.prefix) / "share" / "promontory", Path(home) / "promontory"]
