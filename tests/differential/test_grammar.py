"""The grammar repeats itself by seed, uses every word, and its table of known differences has its script."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from promontory.errors import PromontoryError
from promontory.promql.parser import parse_query
from tests.differential.case import make_case
from tests.differential.known import KNOWN
from tests.differential.run import WORDS

SCRIPT = Path(__file__).parent.parent / "scripts" / "since_2_42.test"
CASES = 1500


def test_a_seed_and_a_number_make_one_case_whatever_ran_before() -> None:
    assert [str(make_case(7, number)) for number in (3, 4)] == [str(make_case(7, number)) for number in (4, 3)][::-1]
    assert str(make_case(7, 3)) != str(make_case(8, 3))


def test_every_word_is_used_and_nearly_every_query_parses() -> None:
    uses: Counter[str] = Counter()
    refused = 0
    for case in (make_case(1, number) for number in range(CASES)):
        uses.update({*case.query.all_uses(), "instant" if case.is_instant else "range"})
        try:
            parse_query(str(case.query))
        except PromontoryError:
            refused += 1
    assert {word for words in WORDS.values() for word in words} - uses.keys() == set()
    assert refused < CASES * 0.05


def test_every_known_difference_has_its_rule_of_3_14_in_the_script() -> None:
    headings = [line[2:] for line in SCRIPT.read_text().splitlines() if line.startswith("# ")]
    assert [heading for heading in headings if heading in {row.name for row in KNOWN}] == [row.name for row in KNOWN]
    assert all(row.avoided or row.recognise is not None for row in KNOWN)
