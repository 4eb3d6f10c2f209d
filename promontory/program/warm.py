"""`promontory warm`: compile every kernel into the cache, so that no query waits for the compiler."""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
from collections.abc import Iterator

import promontory.kernels
from promontory.kernels.compile import Kernel, cache_bases
from promontory.service.command import Command
from promontory.service.flags import FlagSet
from promontory.service.values import Values


def every_kernel() -> Iterator[tuple[str, Kernel[..., object]]]:
    """Yield (module.name, kernel) of every kernel, sorted."""
    for module in sorted(pkgutil.iter_modules(promontory.kernels.__path__), key=lambda found: found.name):
        loaded = importlib.import_module(f"{promontory.kernels.__name__}.{module.name}")
        for name, value in sorted(vars(loaded).items()):
            if isinstance(value, Kernel) and value.__module__ == loaded.__name__:
                yield f"{module.name}.{name}", value


def _run(values: Values) -> int:
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    kernels = list(every_kernel())
    for _, kernel in track(kernels, "compiling kernels", console=console, disable=not sys.stderr.isatty()):
        _ = kernel.compiled
    where = next((base for base in cache_bases() if os.access(base, os.W_OK)), None)
    kept = f"kept in {where}" if where else "not kept: no cache directory is writable"
    sys.stdout.write(f"{len(kernels)} kernels compiled, {kept}\n")
    return 0


command = Command("warm", "Compile the kernels into the cache.", FlagSet(()), _run)
