"""The corpus replayed: every branch that fuzzing has reached, in plain Python and in machine code."""

from __future__ import annotations

import pytest

from tests.fuzz.corpus import read_corpus
from tests.fuzz.outcome import check_input
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("target", TARGETS)
def test_no_input_of_the_corpus_is_a_find(target: str) -> None:
    corpus = read_corpus(target)
    assert corpus
    for data in [*TARGETS[target].seeds(), *corpus]:
        check_input(TARGETS[target].check, data)
