"""The symbol table against a dictionary."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from promontory.model.symbols import EMPTY, SymbolTable


@given(st.lists(st.binary(max_size=12), max_size=40), st.lists(st.binary(max_size=12), max_size=10))
@settings(max_examples=60, deadline=None)
def test_equal_code_means_equal_string(texts: list[bytes], others: list[bytes]) -> None:
    table = SymbolTable()
    codes = {text: table.intern(text) for text in texts}
    assert all(table.intern(text) == code and table.text(code) == text for text, code in codes.items())
    assert len(set(codes.values())) == len(codes)
    for text in others:
        assert table.find(text) == ({b"": EMPTY} | codes).get(text)


def test_the_table_grows_past_its_first_arrays() -> None:
    table = SymbolTable()
    texts = [b"x" * 9000, *(f"value-{number}".encode() for number in range(5000))]
    codes = [table.intern(text) for text in texts]
    assert codes == list(range(1, 5002))
    assert [table.text(code) for code in codes] == texts
    assert len(table) == 5002
    assert table.resident_bytes > 9000


def test_adopted_strings_keep_their_meaning() -> None:
    table, other = SymbolTable(), SymbolTable()
    table.intern(b"shared")
    theirs = [other.intern(text) for text in (b"own", b"shared", b"\xff")]
    mapped = table.adopt(other)
    assert [table.text(int(mapped[code])) for code in theirs] == [b"own", b"shared", b"\xff"]
    assert mapped[EMPTY] == EMPTY


def test_ranks_follow_the_bytes_and_not_the_codes() -> None:
    table = SymbolTable()
    codes = np.array([table.intern(text) for text in (b"b", b"a", b"", b"b", b"\xff", b"aa")], np.int32)
    assert table.ranks(codes).tolist() == [3, 1, 0, 3, 4, 2]


def test_the_index_grows_with_the_strings_and_not_faster() -> None:
    table = SymbolTable()
    for number in range(20_000):
        table.intern(b"%d" % number)
    # Slots and hashes of the next power of two, four times the strings; once the slots alone were 2 GiB here.
    assert table.resident_bytes < 100 * len(table)


def test_the_arrow_view_shows_the_strings() -> None:
    table = SymbolTable()
    codes = np.array([table.intern(text) for text in (b"b", b"", b"\xff")], np.int32)
    assert table.arrow(codes).to_pylist() == [b"b", b"", b"\xff"]


class GrowingTable(SymbolTable):
    """A table that another thread makes grow as soon as its arrays are in hand."""

    def arrays(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        arrays = super().arrays()
        for number in range(600):
            self.intern(f"later {number}".encode())
        return arrays


def test_a_table_that_grows_while_it_is_read_shows_what_it_held() -> None:
    table = GrowingTable()
    codes = np.array([table.intern(text) for text in (b"b", b"", b"a")], np.int32)
    assert table.arrow(codes).to_pylist() == [b"b", b"", b"a"]
    source, target = GrowingTable(), SymbolTable()
    codes = np.array([source.intern(text) for text in (b"b", b"a")], np.int32)
    assert [target.text(code) for code in target.adopt(source)[codes]] == [b"b", b"a"]
    assert len(target) == 3


def test_threads_that_intern_at_once_agree() -> None:
    table = SymbolTable()
    texts = [f"text-{number}".encode() for number in range(500)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: [table.intern(text) for text in texts], range(4)))
    assert all(answer == answers[0] for answer in answers)
    assert len(table) == 501
