import gzip
import io
import subprocess

import numpy as np
import pytest

from promontory.api.gzip_member import HEADER, GzipEnd, pack_part

PARTS = [b'{"a":', b"", b"123," * 40_000, np.random.default_rng(1).bytes(70_000), b"123," * 7, b"}"]


def member(parts: list[bytes]) -> bytes:
    end = GzipEnd()
    return HEADER + b"".join([end.add(pack_part(part)) for part in parts]) + end.write()


@pytest.mark.parametrize("parts", [PARTS, [b""]])
def test_parts_packed_apart_are_one_member(parts: list[bytes]) -> None:
    packed = member(parts)
    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
        assert file.read() == b"".join(parts)
    assert subprocess.run(["gzip", "-dc"], input=packed, capture_output=True, check=True).stdout == b"".join(parts)


def test_a_part_reads_without_those_before_it() -> None:
    import zlib

    first, second = pack_part(b"one, one, one, "), pack_part(b"one, one, two")
    assert zlib.decompressobj(-15).decompress(second.blocks) == b"one, one, two"
    assert zlib.decompressobj(-15).decompress(first.blocks) == b"one, one, one, "
