"""The lexer: query bytes to tokens, in one pass, in the order and with the errors of Prometheus'.

What a byte means depends on where it stands:

    statement   everywhere else
    braces      inside { }: identifiers, strings, = != =~ !~ and commas
    duration    inside [ ] until its first number; after that `statement` with `:` and duration functions

An error ends the tokens with one of kind ERROR; it counts only when the parser gets there. Its place is where the
token began, or behind the token that made the trouble visible.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from promontory.model.quoting import name_character, quote_character, quote_text
from promontory.promql.numbers import ALPHANUMERIC, DECIMAL_DIGITS, END, byte_at, scan_duration, scan_number
from promontory.promql.tokens import DURATION_FUNCTIONS, FILL_KEYWORDS, KEYWORDS, Token, TokenKind

INVALID_RUNE = 0xFFFD
SPACES = frozenset(b" \t\n\r")
LETTERS = ALPHANUMERIC - DECIMAL_DIGITS
DURATION_LETTERS = frozenset(b"srmSRM")

_SPACE = re.compile(rb"[ \t\n\r]+")
_COMMENT = re.compile(rb"#[^\r\n]*")
_WORD = re.compile(rb"[A-Za-z0-9_:]+")
_IDENTIFIER = re.compile(rb"[A-Za-z0-9_]+")
_LETTERS = re.compile(rb"[A-Za-z_]+")
_LEFT_PAREN_AHEAD = re.compile(rb"[ \t\n\r]*\(")
_PLAIN_STRING = {
    ord('"'): re.compile(rb'"[ !#-\[\]-~\t]*"'),
    ord("'"): re.compile(rb"'[ -&(-\[\]-~\t]*'"),
    ord("`"): re.compile(rb"`[ -_a-~\t\n\r]*`"),
}
_COLON, _DOT, _HASH, _BACKSLASH, _NEWLINE = b":.#\\\n"

_PUNCTUATION: dict[int, tuple[TokenKind, str]] = {
    ord(text): (kind, text)
    for kind, texts in (
        (TokenKind.COMMA, ","),
        (TokenKind.SIGN, "+-"),
        (TokenKind.OPERATOR, "*/%^"),
        (TokenKind.AT, "@"),
    )
    for text in texts
}
_DURATION_PUNCTUATION = {byte: found for byte, found in _PUNCTUATION.items() if found[0] is not TokenKind.AT}
_COMPARISONS = {
    b"==": TokenKind.OPERATOR, b"!=": TokenKind.NOT_EQUAL, b"<=": TokenKind.OPERATOR, b">=": TokenKind.OPERATOR,
    b"</": TokenKind.OPERATOR, b">/": TokenKind.OPERATOR,
}  # fmt: skip
_MATCH_OPERATORS = {
    b"=~": TokenKind.MATCH_OPERATOR, b"!~": TokenKind.MATCH_OPERATOR, b"!=": TokenKind.NOT_EQUAL,
}  # fmt: skip
# Digits, base and greatest value of an escape that names a character or byte.
_NUMERIC_ESCAPES = {
    **dict.fromkeys(b"01234567", (3, 8, 255)),
    ord("x"): (2, 16, 255),
    ord("u"): (4, 16, 0x10FFFF),
    ord("U"): (8, 16, 0x10FFFF),
}
_SIMPLE_ESCAPES = frozenset(b"abfnrtv\\")


def tokenize(query: bytes) -> list[Token]:
    """Return the tokens of a query without comments; the last is EOF or ERROR. Time grows with the length."""
    return list(scan_tokens(query))


def scan_tokens(query: bytes) -> Iterator[Token]:
    """Yield the tokens as they are asked for, so that a mistake at the beginning costs nothing of the rest."""
    lexer = _Lexer(query)
    while not lexer.ended:
        yield from lexer.step()


def rune_at(query: bytes, offset: int) -> tuple[int, int]:
    """Return the code point at an offset and its size: (END, 0) behind the last, (U+FFFD, 1) for what is no UTF-8."""
    first = byte_at(query, offset)
    if first < 0x80:
        return first, int(first != END)
    size = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
    try:
        return ord(query[offset : offset + size].decode()), size
    except (UnicodeDecodeError, TypeError):
        return INVALID_RUNE, 1


class _Lexer:
    def __init__(self, query: bytes) -> None:
        self._query = query
        self._tokens: list[Token] = []
        self._offset = 0
        self._paren_depth = 0
        self._state: Callable[[int], None] = self._statement
        self._bracket_open = False
        self._had_colon = False
        self._had_duration = False
        self.ended = False

    def step(self) -> list[Token]:
        """Return the next token; none where a comment ends, the last two where an error shows behind one."""
        self._tokens = []
        if space := _SPACE.match(self._query, self._offset):
            self._offset = space.end()
        byte = byte_at(self._query, self._offset)
        if byte == _HASH and self._state != self._duration:
            self._offset = _COMMENT.match(self._query, self._offset).end()  # type: ignore[union-attr]
        else:
            self._state(byte)
        return self._tokens

    def _emit(self, kind: TokenKind, end: int, word: str = "") -> None:
        self._tokens.append(Token(kind, self._offset, end, self._query[self._offset : end], word))
        self._offset = end

    def _fail(self, message: str, *, start: int | None = None) -> None:
        place = self._offset if start is None else start
        self._tokens.append(Token(TokenKind.ERROR, place, len(self._query), b"", message))
        self.ended = True

    def _statement(self, byte: int) -> None:
        if byte == END:
            self._end()
        elif byte in LETTERS or byte == _COLON:
            if self._bracket_open:
                self._word_in_bracket(byte)
            else:
                self._word()
        elif found := _PUNCTUATION.get(byte):
            self._emit(found[0], self._offset + 1, found[1])
        elif self._starts_number(byte):
            self._number_or_duration()
        elif byte in b"=!<>":
            self._comparison(byte)
        elif byte in b"\"'`":
            self._string(byte)
        elif byte in b"(){}[]":
            self._bracket(byte)
        else:
            self._fail(f"unexpected character: {quote_character(rune_at(self._query, self._offset)[0])}")

    def _end(self) -> None:
        if self._paren_depth:
            self._fail("unclosed left parenthesis")
        elif self._bracket_open:
            self._fail("unclosed left bracket")
        else:
            self._emit(TokenKind.EOF, self._offset)
            self.ended = True

    def _starts_number(self, byte: int) -> bool:
        return byte in DECIMAL_DIGITS or (byte == _DOT and byte_at(self._query, self._offset + 1) in DECIMAL_DIGITS)

    def _number_or_duration(self) -> None:
        end, is_number = scan_number(self._query, self._offset)
        if is_number:
            self._emit(TokenKind.NUMBER, end)
            return
        end, is_duration = scan_duration(self._query, end)
        if is_duration:
            self._emit(TokenKind.DURATION, end)
        else:
            self._fail(f"bad number or duration syntax: {quote_text(self._query[self._offset : end])}")

    def _comparison(self, byte: int) -> None:
        pair = self._query[self._offset : self._offset + 2]
        if kind := _COMPARISONS.get(pair):
            self._emit(kind, self._offset + 2, pair.decode())
        elif byte == ord("!"):
            code, _ = rune_at(self._query, self._offset + 1)
            self._fail(f"unexpected character after '!': {quote_character(code)}")
        elif pair == b"=~":
            self._fail("unexpected character after '=': '~'")
        else:
            kind = TokenKind.EQUAL if byte == ord("=") else TokenKind.OPERATOR
            self._emit(kind, self._offset + 1, chr(byte))

    def _word(self) -> None:
        end = _WORD.match(self._query, self._offset).end()  # type: ignore[union-attr]
        text = self._query[self._offset : end]
        kind, word = KEYWORDS.get(text.lower(), (TokenKind.IDENTIFIER, ""))
        if word in FILL_KEYWORDS and not _LEFT_PAREN_AHEAD.match(self._query, end):
            kind, word = TokenKind.IDENTIFIER, ""
        elif b":" in text:
            kind = TokenKind.METRIC_IDENTIFIER
        self._emit(kind, end, word)

    def _word_in_bracket(self, byte: int) -> None:
        if byte == _COLON:
            if self._had_colon:
                self._fail("unexpected colon ':'")
            else:
                self._had_colon = True
                self._emit(TokenKind.COLON, self._offset + 1, ":")
        elif not self._duration_function(byte):
            self._fail(f"unexpected character: {quote_character(byte)}, expected ':'")

    def _duration_function(self, byte: int) -> bool:
        if byte not in DURATION_LETTERS:
            return False
        end = _LETTERS.match(self._query, self._offset).end()  # type: ignore[union-attr]
        word = self._query[self._offset : end].lower().decode()
        if word not in DURATION_FUNCTIONS:
            return False
        self._emit(TokenKind.FUNCTION_KEYWORD, end, word)
        return True

    def _bracket(self, byte: int) -> None:
        behind = self._offset + 1
        if byte in b"()":
            self._parenthesis(byte)
        elif byte == ord("{"):
            self._emit(TokenKind.LEFT_BRACE, behind)
            self._state = self._braces
        elif byte == ord("["):
            if self._bracket_open:
                self._fail("unexpected left bracket '['")
                return
            self._emit(TokenKind.LEFT_BRACKET, behind)
            self._bracket_open, self._had_colon = True, False
            self._state = self._duration
        elif byte == ord("]") and self._bracket_open:
            self._emit(TokenKind.RIGHT_BRACKET, behind)
            self._bracket_open = False
        elif byte == ord("]"):
            self._fail("unexpected right bracket ']'")
        else:
            self._fail("unexpected character: '}'")

    def _parenthesis(self, byte: int) -> None:
        behind = self._offset + 1
        if byte == ord("("):
            self._emit(TokenKind.LEFT_PAREN, behind)
            self._paren_depth += 1
            return
        self._paren_depth -= 1
        if self._paren_depth < 0:
            self._fail("unexpected right parenthesis ')'", start=behind)
        else:
            self._emit(TokenKind.RIGHT_PAREN, behind)

    def _braces(self, byte: int) -> None:
        pair = self._query[self._offset : self._offset + 2]
        if byte == END:
            self._fail("unexpected end of input inside braces")
        elif byte in LETTERS:
            end = _IDENTIFIER.match(self._query, self._offset).end()  # type: ignore[union-attr]
            self._emit(TokenKind.IDENTIFIER, end)
        elif byte in b"\"'`":
            self._string(byte)
        elif kind := _MATCH_OPERATORS.get(pair):
            self._emit(kind, self._offset + 2, pair.decode())
        elif byte == ord("="):
            self._emit(TokenKind.EQUAL, self._offset + 1, "=")
        elif byte == ord(","):
            self._emit(TokenKind.COMMA, self._offset + 1, ",")
        elif byte == ord("}"):
            self._emit(TokenKind.RIGHT_BRACE, self._offset + 1)
            self._state = self._statement
        elif byte == ord("!"):
            code, _ = rune_at(self._query, self._offset + 1)
            self._fail(f"unexpected character after '!' inside braces: {quote_character(code)}")
        elif byte == ord("{"):
            self._fail("unexpected left brace '{'")
        else:
            code, _ = rune_at(self._query, self._offset)
            self._fail(f"unexpected character inside braces: {quote_character(code)}")

    def _duration(self, byte: int) -> None:
        behind = self._offset + 1
        if byte == END:
            self._fail("unexpected end of input in duration expression")
        elif byte == ord("]"):
            self._emit(TokenKind.RIGHT_BRACKET, behind)
            self._bracket_open = self._had_colon = False
            self._state = self._statement
        elif byte == _COLON:
            if not self._had_duration:
                self._fail("unexpected colon before duration in duration expression", start=behind)
            elif self._had_colon:
                self._fail("unexpected repeated colon in duration expression", start=behind)
            else:
                self._had_colon = True
                self._emit(TokenKind.COLON, behind, ":")
        elif byte in b"()":
            self._parenthesis(byte)
        elif found := _DURATION_PUNCTUATION.get(byte):
            self._emit(found[0], behind, found[1])
        elif self._starts_number(byte):
            self._had_duration = True
            self._state = self._statement
            self._number_or_duration()
        elif not self._duration_function(byte):
            code, _ = rune_at(self._query, self._offset)
            self._fail(f"unexpected character in duration expression: {quote_character(code)}")

    def _string(self, quote: int) -> None:
        if plain := _PLAIN_STRING[quote].match(self._query, self._offset):
            self._emit(TokenKind.STRING, plain.end())
            return
        raw = quote == ord("`")
        offset = self._offset + 1
        while True:
            code, size = rune_at(self._query, offset)
            offset += size
            if code == quote:
                self._emit(TokenKind.STRING, offset)
                return
            if code == INVALID_RUNE:
                self._fail("invalid UTF-8 rune")
                return
            if code == END or (code == _NEWLINE and not raw):
                self._fail("unterminated raw string" if raw else "unterminated quoted string")
                return
            if code == _BACKSLASH and not raw:
                offset, trouble = _scan_escape(self._query, offset, quote)
                if trouble:
                    self._fail(trouble)
                    return


def _scan_escape(query: bytes, offset: int, quote: int) -> tuple[int, str]:
    """Return where the escape ends whose backslash ends at `offset`, and what is wrong with it, if anything."""
    code, size = rune_at(query, offset)
    if code in _SIMPLE_ESCAPES or code == quote:
        return offset + size, ""
    if code == END:
        return offset, "escape sequence not terminated"
    if code not in _NUMERIC_ESCAPES:
        return offset, f"unknown escape sequence {name_character(code)}"
    count, base, greatest = _NUMERIC_ESCAPES[code]
    if base == 16:
        offset += 1
    value = 0
    for _ in range(count):
        code, size = rune_at(query, offset)
        if code == END:
            return offset, "escape sequence not terminated"
        digit = int(chr(code), 16) if code < 0x80 and chr(code) in "0123456789abcdefABCDEF" else 16
        if digit >= base:
            return offset, f"illegal character {name_character(code)} in escape sequence"
        value = value * base + digit
        offset += size
    if value > greatest or 0xD800 <= value < 0xE000:
        return offset, "escape sequence is an invalid Unicode code point"
    return offset, ""
