"""ULIDs: the names of blocks.

    26 characters of Crockford's base 32:  TTTTTTTTTT RRRRRRRRRRRRRRRR
                                           48 bits ms 80 bits random

The strict form only: upper case, no I L O U, first character 0 to 7. Anything else in a bucket is not a block.
Source: github.com/ulid/spec. Format: docs/formats/meta.md.
"""

from __future__ import annotations

import re

from promontory.errors import InputError

ENTROPY_BYTES = 10
MAX_ULID_TIME_MS = 2**48 - 1

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_STRICT = re.compile(r"\A[0-7][0-9A-HJKMNP-TV-Z]{25}\Z")
_TIME_CHARACTERS = 10


def is_ulid(text: str) -> bool:
    """Say whether a text is a ULID of the strict form."""
    return _STRICT.match(text) is not None


def make_ulid(now_ms: int, entropy: bytes) -> str:
    """Return the ULID of a wall time and ten random bytes; ULIDs sort by their time."""
    if not 0 <= now_ms <= MAX_ULID_TIME_MS:
        raise InputError(f"time of a ULID: expected 0 to {MAX_ULID_TIME_MS} ms, found {now_ms}")
    if len(entropy) != ENTROPY_BYTES:
        raise InputError(f"entropy of a ULID: expected {ENTROPY_BYTES} bytes, found {len(entropy)}")
    number = now_ms << 80 | int.from_bytes(entropy, "big")
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def ulid_time_ms(ulid: str) -> int:
    """Return the time that a ULID carries, in ms since the epoch."""
    if not is_ulid(ulid):
        raise InputError(f"ULID: expected 26 characters of Crockford's base 32, found {ulid!r}")
    time_ms = 0
    for character in ulid[:_TIME_CHARACTERS]:
        time_ms = time_ms << 5 | _ALPHABET.index(character)
    return time_ms
