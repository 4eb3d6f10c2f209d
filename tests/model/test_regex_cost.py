"""What a regular expression would cost is told without compiling it."""

import pytest

from promontory.errors import InputError
from promontory.model.matcher import compile_regex
from promontory.model.regex_cost import ANY_SIZE, MAX_PAIRS, MAX_SIZE, UNICODE_CLASS_SIZE, RegexCost, estimate_cost

# Size, pairs, first, last, nullable.
COSTS = {
    b"": (0, 0, 0, 0, True),
    b"ab": (2, 1, 1, 1, False),
    b"a|bc": (3, 1, 2, 2, False),
    b"a*": (1, 1, 1, 1, True),
    b"a+": (1, 1, 1, 1, False),
    b"a?b?": (2, 1, 2, 2, True),
    b"(ab)*c": (3, 3, 2, 1, False),
    b"a{3}": (3, 2, 1, 1, False),
    b"a{1,3}": (3, 3, 1, 3, False),
    b"a{2,}": (2, 2, 1, 1, False),
    b"(?:a|b|)c": (3, 2, 3, 1, False),
    b"abc*": (3, 3, 1, 2, False),
    b"^(?i)a$": (1, 0, 1, 1, False),
    b"(?P<n>a)": (1, 0, 1, 1, False),
    b".": (ANY_SIZE, 0, 1, 1, False),
    b"\\pL": (UNICODE_CLASS_SIZE, 0, 1, 1, False),
    b"\\d\\x{41}\\.": (3, 2, 1, 1, False),
    b"\\Qa*b\\E": (7, 6, 1, 1, False),
    b"[]a*]": (ANY_SIZE + 2, 0, 1, 1, False),
    b"[^[:alpha:]\\]]*x": (ANY_SIZE + 7 + 1, 2, 2, 1, False),
}
BOMBS = [
    b"(?:x{0,99})" * 1_000, b"x?" * 30_000, b"(a*)*" * 13_000, b"\\pL" * 20_000, b"(?:a?){1,999}" * 5_000,
    b"(a{0,30}){0,30}" * 30, b".{1000}" * 100, b"[^x]{1000}" * 30,
]  # fmt: skip
ORDINARY = [
    b".*", b"|".join(b"instance-%d:9090" % place for place in range(2_000)), b"(api|web).*-[0-9a-f]{8}(-.+)?",
    b"[[:alpha:]_][[:alnum:]_]{0,62}", b"(\\d{1,3}\\.){3}\\d{1,3}:\\d+", b"(?i)prod(uction)?|stag(e|ing)", b"a" * 9_999,
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "cost"), COSTS.items())
def test_places_and_pairs_are_counted(pattern: bytes, cost: tuple[int, int, int, int, bool]) -> None:
    assert estimate_cost(pattern) == RegexCost(*cost)


@pytest.mark.parametrize("pattern", BOMBS)
def test_a_bomb_is_refused_before_it_is_compiled(pattern: bytes) -> None:
    with pytest.raises(InputError, match="error parsing regexp: expression too large: `"):
        compile_regex(pattern)


@pytest.mark.parametrize("pattern", ORDINARY)
def test_what_people_write_is_far_from_the_bounds(pattern: bytes) -> None:
    cost = estimate_cost(pattern)
    assert cost.size < MAX_SIZE
    assert cost.pairs < MAX_PAIRS / 10
    compile_regex(pattern)


@pytest.mark.parametrize("pattern", [b"(", b")", b"a)|(b", b"[", b"\\", b"{1}", b"*", b"a**", b"(?", b"[[:", b"\\p{"])
def test_what_is_no_regular_expression_gets_some_number(pattern: bytes) -> None:
    assert estimate_cost(pattern).size >= 0
