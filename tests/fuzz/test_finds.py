"""What fuzzing has found: inputs that were misread before. Each target states what must hold; the name says what did
not."""

from __future__ import annotations

import pytest

from tests.fuzz.outcome import check_input
from tests.fuzz.targets import TARGETS

META = (
    b'{"version": 1, "ulid": "01HF1Z4YQ0000000000000000A", "minTime": 0, "maxTime": 5, "thanos": {"version": 1, '
    b'"labels": %s, "files": [{"rel_path": "index", "hash": {"value": "ab"}}]}}'
)
FINDS = {
    "an index of no postings was a ValueError": ("index_postings_table", "00000000"),
    "a series with a nameless label was served": ("index_series", "01000101000108"),
    "a nameless label of a remote-read answer was served": ("remote_sampled", "010a070a050a03120161"),
    "nameless external labels were taken": ("meta", (META % b'{"": "a"}').hex()),
    "the hash of a file was forgotten where its function was": ("meta", (META % b"{}").hex()),
    "a deletion mark had a reason": (
        "mark",
        b'{"id": "01HF1Z4YQ0000000000000000A", "version": 1, "deletion_time": 1, "reason": "manual"}'.hex(),
    ),
    "a bucket in which two of a finer schema cancel out stayed": (
        "chunk_histogram",
        "000500ff3f50624dd2f1a9fcc4d446e6000000000000000193dbef31d8e60003c0ff3f50624dd262d6ae0f00b99627e0"
        "ea63e0f1a9fcde46dd7888c76b000000000000000193dbef6e31c3ae6daad84001000000",
    ),
    "a count of -0 became 0 when it was written again": (
        "chunk_float_histogram",
        "0012000000000000000000000000000000000000000008000000800000000000080000080005000000000000000003c0",
    ),
    "a negative zero threshold became positive when it was written again": (
        "chunk_float_histogram_st",
        "c001d2ffc0000000000000000000000000000000000000000000000000000000000000000000000000000000000057670101f0",
    ),
    "samples more than 2^63 ms apart could not be read as XOR": (
        "chunk_xor2",
        "0002fcffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7ffd27fcfc0e0ef6f1f1f1d2d1edff317f08ffff",
    ),
}


@pytest.mark.parametrize("name", FINDS)
def test_what_was_found_once_is_not_found_again(name: str) -> None:
    target, digits = FINDS[name]
    check_input(TARGETS[target].check, bytes.fromhex(digits))
