"""One target under atheris: `python -m tests.fuzz.worker TARGET [libFuzzer's options and directories]`.

Branches of the plain twins and of the modules around them are what libFuzzer sees; the machine code runs beside them
on the same input. The twins get their counters after every kernel has been compiled: numba must not see them.
"""

from __future__ import annotations

import pkgutil
import sys
import warnings
from pathlib import Path

import atheris

KERNELS = Path(__file__).resolve().parents[2] / "promontory" / "kernels"


def main() -> None:
    """Run the target named by the first argument until libFuzzer ends."""
    kernel_modules = [f"promontory.kernels.{found.name}" for found in pkgutil.iter_modules([str(KERNELS)])]
    with atheris.instrument_imports(include=["promontory"], exclude=kernel_modules, enable_loader_override=False):
        from tests.fuzz.plain_kernels import check_bounds, loaded_kernels

        check_bounds()
        from tests.fuzz.outcome import check_input
        from tests.fuzz.targets import TARGETS
    warnings.simplefilter("error")
    name = sys.argv.pop(1)
    target = TARGETS[name]
    # What libFuzzer runs again, by a shell, to merge inputs.
    sys.argv[0] = f"{sys.executable} -m tests.fuzz.worker {name}"
    for seed in target.seeds():
        try:
            check_input(target.check, seed)
        except Exception as error:
            print(f"a seed is a find: {error!r:.200}", flush=True)
    kernels = loaded_kernels()
    for kernel in kernels:
        _ = kernel.compiled
    for kernel in kernels:
        atheris.instrument_func(kernel.py_func)

    def run(data: bytes) -> None:
        check_input(target.check, data)

    atheris.Setup(sys.argv, run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
