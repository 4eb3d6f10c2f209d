"""Random numbers and strings of PromQL, in all their spellings."""

from __future__ import annotations

from random import Random

NUMBERS = ("0", "1", "5", "3.25", ".5", "1e3", "2.5E-3", "1_000", "0x1F", "017", "Inf", "NaN", "inf", "1e300", "1e-9",
           "123456789.125", "5m", "1h30m", "250ms", "1d", "2w")  # fmt: skip
CHARACTERS = ("a", "B", "7", " ", "é", "世", "😀", "$1", ".", "*", "{", "#", "/")
ESCAPES = ("\\n", "\\t", "\\\\", "\\x41", "\\xff", "\\101", "\\u00e9", "\\U0001F600", "\\a")
QUOTES = "\"'`"
LONGEST = 4


def spell_number(random: Random) -> str:
    """Return a number or a duration that stands for one."""
    if random.random() < 0.3:
        return str(random.randint(0, 10**6) / 8)
    return NUMBERS[random.randrange(len(NUMBERS))]


def spell_string(random: Random, text: str | None = None) -> str:
    """Return a string in quotes: of the text, or of any characters and escapes."""
    quote = QUOTES[random.randrange(len(QUOTES))]
    if text is not None:
        return quote + text + quote
    parts = CHARACTERS if quote == "`" else CHARACTERS + ESCAPES + (f"\\{quote}",)
    inner = "".join(parts[random.randrange(len(parts))] for _ in range(random.randint(0, LONGEST)))
    return quote + inner + quote
