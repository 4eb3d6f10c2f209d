"""Generates the protobuf modules beside their .proto files: `python -m promontory.store.rpc.proto`.

The modules are checked in, so that only who changes a .proto needs grpcio-tools. A test compares them.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main(target: Path | None = None) -> int:
    """Generate below `target` (default: the folder that holds the package `promontory`)."""
    from grpc_tools import protoc  # type: ignore[import-untyped]

    folder = Path(__file__).resolve().parent
    root = folder.parents[3]
    well_known = Path(protoc.__file__).parent / "_proto"
    names = [str(path.relative_to(root)) for path in sorted(folder.glob("*.proto"))]
    into = target or root
    return int(
        protoc.main(
            ["protoc", f"-I{root}", f"-I{well_known}", f"--python_out={into}", f"--pyi_out={into}", *names],
        )
    )


if __name__ == "__main__":
    sys.exit(main())
