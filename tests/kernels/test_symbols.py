"""The interning kernels equal their plain-Python definitions."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from promontory.kernels import symbols as kernels

TEXTS = st.lists(st.one_of(st.binary(max_size=20), st.sampled_from([b"", b"a", b"same", b"same one"])), max_size=30)


def intern(texts: list[bytes], *, plain: bool, room: int = 64) -> tuple[int, list[int], int, list[int]]:
    data = np.frombuffer(b"".join(texts) or b"\0", np.uint8)
    ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
    starts = ends - np.array([len(text) for text in texts], np.int64)
    codes, count = np.full(len(texts), -1, np.int32), np.zeros(1, np.int64)
    blob, start = np.zeros(room * 20, np.uint8), np.zeros(room + 1, np.int64)
    hashes, slots = np.zeros(room, np.uint64), np.zeros(128, np.int32)
    run = kernels.intern_spans.py_func if plain else kernels.intern_spans
    done = run(data, starts, ends, codes, 0, blob, start, hashes, slots, count)
    return done, codes.tolist(), int(count[0]), hashes.tolist()


@given(TEXTS)
@settings(max_examples=60, deadline=None)
def test_kernel_and_definition_give_equal_codes_to_equal_strings(texts: list[bytes]) -> None:
    done, codes, count, hashes = intern(texts, plain=False)
    assert (done, codes, count, hashes) == intern(texts, plain=True)
    order = list(dict.fromkeys(texts))
    assert done == len(texts)
    assert count == len(order)
    assert codes == [order.index(text) for text in texts]


def test_without_room_the_kernel_stops_at_the_string_that_does_not_fit() -> None:
    texts = [b"a", b"b", b"a", b"c", b"d"]
    for plain in (False, True):
        done, codes, count, _ = intern(texts, plain=plain, room=2)
        assert (done, codes, count) == (3, [0, 1, 0, -1, -1], 2)


def test_a_rebuilt_index_finds_every_code() -> None:
    texts = [f"label-{number}".encode() for number in range(40)]
    _, _, count, hashes = intern(texts, plain=False)
    tables = []
    for rebuild in (kernels.rebuild_slots, kernels.rebuild_slots.py_func):
        slots = np.zeros(256, np.int32)
        rebuild(np.array(hashes, np.uint64), count, slots)
        tables.append(slots.tolist())
    assert tables[0] == tables[1]
    assert sorted(slot for slot in tables[0] if slot) == list(range(1, count + 1))
